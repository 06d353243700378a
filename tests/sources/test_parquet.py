"""Pictures in the rows of Parquet files: which column, which rows, how much of them."""

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from cifar_core.errors import ImageError, SourceError
from cifar_core.images import MAX_BYTES
from cifar_core.sources import parquet as sources_parquet
from cifar_core.sources.parquet import ParquetFiles
from cifar_core.sources.source import Picture
from tests.sources.made import PNG, contents, names, tabled


def written(path: Path, **columns: Any) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("nested", [False, True], ids=["bytes", "as Hugging Face has them"])
def test_rows_across_groups_in_any_order(tmp_path: Path, nested: bool) -> None:
    rows = [PNG + f"row {row}".encode() for row in range(25)]
    column = [{"bytes": content, "path": None, "boxes": [[1, 2], []]} for content in rows] if nested else rows
    table = pa.table({"label": [*range(25)], "image": column})
    parquet.write_table(table, tmp_path / "p", row_group_size=7)
    source = ParquetFiles([tmp_path / "p"])
    assert names(source) == [f"{row:02}" for row in range(25)]
    for order in ([24, 0, 6, 7], [3, 3, 2], [*range(25)]):
        assert [*source.read([Picture("", row) for row in order])] == [rows[row] for row in order]


COLUMNS = {
    "hash": [b"\1\2\3", b"\4\5\6"],
    "audio": [{"bytes": b"RIFF\0\0\0\0WAVE", "path": "a.wav"}] * 2,
    "label": [1, 2],
    "pages": [[PNG], [PNG, PNG]],
}


@pytest.mark.parametrize("image", [[PNG, None], [None, PNG], [{"bytes": PNG, "path": "a"}, None]])
def test_the_column_whose_content_is_pictures_is_taken_and_said(tmp_path: Path, image: list[Any]) -> None:
    source = ParquetFiles([written(tmp_path / "p", **COLUMNS, picture=image, thumb=[PNG, PNG])])
    assert source.column == "picture"
    note = source.listing().note
    assert note.startswith("The pictures are in the column “picture”; there are also “hash”, “audio”")
    assert note.endswith("“thumb”.")
    found = contents(source).values()
    assert {content if isinstance(content, bytes) else str(content) for content in found} == {
        PNG, "This row holds no picture.",
    }  # fmt: skip


def test_a_column_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "p", **COLUMNS, picture=[PNG, PNG], thumb=[b"x", PNG])
    assert ParquetFiles([path], "thumb").column == "thumb"
    assert ParquetFiles([path], "hash").identity() != ParquetFiles([path]).identity()
    for missing in ("label", "none", "pages"):
        with pytest.raises(SourceError, match=f"no column “{missing}” of picture files; “hash”, “audio”, "):
            ParquetFiles([path], missing)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            COLUMNS,
            "no column of picture files, only “hash”, “audio”, .*; --column names one of “hash”, “audio”",
        ),
        ({"label": [1]}, r"no column of picture files, only “label”\."),
        (
            {"image": [{"bytes": None, "path": "a.png"}], "label": [1]},
            "only the names of files in “image”; give the folder that has them",
        ),
    ],
)
def test_a_file_without_pictures_says_what_it_has(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    if "image" in columns:
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        columns = {**columns, "image": pa.array(columns["image"], kind)}
    with pytest.raises(SourceError, match=message):
        ParquetFiles([written(tmp_path / "p", **columns)])


def test_of_a_group_of_rows_only_one_and_what_is_wanted_are_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [PNG + bytes([row % 256]) * 10_000 for row in range(2_000)]
    source = ParquetFiles([tabled(tmp_path / "p", rows, 2_000)])
    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", None)
    tracemalloc.start()
    found = [*source.read([Picture("", row) for row in (3, 999, 1999)])]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [rows[3], rows[999], rows[1999]]
    assert peak < 5_000_000  # of 20 million


def test_the_same_large_value_in_many_rows_is_refused(tmp_path: Path) -> None:
    """A dictionary holds it once, so that kilobytes stand for gigabytes."""
    rows, size = 256, 19_000_008
    column = pa.DictionaryArray.from_arrays([0] * rows, pa.array([PNG + bytes(size - len(PNG))]))
    table = pa.table({"image": column})
    parquet.write_table(table, tmp_path / "p", compression="zstd", store_schema=False)
    assert (tmp_path / "p").stat().st_size < 10_000
    before, found = pa.total_allocated_bytes(), []
    for content in ParquetFiles([tmp_path / "p"]).read([Picture("", row) for row in range(rows)]):
        assert pa.total_allocated_bytes() - before < 150_000_000
        found.append(str(content) if isinstance(content, ImageError) else len(content))
    assert found[:14] == [size] * 14
    assert {*found[14:]} == {"This row cannot be read: its group unpacks to over 268,435,456 bytes."}


def test_a_group_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_parquet, "_ALWAYS", 1_000_000)
    table = pa.table({"image": [PNG + bytes([row]) * 100_000 for row in range(15)]})
    parquet.write_table(table, tmp_path / "p", compression="zstd", use_dictionary=False)
    with pytest.raises(SourceError, match="unpacks to over 1,000,000 bytes"):
        ParquetFiles([tmp_path / "p"])


def test_more_rows_than_bytes_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"image": pa.nulls(2_000_000, pa.binary())}), tmp_path / "p")
    with pytest.raises(SourceError, match="claims 2,000,000 rows, more than it has bytes"):
        ParquetFiles([tmp_path / "p"])


def test_a_value_is_read_no_further_than_a_picture_may_be_long(tmp_path: Path) -> None:
    (content,) = contents(ParquetFiles([tabled(tmp_path / "p", [PNG + bytes(MAX_BYTES)])])).values()
    assert isinstance(content, bytes)
    assert len(content) == MAX_BYTES + 1


def test_a_damaged_group_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "p"
    rows = [PNG + bytes([row]) * 1_000 for row in range(4)]
    parquet.write_table(pa.table({"image": rows}), path, row_group_size=2, compression="none")
    facts = parquet.read_metadata(path).row_group(0).column(0)
    content = bytearray(path.read_bytes())
    start = facts.dictionary_page_offset or facts.data_page_offset
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    found = [*ParquetFiles([path], "image").read([Picture("", row) for row in range(4)])]
    assert found[2:] == rows[2:]
    assert all(isinstance(one, ImageError) and "\n" not in str(one) for one in found[:2])


def test_long_groups_are_read_in_one_pass(tmp_path: Path) -> None:
    assert ParquetFiles([tabled(tmp_path / "long", [PNG] * 2_001, 5_000)]).one_pass
    assert not ParquetFiles([tabled(tmp_path / "short", [PNG] * 2_001, 100)]).one_pass


def test_a_file_without_rows_has_no_pictures(tmp_path: Path) -> None:
    assert names(ParquetFiles([tabled(tmp_path / "p", [])])) == []
