"""Answers as a CSV file that can be opened in a spreadsheet, whatever the pictures are called.

A spreadsheet takes a cell that starts with `=`, `+`, `-` or `@` for a formula, and a formula can send the
sheet's contents anywhere (OWASP, "CSV Injection"). The names of pictures are other people's text.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from cifar_core.inference.classify import Answer

COLUMNS = ["image", "model", "class", "confidence", "none_of_these"]  # then the classes, and error

# At the start of a cell, or where a semicolon or a line's end may start one; the last four are full width.
_FORMULA = re.compile(r"(^|[;\t\r\n])( *)(?=[-=+@＝＋－＠])")


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
        UTF-8 with a byte order mark, without which Excel takes it for something else.
    """
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    first = [theirs[0] for theirs in answers.values() if theirs]
    class_names = list(dict.fromkeys(name for answer in first for name in answer.class_names))
    writer.writerow([*COLUMNS, *map(text, class_names), "error"])
    for number, name in enumerate(pictures):
        for model, theirs in answers.items():
            answer = theirs[number]
            known = dict(zip(answer.class_names, answer.probabilities, strict=True))
            shares = [round(float(known[name]), 6) if name in known else "" for name in class_names]
            doubt = {True: "yes", False: "no", None: ""}[answer.none_of_these]
            sure = round(answer.confidence, 6)
            writer.writerow([text(name), text(model), answer.class_name, sure, doubt, *shares, ""])
    for name, reason in refused:
        writer.writerow([text(name), *[""] * (len(COLUMNS) + len(class_names) - 1), text(reason)])
    return file.getvalue().encode("utf-8-sig", errors="replace")


def text(value: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula, which makes it text."""
    return _FORMULA.sub(r"\1\2'", value)
