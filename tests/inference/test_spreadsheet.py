"""The CSV file of answers, read back as a spreadsheet would."""

import csv
import io

import numpy as np
import pytest

from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.inference.classify import Answer
from cifar_core.inference.spreadsheet import COLUMNS, csv_of, text


def answer(index: int, doubt: bool | None = False) -> Answer:
    probabilities = np.full(10, 0.05)
    probabilities[index] = 0.55
    return Answer(CLASS_NAMES, probabilities, doubt)


def rows(content: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter))


def test_a_row_a_picture_and_model() -> None:
    answers = {"quick": [answer(3), answer(8, doubt=True)], "fast": [answer(5), answer(0)]}
    content = csv_of(["one.png", 'two, "three".png'], answers, [("four.txt", "This file is not a picture.")])
    assert content.startswith("\ufeff".encode())
    header, *body = rows(content)
    assert header == [*COLUMNS, *CLASS_NAMES, "error"]
    found = [dict(zip(header, row, strict=True)) for row in body]
    assert [(row["image"], row["model"], row["class"], row["none_of_these"]) for row in found] == [
        ("one.png", "quick", "cat", "no"),
        ("one.png", "fast", "dog", "no"),
        ('two, "three".png', "quick", "ship", "yes"),
        ('two, "three".png', "fast", "airplane", "no"),
        ("four.txt", "", "", ""),
    ]
    assert found[0]["confidence"] == found[0]["cat"] == "0.55"
    assert sum(float(found[0][name]) for name in CLASS_NAMES) == pytest.approx(1)
    assert [row["error"] for row in found] == ["", "", "", "", "This file is not a picture."]


def test_a_doubt_that_is_not_told_is_neither_yes_nor_no() -> None:
    _, row = rows(csv_of(["one.png"], {"fast on Vertex AI": [answer(3, doubt=None)]}))
    assert row[COLUMNS.index("none_of_these")] == ""


@pytest.mark.parametrize("name", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", "  =1"])
def test_no_name_is_a_formula(name: str) -> None:
    _, row, refused = rows(csv_of([name], {"quick": [answer(0)]}, [(name, "=1")]))
    assert row[0].lstrip() == refused[0].lstrip() == f"'{name.lstrip()}"
    assert refused[-1] == "'=1"


def test_an_ordinary_name_stays_as_it_is() -> None:
    for name in ("my cat-1 (2).png", "a+b=c@d.jpg", "Öl; alt.png", ""):
        assert text(name) == name


@pytest.mark.parametrize("name", ["a;=1+1.png", "a; =1+1.png", "a\n=1+1.png", "\ud800.png"])
def test_nothing_in_a_name_starts_a_cell(name: str) -> None:
    content = csv_of([name], {"quick": [answer(0)]})
    assert len(rows(content)) == 2
    for delimiter in ",;":
        cells = [cell for row in rows(content, delimiter) for cell in row]
        assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
