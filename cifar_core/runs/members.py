"""The members of an average: the models whose answers it is the mean of.

An average names its members and holds a digest of each one's network. So it never gives another's answer:
where one is gone, or was trained anew under the same name, a sentence says so.
"""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from cifar_core.errors import ModelDirectoryError
from cifar_core.files import Written, written
from cifar_core.paths import models_root, runs_root
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Average, Member
from cifar_core.sources.source import digest


def described(models: Sequence[ModelDirectory]) -> Average:
    """Return what `average.json` holds of these models."""
    return Average(tuple(Member(model.name, _digest(written(model.onnx_path))) for model in models))


def members(average: ModelDirectory) -> list[ModelDirectory]:
    """Find the members of an average, in its order.

    Raises
    ------
    ModelDirectoryError
        One is gone, has changed, is an average itself, or learned from something else; or `average.json` is
        damaged.
    """
    found = [_found(average, member) for member in average.average().members]
    facts = average.facts()
    for model in found:
        theirs = model.facts()
        if (theirs.tested_on, theirs.side, theirs.class_names) != (
            facts.tested_on,
            facts.side,
            facts.class_names,
        ):
            raise ModelDirectoryError(
                f"“{average.name}” averages “{model.name}”, which learned from other pictures or classes; "
                "delete it, and average anew."
            )
    return found


def averages_of(model: ModelDirectory) -> list[str]:
    """Return the names of one's own averages that a model is a member of."""
    folders = sorted(runs_root().iterdir()) if model.own and runs_root().is_dir() else []
    found = [item for item in map(ModelDirectory, folders) if item.is_average]
    return [item.name for item in found if model.name in _names(item)]


def in_words(average: ModelDirectory) -> str:
    """Return the names of an average's members, as a sentence lists them; empty where nobody knows them."""
    *others, last = _names(average) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def refuse_average(model: ModelDirectory) -> None:
    """Raise ModelDirectoryError for an average, where a network is needed."""
    if model.is_average:
        raise ModelDirectoryError(
            f"“{model.name}” is an average, which has no network of its own; choose one of its members: "
            f"{in_words(model)}."
        )


def _names(average: ModelDirectory) -> list[str]:
    try:
        return [member.name for member in average.average().members]
    except ModelDirectoryError:
        return []


def _found(average: ModelDirectory, member: Member) -> ModelDirectory:
    """Return the model that a member is: of a run and a shipped model of that name, the one it was."""
    there = list(_called(member.name))
    for model in there:
        if model.is_average:
            raise ModelDirectoryError(
                f"“{average.name}” averages “{model.name}”, which is an average itself; delete it, and "
                "average models that are none."
            )
        if _digest(written(model.onnx_path)) == member.digest:
            return model
    what = "was trained anew since" if there else "is not here any more"
    cure = "average them again" if there else "bring that back, or delete the average"
    raise ModelDirectoryError(f"“{average.name}” averages “{member.name}”, which {what}; {cure}.")


def _called(name: str) -> Iterator[ModelDirectory]:
    for root in (runs_root(), models_root()):
        model = ModelDirectory(root / name)
        if model.answers_path.is_file():
            yield model


@functools.lru_cache(maxsize=500)
def _digest(file: Written) -> str:
    """Return the digest of one file as it was written; so it is read once, though it is asked for often."""
    return digest(Path(file[0][0]))
