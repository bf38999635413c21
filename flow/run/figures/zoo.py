"""``flow/zoo/networks/index.json``: the networks of the zoo."""

from __future__ import annotations

from finn_build.results.form import Count, Digest, Frames, Number, Part, Share, says


class ZooNetwork(Part):
    """One trained network: what it is, what it reaches, how it came about."""

    network_hash: Digest = says("of the integer network")
    sha256: dict[str, Digest] = says("file beside the index to the checksum of its bytes")
    dataset: str = says("whose images it takes, as `askew data list` names it")
    dataset_sha256: Digest | None = says("of the data set's files that it was trained and measured on", default=None)
    accuracy: Share = says("of the integer network on the test images, by which nothing was chosen", "0..1")
    frames: Frames = says("test images", "frames")
    weight_bits: Count = says("of its matrices", "bits")
    seed: Count = says("of the training")
    epochs: Count = says("of the training", "epochs")
    cpu_seconds: Number | None = says("of the training; null where nobody knows", "s", default=None)
    trained_by: str = says("who trained it, with what, on which machine")
    remark: str = says("what else should be known of it; may be empty", default="")
    askew_version: str | None = says("version that exported it", default=None)


class ZooIndex(Part):
    """All networks of the zoo."""

    askew_version: str | None = says("version that wrote the file", default=None)
    networks: dict[str, ZooNetwork] = says("name to network")
