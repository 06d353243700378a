"""Which kind of source a path is: by how it begins, never by its name."""

import tarfile
import zipfile
from pathlib import Path

from cifar_core.errors import SourceError
from cifar_core.sources.folder import Folder
from cifar_core.sources.parquet import ParquetFiles
from cifar_core.sources.source import Source, readable
from cifar_core.sources.tar import PACKED, TarArchive
from cifar_core.sources.zip import ZipArchive

_TABLE = (b"PAR1", b"PARE")  # the second is encrypted, which its reader says
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def open_source(path: Path, column: str | None = None) -> Source:
    """Return the pictures at a path.

    Parameters
    ----------
    path
        A folder, whose files count at any depth, also behind links, but for hidden ones; a folder of Parquet
        files and no pictures; a ZIP or tar archive; a Parquet file.
    column
        Of Parquet files: holds picture files as bytes, or as Hugging Face's {bytes, path}; by default the
        first whose content begins as pictures do.

    Raises
    ------
    SourceError
        There is nothing of the kind, or it is damaged.
    """
    if path.is_dir():
        return _open_folder(path, column)
    if not path.is_file():
        raise SourceError(f"There is no folder or file {path}; check its name.")
    with readable(path), path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    # The sum in a tar header first, as a member's name may begin like anything.
    if _begins_tar(head) or head.startswith(PACKED):
        return TarArchive(path)
    if head.startswith(_TABLE):
        return ParquetFiles([path], column)
    if head.startswith(_ZIP) or zipfile.is_zipfile(path):  # with a program in front, or none
        return ZipArchive(path)
    raise SourceError(f"{path} is neither a folder, a ZIP or tar archive, nor a Parquet file.")


def _open_folder(path: Path, column: str | None) -> Source:
    folder, tables = Folder(path), []
    for name in folder.names():
        if folder.is_picture(name):
            return folder
        if folder.head(name).startswith(_TABLE):
            tables.append(folder.path / name)
    return ParquetFiles(tables, column, folder.path) if tables else folder


def _begins_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
