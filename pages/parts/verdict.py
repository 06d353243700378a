"""What a model takes a picture for, in a few words."""

from cifar_core import formats
from cifar_core.inference.classify import Answer

NONE = "none of these"


def verdict(answer: Answer, true: str | None) -> str:
    """Say in a few words what a model takes a picture for, and whether that is right."""
    said = f"{answer.class_name}, {formats.probability(answer.confidence)}"
    if answer.none_of_these:
        said = f"probably {NONE}"
    if true is None:
        return said
    right = true not in answer.class_names if answer.none_of_these else true == answer.class_name
    what = f"{'an' if true[0] in 'aeiou8' else 'a'} {true}"
    if right:
        return f"{said} · right, it is {what}" if answer.none_of_these else f"{said} · right"
    return f"{said} · wrong, it is {what}"
