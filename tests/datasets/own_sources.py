"""Pictures of classes that can be learned, and the folders, archives and tables that hold them."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from tests.pictures import encode, photo

NAMES = ("Kreis", "квадрат", "十字")

Files = Mapping[str, bytes]


def shape(kind: int, seed: int, side: int = 96) -> Image.Image:
    """A disc, a square or a cross, somewhere on a ground of some colours."""
    rng = np.random.default_rng((kind, seed))
    ground = np.asarray(photo(side, side, seed=1_000 * kind + seed))
    rows, columns = np.mgrid[:side, :side] / side
    down, right = abs(rows - rng.uniform(0.35, 0.65)), abs(columns - rng.uniform(0.35, 0.65))
    size = rng.uniform(0.2, 0.3)
    disc, square = down**2 + right**2 < size**2, (down < size) & (right < size)
    inside = (disc, square, square & ((down < size / 3) | (right < size / 3)))[kind]
    return Image.fromarray(np.where(inside[..., None], rng.integers(0, 256, 3, np.uint8), ground))


def shapes(count: int = 8, side: int = 96, format: str = "PNG") -> dict[str, bytes]:
    """So many pictures of each of three classes, by their path."""
    return {
        f"{name}/{number:03}.{format.lower()}": encode(shape(kind, number, side), format)
        for kind, name in enumerate(NAMES)
        for number in range(count)
    }


def in_folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def in_zip(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def in_tar(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def in_table(path: Path, files: Files, labels: list[int] | list[str], names: list[str] | None = None) -> Path:
    """A Parquet file as Hugging Face writes it; with names, labels are their numbers."""
    pictures = [{"bytes": content, "path": name} for name, content in files.items()]
    table = pa.table({"image": pictures, "label": labels})
    if names:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        known = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(known)
    parquet.write_table(table, path)
    return path
