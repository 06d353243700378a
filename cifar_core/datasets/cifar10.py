"""CIFAR-10: find it, verify it, load it; `cifar_core.datasets.download` fetches it.

It lies in a folder in one of two forms: as the six official batches, or as `train.npz` and `test.npz`, which
hold the same pictures where they came without the batches. Nothing is believed that was not hashed: a batch
is unpickled, which could run code, only after the very bytes had the official md5.
"""

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cifar_core import files, paths, settings
from cifar_core.datasets import copies
from cifar_core.datasets.dataset import Batch, Dataset, Facts, Ints, Part
from cifar_core.errors import DatasetError
from cifar_core.formats import printable

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_SHAPE = (32, 32, 3)
TRAIN_SIZE = 50_000
BATCH_SIZE = 10_000  # pictures in each of the official files
TEST_SIZE = 10_000

BATCH_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
CONTENT_SHA256 = {  # of the pixels, in the official order, and then the labels, a byte each
    "train": "f912919bdea371136f1aa4feed6beeca728015a5f08b1899a29c932a7e30be2b",
    "test": "8193b3fbce55bec361cd1b8fd4880cb1649832dc4d6de6da1e7a21847a4843aa",
}
FOLDER = copies.FOLDER
ARRAYS_FOLDER = "cifar-10-arrays"  # ours, for pictures that came without the batches
_DOWNLOAD = "python -m cifar_core data download"
COMMAND = f"`{_DOWNLOAD}`"


