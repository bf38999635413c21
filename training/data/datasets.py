"""Data sets by name: where they are looked for, how they are loaded, and what to do where they are missing.

A known data set is looked for in ``--data-dir``, then in the folder that the environment variable ``ASKEW_DATA``
names, then in the user's cache; in each of them in a subfolder of its name, then directly. What is in none of them is
downloaded to the cache.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from training.data.sources import cifar, idx
from training.data.sources.catalogue import KNOWN, KnownDataset
from training.data.sources.dataset import DataError, Dataset, Shape, Split
from training.data.sources.digits import load_digits
from training.data.sources.fetch import fetch_files
from training.data.sources.folder import LAYOUT, load_folder
from training.data.sources.image_file import SUFFIXES
from training.data.sources.npz import load_npz
from training.data.sources.preparation import Preparation

__all__ = [
    "DataError",
    "Dataset",
    "DatasetInfo",
    "Preparation",
    "Split",
    "fetch_dataset",
    "list_datasets",
    "load_dataset",
]

ENVIRONMENT_VARIABLE = "ASKEW_DATA"


@dataclass(frozen=True)
class DatasetInfo:
    """What `askew data list` says about a known data set.

    Attributes:
        shape: (H, W, C) of every image.
        embedded: it comes with an installed package and need not be fetched.
        location: the folder where it was found; None where it is embedded or not here.
        problem: why a folder that seems to hold it cannot be used; empty where there is none.
        download_bytes: what fetching it would transfer; 0 where it is embedded.
    """

    name: str
    description: str
    shape: Shape
    classes: int
    train_images: int
    test_images: int
    embedded: bool
    location: Path | None
    problem: str
    download_bytes: int

    @property
    def where(self) -> str:
        """Where it is, or how to get it."""
        if self.embedded:
            return "embedded"
        if self.problem:
            return self.problem
        if self.location is not None:
            return str(self.location)
        return f"not here: askew data fetch {self.name} ({self.download_bytes / 1e6:.0f} MB)"


@dataclass(frozen=True)
class _FileFormat:
    missing_files: Callable[[Path], list[str]]
    load: Callable[[KnownDataset, Path], Dataset]
    files: Callable[[Path], dict[str, Path]]
    parts: int  # files that make it whole


_IDX = _FileFormat(idx.missing_files, idx.load_idx, idx.files, len(idx.FILE_NAMES))
_CIFAR10 = _FileFormat(
    cifar.missing_files, cifar.load_cifar10, cifar.files, len((*cifar.TRAIN_FILES, *cifar.TEST_FILES))
)
_FORMATS = {"mnist": _IDX, "fashion-mnist": _IDX, "cifar10": _CIFAR10}


def load_dataset(name: str, data_dir: Path | None = None, preparation: Preparation | None = None) -> Dataset:
    """Load a known data set by its name, or the user's own by the path of its ``.npz`` or folder of images.

    Args:
        name: ``digits``, ``mnist``, ``fashion-mnist``, ``cifar10``, a path that ends in ``.npz``, or that of a folder
            as in ``data.sources.folder``. A relative path that is not there is looked for in the data folders too.
        data_dir: the first folder to look in.
        preparation: what is done to a folder's images; all others are taken as they are stored.

    Raises:
        DataError: it is not known, not here and not to be had, or its files are damaged.
    """
    asked = preparation.asked if preparation else ()
    if name not in KNOWN and not name.endswith(".npz"):
        own = _own(Path(name), data_dir)
        if own.is_dir():
            return load_folder(own, preparation)
        if asked or len(own.parts) > 1:
            looked = ", ".join(str(place) for place in _places(data_dir))
            raise DataError(
                f"{own}: no such folder; {LAYOUT} (data.name; a relative path is looked for in {looked} too)"
            )
    if asked:
        raise DataError(f"data.{asked[0]}: is for folders of images, {name} is taken as it is stored; leave it out")
    if name.endswith(".npz"):
        return load_npz(_own(Path(name), data_dir))
    known = _known(name)
    if not known.files:
        return load_digits(known)
    folder = _locate(known, data_dir)
    if folder is None:
        folder = _cache() / known.name
        try:
            fetch_files(known, folder)
        except DataError as error:
            looked = ", ".join(str(place) for place in _places(data_dir))
            raise DataError(f"{error} (looked in {looked})") from error
    return _FORMATS[known.name].load(known, folder)


def dataset_files(name: str, data_dir: Path | None = None) -> dict[str, Path]:
    """Every file that ``load_dataset`` would read, by its name within the data set; none where it is embedded.

    Raises:
        DataError: it is not here, or not whole.
    """
    if name in KNOWN:
        known = KNOWN[name]
        if not known.files:
            return {}
        folder = _locate(known, data_dir)
        if folder is None:
            raise DataError(f"data set {name}: not here; fetch it with `askew data fetch {name}`")
        return _FORMATS[name].files(folder)
    own = _own(Path(name), data_dir)
    if own.is_file():
        return {"images": own}
    if not own.is_dir():
        raise DataError(f"{own}: no such file or folder")
    found = (file for file in own.rglob("*") if file.suffix.lower() in SUFFIXES)
    return {file.relative_to(own).as_posix(): file for file in found}


def list_datasets(data_dir: Path | None = None) -> list[DatasetInfo]:
    """Every known data set and where it is; nothing is downloaded or read.

    Raises:
        DataError: ``data_dir`` or ``ASKEW_DATA`` names no folder.
    """
    _places(data_dir)
    return [_describe(known, data_dir) for known in KNOWN.values()]


def fetch_dataset(name: str, data_dir: Path | None = None) -> Path:
    """Download a known data set unless it is here, and return its folder.

    Args:
        name: a known name.
        data_dir: look only here, and download to its subfolder ``name``; the user's cache where None.

    Raises:
        DataError: it is not known, is embedded, or cannot be downloaded.
    """
    known = _known(name)
    if not known.files:
        raise DataError(f"data set {name}: comes with scikit-learn; there is nothing to fetch")
    if data_dir is None:
        found = _locate(known, None)
    else:
        folders = (data_dir / known.name, data_dir)
        found = next((folder for folder in folders if not _FORMATS[known.name].missing_files(folder)), None)
    if found is not None:
        return found
    folder = (_cache() if data_dir is None else data_dir) / known.name
    fetch_files(known, folder)
    return folder


def _known(name: str) -> KnownDataset:
    if name in KNOWN:
        return KNOWN[name]
    close = difflib.get_close_matches(name.lower().replace("_", "-"), KNOWN, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise DataError(
        f"data set {name!r} is not known; {hint}choose one of {', '.join(KNOWN)}, or give the path of your own .npz "
        "or folder of images"
    )


def _cache() -> Path:
    return platformdirs.user_cache_path("askew")


def _places(data_dir: Path | None) -> list[Path]:
    """The folders to look in, first to last."""
    places = []
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    for source, place in (("--data-dir", data_dir), (ENVIRONMENT_VARIABLE, Path(variable) if variable else None)):
        if place is None:
            continue
        if not place.is_dir():
            raise DataError(f"{source} {place}: no such folder; correct it, or leave it out")
        places.append(place)
    return [*places, _cache()]


def _locate(known: KnownDataset, data_dir: Path | None) -> Path | None:
    """The first folder that holds a whole data set.

    Raises:
        DataError: one of the user's own folders holds a part of it.
    """
    file_format = _FORMATS[known.name]
    for place in _places(data_dir):
        for folder in (place / known.name, place):
            missing = file_format.missing_files(folder)
            if not missing:
                return folder
            if len(missing) < file_format.parts and place != _cache():
                raise DataError(
                    f"{folder}: data set {known.name} is incomplete, {', '.join(missing)} "
                    f"{'is' if len(missing) == 1 else 'are'} missing; add the files, or look elsewhere with --data-dir"
                )
    return None


def _describe(known: KnownDataset, data_dir: Path | None) -> DatasetInfo:
    location, problem = None, ""
    if known.files:
        try:
            location = _locate(known, data_dir)
        except DataError as error:
            problem = str(error)
    return DatasetInfo(
        name=known.name,
        description=known.description,
        shape=known.shape,
        classes=len(known.class_names),
        train_images=known.train_images,
        test_images=known.test_images,
        embedded=not known.files,
        location=location,
        problem=problem,
        download_bytes=known.download_bytes,
    )


def _own(path: Path, data_dir: Path | None) -> Path:
    """Where the user's own file or folder is; ``path`` itself where it is nowhere."""
    if path.exists() or path.is_absolute():
        return path
    candidates = [place / path for place in _places(data_dir)]
    return next((candidate for candidate in candidates if candidate.exists()), path)
