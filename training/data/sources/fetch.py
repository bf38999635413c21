"""Downloads with checksums: a file that arrives whole and unaltered is kept, any other is not."""

from __future__ import annotations

import sys
from pathlib import Path

from training.data.sources.catalogue import KnownDataset, RemoteFile
from training.data.sources.dataset import DataError

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 18


def fetch_files(known: KnownDataset, folder: Path) -> None:
    """Download the files of a data set into ``folder``; those that are already there and whole are kept.

    Raises:
        DataError: a file cannot be had from any mirror, or cannot be written; the message says how to go on by hand.
    """
    for file in known.files:
        _fetch(known, file, folder)


def _fetch(known: KnownDataset, file: RemoteFile, folder: Path) -> None:
    import pooch  # noqa: PLC0415  only a download needs it
    from requests.exceptions import RequestException  # noqa: PLC0415

    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
    failures = []
    for mirror in file.mirrors:
        url = f"{mirror}/{file.name}"
        try:
            pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
            return
        except RequestException as error:
            failures.append(f"{url}: {_reason(error)}")
        except OSError as error:
            raise DataError(
                f"{folder}: {file.name} cannot be written there ({error.strerror or error}); make room, or choose "
                "another folder with --data-dir"
            ) from error
        except ValueError:  # pooch's answer to a wrong checksum
            failures.append(f"{url}: what came has another SHA-256 than {file.sha256[:12]}…")
    raise DataError(
        f"data set {known.name}: cannot download {file.name} ({'; '.join(failures)}); download it by hand into "
        f"{folder}, or name a folder that has it with --data-dir or ASKEW_DATA"
    )


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code} {response.reason}"
    return f"no connection ({type(error).__name__})"
