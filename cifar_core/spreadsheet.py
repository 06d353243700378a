"""Answers as a CSV file that can be opened in a spreadsheet, whatever the pictures are called.

A spreadsheet takes a cell that starts with `=`, `+`, `-` or `@` for a formula, and a formula can send the
sheet's contents anywhere (OWASP, "CSV Injection"). The names of pictures are other people's text.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from cifar_core.classify import Answer
from cifar_core.dataset import CLASS_NAMES

COLUMNS = ["image", "model", "class", "confidence", "none_of_the_ten", *CLASS_NAMES, "error"]

_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # the last four: full width


def csv_of(
    pictures: Sequence[str],
    answers: Mapping[str, Sequence[Answer]],
    refused: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Write answers as a table, one row a picture and model.

    Parameters
    ----------
    pictures
        The pictures' names.
    answers
        By the model's name its answers, one a picture and in their order.
    refused
        The names of files that are no pictures and why; each becomes a row that has nothing else.

    Returns
    -------
    bytes
        UTF-8 with a byte order mark, without which Excel takes it for something else. Every text is quoted,
        so that a semicolon in a name does not start a new cell where lists are separated by semicolons; one
        that a spreadsheet would calculate starts with an apostrophe, which makes it text.
    """
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, name in enumerate(pictures):
        for model, theirs in answers.items():
            answer = theirs[number]
            shares = [round(float(share), 6) for share in answer.probabilities]
            strange = "yes" if answer.none_of_the_ten else "no"
            sure = round(answer.confidence, 6)
            writer.writerow([_text(name), _text(model), answer.class_name, sure, strange, *shares, ""])
    for name, reason in refused:
        writer.writerow([_text(name), *[""] * (len(COLUMNS) - 2), _text(reason)])
    return file.getvalue().encode("utf-8-sig", errors="replace")


def _text(value: str) -> str:
    # Behind spaces too, which some programs cut off.
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
