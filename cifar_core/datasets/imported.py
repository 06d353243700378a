"""CIFAR-10 from the visitor's own copy: an archive, a folder of batches or of pictures, or two Parquet files.

What it is shows in its content, not its name. It is taken into the cache, verified to the last pixel and
label, or refused with a sentence; the visitor's files are only read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import BinaryIO

from cifar_core.datasets import cifar10, download_status, official_order, store
from cifar_core.datasets.dataset import Batch
from cifar_core.datasets.official_order import SIZE, Puzzle
from cifar_core.errors import DatasetError, SourceError
from cifar_core.sources.folder import Folder

Copy = Path | str | bytes | BinaryIO  # a path, or the content of a file
Progress = Callable[[int, int], None]  # pictures that are in their places, pictures in all
Picture = tuple[bytes, int, str]  # a PNG file, its class, and what to call it

ACCEPTED = (
    "cifar-10-python.tar.gz, a folder with the six batches, a folder with a folder of PNG files for each "
    "class, or the two Parquet files of Hugging Face's uoft-cs/cifar10"
)


def take(*copies: Copy, progress: Progress | None = None) -> Path:
    """Take CIFAR-10 into the cache and return its folder there.

    Parameters
    ----------
    copies : path, bytes or binary file
        One folder, one archive, or the Parquet files.
    progress : callable, optional
        Called with (pictures done, pictures in all) where they come one by one.

    Raises
    ------
    DatasetError
        A pixel or a label differs, something is missing, the files are of another kind or cannot be read, a
        download is under way, or the cache cannot be written.
    """
    given = [_given(copy) for copy in copies]
    with ExitStack() as stack:
        try:
            folders = [item for item in given if isinstance(item, Path) and item.is_dir()]
            files = [
                stack.enter_context(item.open("rb")) if isinstance(item, Path) else item
                for item in given
                if item not in folders
            ]
        except OSError as error:
            raise DatasetError(f"{error.filename} cannot be read ({error.strerror}).") from error
        if len(folders) > 1 or (folders and files):
            raise DatasetError(f"CIFAR-10 is taken from one thing at a time: {ACCEPTED}.")
        with store.writing(wait=False):
            taken = _take_folder(folders[0], progress) if folders else take_files(files, progress)
            download_status.clear()  # a failure that it tells of is over
            return taken


def take_files(files: Sequence[BinaryIO], progress: Progress | None = None) -> Path:
    """Do what `take` does, with one archive or the Parquet files; who calls it holds `store.writing`."""
    if files and all(_begins(file, b"PAR1") for file in files):
        return _take_tables(files, progress)
    if len(files) != 1:
        raise DatasetError(f"These files are not CIFAR-10; it is taken from {ACCEPTED}.")
    return store.take_archive(files[0])


def _given(copy: Copy) -> Path | BinaryIO:
    if isinstance(copy, str | Path):
        return Path(copy).expanduser()
    return BytesIO(copy) if isinstance(copy, bytes) else copy


def _begins(file: BinaryIO, magic: bytes) -> bool:
    file.seek(0)
    begins = file.read(len(magic)) == magic
    file.seek(0)
    return begins


def _take_folder(folder: Path, progress: Progress | None) -> Path:
    for batches in (folder, folder / cifar10.FOLDER):
        if any((batches / name).is_file() for name in cifar10.BATCH_MD5):
            return store.take_batches(batches)
    found = Folder(folder)
    try:
        names = sorted(found.names())
    except SourceError as error:
        raise DatasetError(str(error)) from error
    pictures = [folder / name for name in names if name.lower().endswith(".png")]
    tables = [folder / name for name in names if found.head(name).startswith(b"PAR1")]
    if tables:
        with ExitStack() as stack:
            try:
                files = [stack.enter_context(table.open("rb")) for table in tables]
            except OSError as error:
                raise DatasetError(f"{error.filename} cannot be read ({error.strerror}).") from error
            return take_files(files, progress)
    if pictures:
        official_order.check_number(len(pictures))
        return store.take_arrays(_solved(_folder_pictures(folder, pictures), progress))
    raise DatasetError(f"{folder} does not hold CIFAR-10; it is taken from {ACCEPTED}.")


def _solved(pictures: Iterable[Picture], progress: Progress | None) -> dict[str, Batch]:
    puzzle = Puzzle()
    for content, label, name in pictures:
        puzzle.add_png(content, label, name)
        if progress and puzzle.done % 500 == 0:
            progress(puzzle.done, SIZE)
    return puzzle.solved()


def _folder_pictures(folder: Path, pictures: Iterable[Path]) -> Iterator[Picture]:
    labels = {name: label for label, name in enumerate(cifar10.CLASS_NAMES)}
    labels |= {str(label): label for label in range(len(labels))}
    for path in pictures:
        label = labels.get(path.parent.name.lower())
        if label is None:
            raise DatasetError(
                f"{path.relative_to(folder)} is in no folder of a class: {', '.join(cifar10.CLASS_NAMES)}."
            )
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error.strerror}).") from error
        yield content, label, str(path.relative_to(folder))


def _take_tables(files: Iterable[BinaryIO], progress: Progress | None) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def pictures() -> Iterator[Picture]:
        for number, table in enumerate(tables, start=1):
            rows = count(1)
            # In small parts, because a whole column would need its memory at once.
            for part in table.iter_batches(500):
                for columns in part.to_pylist():
                    yield _cells(columns, f"Picture {next(rows):,} of Parquet file {number}")

    try:
        tables = [pq.ParquetFile(file) for file in files]
        official_order.check_number(sum(table.metadata.num_rows for table in tables))
        parts = _solved(pictures(), progress)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"A Parquet file is damaged ({str(error).splitlines()[0]}).") from error
    return store.take_arrays(parts)


def _cells(columns: dict[str, object], name: str) -> Picture:
    """Return what a row holds; as Hugging Face names and nests it, or with the PNG file as plain bytes."""
    picture = columns.get("img", columns.get("image"))
    content = picture.get("bytes") if isinstance(picture, dict) else picture
    label = columns.get("label")
    if (
        not isinstance(content, bytes)
        or not isinstance(label, int)
        or not 0 <= label < len(cifar10.CLASS_NAMES)
    ):
        raise DatasetError(f"{name} lacks a PNG file in `img` or a class, 0 to 9, in `label`.")
    return content, label, name