class Cifar10(Dataset):
    """CIFAR-10 (Krizhevsky 2009)."""

    title = "CIFAR-10"
    sizes: Mapping[Part, int] = {"train": TRAIN_SIZE, "test": TEST_SIZE}
    facts = Facts(
        name="cifar10",
        digest=hashlib.sha256("".join(CONTENT_SHA256.values()).encode()).hexdigest(),
        side=IMAGE_SHAPE[0],
        mirrors=True,
        class_names=CLASS_NAMES,
    )

    def load(self, part: Part) -> Batch:
        """Return a part, verified; DatasetError if it is not on this machine, or damaged."""
        return load_train() if part == "train" else load_test()

    def pick(self, part: Part, indices: Ints) -> Batch:
        """Return the pictures of a part at these places; only the files that hold them are read."""
        folder = locate()
        if part == "test" or _holds_arrays(folder):
            return super().pick(part, indices)
        images, labels = np.empty((len(indices), *IMAGE_SHAPE), np.uint8), np.empty(len(indices), np.int64)
        for number in np.unique(indices // BATCH_SIZE):
            here = indices // BATCH_SIZE == number
            batch = load_batch(folder, f"data_batch_{number + 1}")
            images[here], labels[here] = batch.take(indices[here] % BATCH_SIZE)
        return Batch(images, labels)

    def class_counts(self, part: Part) -> list[int]:
        """Return how many pictures of each class a part holds: of all alike, so that nothing is loaded."""
        return [self.sizes[part] // len(CLASS_NAMES)] * len(CLASS_NAMES)

    def folder(self) -> Path | None:
        """Return where it lies; DatasetError if it is not here."""
        return locate()

    def verify(self) -> None:
        """Check all hashes; DatasetError names the first file that is missing or wrong."""
        verify(locate())

    def problem(self) -> str | None:
        """Say why it is not on this machine, and what to do; None if it is."""
        try:
            locate()
        except DatasetError as error:
            return str(error)
        return None


def find() -> Path | None:
    """Return the folder that holds CIFAR-10: the one `CIFAR10_DIR` names, the cache's, or another library's.

    Of the first two it looks at the names only; what other libraries keep counts only when it is whole. None
    says that there is none, a DatasetError that `CIFAR10_DIR` is set and something is missing there.
    """
    if named := settings.CIFAR10_DIR.path():
        try:
            folder = min(named, named / FOLDER, key=lambda folder: len(_missing(folder)))
            if not (lacking := _missing(folder)):
                return folder
            fault = _fault(named, lacking)
        except OSError as error:  # of a folder that is not ours to look into, or a name that is none
            fault = f"cannot be read ({error.strerror})"
        raise DatasetError(
            f"{settings.CIFAR10_DIR.name} names {printable(str(named))}, which {fault}: let it name a folder "
            f"with the six official python-version batches, or unset it and run {COMMAND}."
        )
    return in_cache() or copies.find(BATCH_MD5)


def cached() -> tuple[Path, Path]:
    """Return the two folders of our own that may hold CIFAR-10; they need not exist."""
    return paths.cache() / FOLDER, paths.cache() / ARRAYS_FOLDER


def in_cache() -> Path | None:
    """Return the one of them that lacks no file, or None; it looks at the names only."""
    return next((folder for folder in cached() if not _missing(folder)), None)


def locate() -> Path:
    """Return what `find` finds, or raise a DatasetError that says how to get CIFAR-10."""
    if folder := find():
        return folder
    raise DatasetError(
        f"CIFAR-10 is not on this machine yet: get it on the Data page or with {COMMAND} (170 MB)."
    )


def verify(folder: Path) -> None:
    """Check the hashes of all of a folder; a DatasetError names the first file that is missing or wrong."""
    if _holds_arrays(folder):
        load_train(folder)
        load_test(folder)
        return
    for name in BATCH_MD5:
        _read(folder, name)


def content_sha256(batch: Batch) -> str:
    """Return the hash of pixels and labels, to compare with `CONTENT_SHA256`."""
    digest = hashlib.sha256(np.ascontiguousarray(batch.images).data)
    digest.update(batch.labels.astype(np.uint8).data)
    return digest.hexdigest()


def load_batch(folder: Path, name: str) -> Batch:
    """Load one batch, 10,000 images: `data_batch_1` to `5` or `test_batch`.

    A DatasetError says so if the file is missing or not the official one.
    """
    content = _read(folder, name)
    with warnings.catch_warnings():
        # NumPy 2.4 dislikes how arrays were pickled in 2009.
        warnings.filterwarnings("ignore", message=".*align should be passed")
        batch = pickle.loads(content, encoding="bytes")
    planes = batch[b"data"].reshape(-1, 3, 32, 32)
    return Batch(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(batch[b"labels"], np.int64))


def load_train(folder: Path | None = None) -> Batch:
    """Load the 50,000 training images in the order of the files; `folder` defaults to `locate()`."""
    folder = folder or locate()
    if _holds_arrays(folder):
        return _load_arrays(folder, "train")
    # Filled in place, because a list of batches to join would need the memory twice.
    images = np.empty((TRAIN_SIZE, *IMAGE_SHAPE), np.uint8)
    labels = np.empty(TRAIN_SIZE, np.int64)
    for part in range(5):
        rows = slice(part * BATCH_SIZE, (part + 1) * BATCH_SIZE)
        images[rows], labels[rows] = load_batch(folder, f"data_batch_{part + 1}")
    return Batch(images, labels)


def load_test(folder: Path | None = None) -> Batch:
    """Load the 10,000 test images in the file's order; `folder` defaults to `locate()`."""
    folder = folder or locate()
    return _load_arrays(folder, "test") if _holds_arrays(folder) else load_batch(folder, "test_batch")


def _fault(named: Path, lacking: list[str]) -> str:
    if named.is_file():
        return f"is a file, which `{_DOWNLOAD} --from FILE` takes if it is the archive"
    return f"lacks {', '.join(lacking)}" if named.is_dir() else "does not exist"


def _holds_arrays(folder: Path) -> bool:
    return all((folder / f"{part}.npz").is_file() for part in CONTENT_SHA256)


def _missing(folder: Path) -> list[str]:
    """Return the batches that a folder lacks; none, where it has the arrays instead."""
    return [] if _holds_arrays(folder) else [name for name in BATCH_MD5 if not (folder / name).is_file()]


def _load_arrays(folder: Path, part: str) -> Batch:
    path = folder / f"{part}.npz"
    try:
        arrays = files.read_arrays(path, {"images", "labels"})
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}): {_cure(path)}.") from error
    batch = Batch(arrays["images"], arrays["labels"].astype(np.int64))
    if content_sha256(batch) != CONTENT_SHA256[part] or batch.images.shape[1:] != IMAGE_SHAPE:
        raise DatasetError(f"{path} does not hold CIFAR-10's pictures (their hash differs): {_cure(path)}.")
    return batch


def _read(folder: Path, name: str) -> bytes:
    """Read a batch once and return its bytes if they are the official ones."""
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != BATCH_MD5[name]:
        raise DatasetError(f"{path} is not the official file (its md5 differs): {_cure(path)}.")
    return content


def _unreadable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f"{path} cannot be read ({error.strerror}): {_cure(path)}.")


def _cure(path: Path) -> str:
    # Only what is in our own cache is ours to replace; nothing else is to be deleted or written over.
    if path.parent in cached():
        return f"{COMMAND} replaces it"
    named = settings.CIFAR10_DIR.path()
    if named and path.parent in (named, named / FOLDER):
        name = settings.CIFAR10_DIR.name
        return f"let {name} name another folder, or unset it and run {COMMAND}"
    return "choose another folder"
