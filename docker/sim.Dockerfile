# Everything but FPGA tools: `docker run askew-sim` is `make test`; any other make target can be given instead.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates g++ git libgomp1 make perl python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY . /opt/askew
WORKDIR /opt/askew
RUN PIP_NO_CACHE_DIR=1 make setup
ENTRYPOINT ["make", "--no-print-directory"]
CMD ["test"]
