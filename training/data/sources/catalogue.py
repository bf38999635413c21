"""The data sets that Askew knows by name: what they are, and where their files are published.

The checksums are SHA-256 of the files as published, so a mirror that packs them anew is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.data.sources.dataset import Shape


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        name: its name, here and at every mirror.
        mirrors: the addresses of the folders that hold it, tried in turn.
        sha256: of the file as it is transferred, 64 hexadecimal digits.
    """

    name: str
    mirrors: tuple[str, ...]
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class KnownDataset:
    """What is known about a data set before any of its files is opened.

    Attributes:
        shape: (H, W, C) of every image.
        class_names: one a class, in the order of the labels.
        files: what to download; empty where the data set comes with an installed package.
    """

    name: str
    description: str
    shape: Shape
    class_names: tuple[str, ...]
    train_images: int
    test_images: int
    files: tuple[RemoteFile, ...] = ()

    @property
    def download_bytes(self) -> int:
        """What fetching it transfers."""
        return sum(file.size_bytes for file in self.files)


_DIGIT_NAMES = tuple(str(digit) for digit in range(10))

_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
_FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)
_CIFAR10_MIRRORS = ("https://www.cs.toronto.edu/~kriz",)

DIGITS = KnownDataset(
    name="digits",
    description="handwritten digits, 8 x 8, bundled with scikit-learn (UCI, Alpaydin and Kaynak 1998)",
    shape=(8, 8, 1),
    class_names=_DIGIT_NAMES,
    train_images=1437,
    test_images=360,
)

MNIST = KnownDataset(
    name="mnist",
    description="handwritten digits, 28 x 28 (LeCun, Cortes and Burges 1998)",
    shape=(28, 28, 1),
    class_names=_DIGIT_NAMES,
    train_images=60000,
    test_images=10000,
    files=(
        RemoteFile(
            "train-images-idx3-ubyte.gz",
            _MNIST_MIRRORS,
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        RemoteFile(
            "train-labels-idx1-ubyte.gz",
            _MNIST_MIRRORS,
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        RemoteFile(
            "t10k-images-idx3-ubyte.gz",
            _MNIST_MIRRORS,
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        RemoteFile(
            "t10k-labels-idx1-ubyte.gz",
            _MNIST_MIRRORS,
            4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
)

FASHION_MNIST = KnownDataset(
    name="fashion-mnist",
    description="photographs of clothes, 28 x 28 (Xiao, Rasul and Vollgraf 2017)",
    shape=(28, 28, 1),
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    train_images=60000,
    test_images=10000,
    files=(
        RemoteFile(
            "train-images-idx3-ubyte.gz",
            _FASHION_MIRRORS,
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        RemoteFile(
            "train-labels-idx1-ubyte.gz",
            _FASHION_MIRRORS,
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        RemoteFile(
            "t10k-images-idx3-ubyte.gz",
            _FASHION_MIRRORS,
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        RemoteFile(
            "t10k-labels-idx1-ubyte.gz",
            _FASHION_MIRRORS,
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
)

CIFAR10 = KnownDataset(
    name="cifar10",
    description="colour photographs of animals and vehicles, 32 x 32 (Krizhevsky 2009), binary version",
    shape=(32, 32, 3),
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    train_images=50000,
    test_images=10000,
    files=(
        RemoteFile(
            "cifar-10-binary.tar.gz",
            _CIFAR10_MIRRORS,
            170052171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
)

KNOWN: dict[str, KnownDataset] = {known.name: known for known in (DIGITS, MNIST, FASHION_MNIST, CIFAR10)}
