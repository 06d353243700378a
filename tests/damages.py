"""Kinds of damage that can befall the files of a finished run, by names that say what they are.

Each kind is a list of damages, and each damage a function of the run.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cifar_core.runs.model_dir import HISTORY_COLUMNS, STEP_COLUMNS, ModelDirectory
from cifar_core.runs.schemas import PREDICTIONS
from tests.model_directories import archive

Damage = Callable[[ModelDirectory], object]
Kinds = Iterator[tuple[str, list[Damage]]]
Arrays = dict[str, np.ndarray]

FILES = [
    "card.json",
    "config.json",
    "predictions.npz",
    "model.onnx",
    "status.json",
    "history.csv",
    "steps.csv",
]
NO_NUMBERS: list[Any] = ["high", None, [0.5], {}, True, float("nan"), float("inf"), 1e300, -1e39]
NO_TEXTS = [5, None, ["a"], "\ud800"]
NO_OBJECTS = ["none", None, 3]
NO_JSON = {
    **{"cut off": b'{"name": "li', "UTF-16": "{}".encode("utf-16"), "text": b'"text"', "a list": b"[]"},
    **{"a number": b"5", "an empty object": b"{}", "nested": b'{"name":' + b"[" * 100_000},
}


def of_files() -> Kinds:
    """What can stand in place of each file."""

    def endless(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(10**12)  # of which nothing is on the disk

    places: dict[str, Callable[[Path], object]] = {
        "missing": lambda _: None,
        "empty": Path.touch,
        "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(3_000)),
        "a terabyte of zeros": endless,
        "a folder": Path.mkdir,
        "a link to itself": lambda path: path.symlink_to(path),
        "a link to nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
        "an endless device": lambda path: path.symlink_to("/dev/zero"),
        "a named pipe": os.mkfifo,
    }

    def put(name: str, make: Callable[[Path], object]) -> Damage:
        def damage(run: ModelDirectory) -> None:
            (run.path / name).unlink()
            make(run.path / name)

        return damage

    for name in FILES:
        yield from ((f"{name} is {kind}", [put(name, make)]) for kind, make in places.items())


def of_json(name: str, content: dict[str, Any]) -> Kinds:
    """A file that holds no JSON of its kind, and one for each value that is replaced by what it cannot be."""

    def write(text: bytes) -> Damage:
        return lambda run: (run.path / name).write_bytes(text)

    yield from ((f"{name} is {kind}", [write(text)]) for kind, text in NO_JSON.items())
    for keys, value in leaves(content):
        wrong: list[Any] = NO_TEXTS if isinstance(value, str) else NO_NUMBERS
        if isinstance(value, dict | list):
            wrong = NO_OBJECTS
        elif isinstance(value, bool):
            wrong = NO_TEXTS
        texts = [json.dumps(changed(content, keys, instead)) for instead in wrong]
        yield f"{name} with another {'.'.join(keys)}", [write(text.encode()) for text in texts]


def leaves(content: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The place of each value, objects too; of a list, that of its first item."""
    for key, value in content.items():
        yield (key,), value
        inner = {"0": value[0]} if isinstance(value, list) else value
        if isinstance(inner, dict):
            yield from (((key, *keys), leaf) for keys, leaf in leaves(inner))


def changed(content: Any, keys: tuple[str, ...], value: Any) -> Any:
    """The content with one value replaced."""
    if not keys:
        return value
    if isinstance(content, list):
        return [changed(content[0], keys[1:], value), *content[1:]]
    return {**content, keys[0]: changed(content[keys[0]], keys[1:], value)}


def of_predictions(names: list[str]) -> Kinds:
    """Arrays of another shape, type or range than predictions have."""

    def write(change: Callable[[Arrays], Arrays]) -> list[Damage]:
        def damage(run: ModelDirectory) -> None:
            run.predictions_path.write_bytes(archive(**change(run.predictions())))

        return [damage]

    def with_(name: str, change: Callable[[np.ndarray], Any]) -> list[Damage]:
        return write(lambda arrays: {**arrays, name: change(arrays[name])})

    def without(arrays: Arrays, name: str) -> Arrays:
        return {key: array for key, array in arrays.items() if key != name}

    shapes: dict[str, Callable[[np.ndarray], Any]] = {
        "a single number": lambda _: np.float32(1),
        "empty": lambda array: array[:0],
        "text": lambda array: np.full(array.shape, "cat"),
        "complex": lambda array: array.astype(complex),
        "of one more dimension": lambda array: array[..., None],
        "a row too short": lambda array: array[:-1],
    }
    for name in names:
        yield f"{name} is missing", write(partial(without, name=name))
        yield from ((f"{name} is {kind}", with_(name, change)) for kind, change in shapes.items())
    for name in sorted(PREDICTIONS - {"labels", "validation_indices"}):
        for value in (np.nan, np.inf):
            yield f"{name} is {value}", with_(name, partial(np.full_like, fill_value=value))
    for name in ("test", "validation"):
        yield f"{name} is negative", with_(name, lambda array: -array)
        yield f"{name} are logits", with_(name, lambda array: array * 70)
        yield f"{name} is of nine classes", with_(name, lambda array: np.full((len(array), 9), 1 / 9))
    yield "labels are of an eleventh class", with_("labels", lambda array: array + 1)
    yield "labels are negative", with_("labels", lambda array: array - 1)
    yield "labels are fractions", with_("labels", lambda array: array.astype(float))
    yield "validation_indices are negative", with_("validation_indices", lambda array: array - 10**6)
    fewer = write(lambda arrays: {**arrays, "test": arrays["test"][:50], "labels": arrays["labels"][:50]})
    yield "predictions of other images", fewer
    yield "predictions that unpack to far too much", write(lambda arrays: {**arrays, "more": ZEROS})


ZEROS = np.broadcast_to(np.uint8(0), (101, 10**6))


def of_logs() -> Kinds:
    """Lines that no training writes."""

    def write(name: str, columns: list[str], rows: Iterable[list[Any]]) -> list[Damage]:
        def damage(run: ModelDirectory) -> None:
            lines = "".join(",".join(map(str, row)) + "\n" for row in rows)
            (run.path / name).write_text(",".join(columns) + "\n" + lines)

        return [damage]

    for name, columns in (("history.csv", HISTORY_COLUMNS), ("steps.csv", STEP_COLUMNS)):
        kinds: dict[str, Sequence[Any]] = {
            "epochs below zero": [-n for n in range(5)],
            "one epoch again and again": [1] * 50,
            "epochs that leap": [3, 9, 7, 10**6, 2],
            "200,000 epochs": range(1, 200_001),
            "no epochs": [],
            "epochs that are text": ["cat", "nan", "inf", "0x1", "1e300", ""],
        }
        for kind, epochs in kinds.items():
            start = columns.index("epoch")
            rows = ([*[0.5] * start, epoch, *[0.5] * (len(columns) - start - 1)] for epoch in epochs)
            yield f"{name} with {kind}", write(name, columns, rows)
        yield f"{name} with shares of a hundred", write(name, columns, [[100] * len(columns)])
        yield f"{name} with losses below zero", write(name, columns, [[-100] * len(columns)])
