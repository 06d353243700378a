"""VGG16's ImageNet weights: the file of the setting, Keras' own copy, or one that is downloaded once."""

import hashlib
from pathlib import Path

from cifar_core import paths, settings
from cifar_core.datasets import store, transfer
from cifar_core.errors import CifarLabError

NAME = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{NAME}"
MD5 = "6d6bbae143d832006294945121d1f1fc"  # as Keras has it
_BYTES = 59_000_000
_SOMETHING = 2**14  # bytes, which earn another attempt


def vgg16_weights() -> Path:
    """Return the file of VGG16's ImageNet weights, without top; it is downloaded if it is not here.

    Raises
    ------
    CifarLabError
        It can't be had, and why. What has come is kept, and the next call goes on from there.
    """
    if named := settings.VGG16_WEIGHTS.path():
        return named
    ours = paths.cache() / NAME
    for path in (paths.keras_home() / "models" / NAME, ours):
        if _is_whole(path):
            return path
    with store.writing("VGG16's ImageNet weights", _BYTES, "vgg16.lock"):
        if not _is_whole(ours):  # another process may have been faster
            try:
                _download(ours)
            except transfer.SourceError as error:
                told = error.download_error(f"VGG16's ImageNet weights could not be downloaded from {URL}")
                words = (
                    str(told),
                    told.advice,
                    f"{settings.VGG16_WEIGHTS.name} may name a file of yours, too.",
                )
                raise CifarLabError(" ".join(filter(None, words))) from error
    return ours


def _download(target: Path) -> None:
    """Go on where it breaks off, for as long as something comes."""
    came = 0

    def progress(done: int, _total: int) -> None:
        nonlocal came
        came = done

    while True:
        before = came
        try:
            transfer.fetch(URL, target, 0, may_leave=False, progress=progress)
            break
        except transfer.SourceError as error:
            if error.final or came < before + _SOMETHING:
                raise
    if not _is_whole(target):
        target.unlink()
        raise transfer.another_file()


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest() == MD5
    except OSError:
        return False
