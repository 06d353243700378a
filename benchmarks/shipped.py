"""What are the shipped models worth? The tables of docs/results.md, from the models' own cards.

    python -m benchmarks.shipped

Nothing is measured here: `python -m cifar_core evaluate MODEL --robustness` recomputes a card from its
`model.onnx`. The tables are Markdown.
"""

import numpy as np

from benchmarks.measure import command
from cifar_core import formats
from cifar_core.evaluation import findings
from cifar_core.evaluation.corruptions import FAMILIES
from cifar_core.runs import catalogue
from cifar_core.runs.schemas import Card

OOD_SETS = ("digits", "photographs", "static", "waves", "jigsaw")


def main() -> None:
    """Print a row a shipped model: how good it is, and how it takes what it does not know."""
    cards = sorted((model.card() for model in catalogue.shipped()), key=lambda card: card["accuracy"])
    print(
        table(
            "model | test accuracy (95 % interval) | six views | loss | calibration error | training | on",
            [results(card) for card in cards],
        )
    )
    print(
        table(
            f"model | {' | '.join(OOD_SETS)}",
            [[f"`{card['name']}`", *told(card)] for card in cards],
        )
    )
    print(
        table(
            f"model | as they are | {' | '.join(FAMILIES)} | **all fifteen kinds** | calibration error",
            [[f"`{card['name']}`", *worse(card)] for card in cards],
        )
    )


def results(card: Card) -> list[str]:
    """Return a model's row of results."""
    low, high = card["accuracy_interval"]
    return [
        f"`{card['name']}`",
        f"{formats.percent(card['accuracy'])} ({100 * low:.1f} to {100 * high:.1f})",
        formats.percent(card["test_time_augmentation"]["accuracy"]),
        formats.loss(card["loss"]),
        formats.percent(card["calibration_error"]),
        f"{card['epochs']} epochs, {formats.duration(card['training_seconds'])}",
        card["hardware"],
    ]


def told(card: Card) -> list[str]:
    """Return how well a model tells its classes from other pictures: the AUROC of each set."""
    return [f"{card['out_of_distribution'][name]['auroc']:.2f}" for name in OOD_SETS]


def worse(card: Card) -> list[str]:
    """Return how a model copes with worse pictures: the mean of each family over kinds and strengths."""
    if not findings.is_robustness_known(card):
        return ["–"] * (len(FAMILIES) + 3)
    accuracies = card["robustness"]
    families = [float(np.mean([accuracies[kind] for kind in kinds])) for kinds in FAMILIES.values()]
    shares = [card["robustness_plain"], *families, card["robustness_mean"]]
    *written, mean = (f"{100 * share:.0f} %" for share in shares)
    return [*written, f"**{mean}**", formats.percent(card["robustness_calibration_error"])]


def table(heading: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    columns = len(heading.split("|"))
    lines = [f"| {heading} |", "|---" * columns + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    command(main)
