# finn-plus with what it needs to estimate (target frontend) and to build bitstreams (target build).
#
#   frontend      estimates, no Xilinx tools; built and tested without the wider internet
#   dependencies  FINN's HLS library and board files, from GitHub at the commits that finn-plus pins
#   build         both, and the system libraries that Vivado wants; `make bitstream` uses it
#
# Packages come from wherever pip in the base image is told to look: build arguments or a pip.conf of the base image.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS environment
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libgomp1 python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-torch.txt /opt/askew/
COPY tools/bootstrap.py /opt/askew/tools/
COPY docker/install.py docker/finn-packages.txt docker/finn-build-packages.txt docker/fetch_dependencies.py /opt/askew/docker/
RUN python3 -m venv /opt/askew/.venv \
 && /opt/askew/.venv/bin/python /opt/askew/docker/install.py /opt/askew/docker/finn-packages.txt
ENV PATH=/opt/askew/.venv/bin:$PATH PYTHONPATH=/opt/askew

FROM environment AS frontend
COPY bnn /opt/askew/bnn
COPY finn_build /opt/askew/finn_build
ENTRYPOINT ["python", "-m", "finn_build.container.inside"]

FROM environment AS dependencies
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git unzip xz-utils \
 && rm -rf /var/lib/apt/lists/*
RUN python /opt/askew/docker/fetch_dependencies.py /opt/finn/deps

FROM environment AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
# Vivado's own programs, its cross compilers' helpers, and what finn-plus compiles its simulators with.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      g++ git libboost-program-options-dev libc6-dev-i386 libglib2.0-0 libncurses5 libsm6 libtinfo5 libudev1 libx11-6 \
      libxext6 libxi6 libxrender1 libxtst6 locales make procps python3-dev unzip zip \
 && rm -rf /var/lib/apt/lists/* \
 && sed -i 's/^# *en_US.UTF-8/en_US.UTF-8/' /etc/locale.gen \
 && locale-gen \
 && pip install --quiet --no-cache-dir --no-deps --require-hashes --requirement /opt/askew/docker/finn-build-packages.txt \
 # finn-plus compiles its simulator interface for the mounted Vivado, as whichever user runs the container
 && chmod -R a+rwX "$(python -c 'import importlib.util; print(*importlib.util.find_spec("finn_xsi").submodule_search_locations)')"
COPY --from=dependencies /opt/finn/deps /opt/finn/deps
COPY bnn /opt/askew/bnn
COPY finn_build /opt/askew/finn_build
ENV FINN_DEPS=/opt/finn/deps LANG=en_US.UTF-8 LC_ALL=en_US.UTF-8
ENTRYPOINT ["python", "-m", "finn_build.container.inside"]
