"""What are the shipped models worth? The tables of docs/results.md, from the models' own cards.

    python -m benchmarks.shipped

Nothing is measured here: `python -m cifar_core evaluate MODEL --robustness` recomputes a card from its
`model.onnx`. The tables are Markdown.
"""

from benchmarks.measure import command
from cifar_core import formats
from cifar_core.runs import catalogue
from cifar_core.runs.schemas import Card

OOD_SETS = ("digits", "photographs", "static", "waves", "jigsaw")
WORSE = ("noise", "blur", "contrast", "jpeg", "shift")
MIDDLE = 2  # of five strengths


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
            f"model | {' | '.join(OOD_SETS)} | | {' | '.join(WORSE)}",
            [told_and_kept(card) for card in cards],
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


def told_and_kept(card: Card) -> list[str]:
    """Return a model's row of doubts rightly had (AUROC), and of accuracies on worse pictures."""
    told = [f"{card['out_of_distribution'][name]['auroc']:.2f}" for name in OOD_SETS]
    measured = card.get("robustness")
    kept = [f"{100 * measured[name][MIDDLE]:.0f} %" if measured else "–" for name in WORSE]
    return [f"`{card['name']}`", *told, "", *kept]


def table(heading: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    columns = len(heading.split("|"))
    lines = [f"| {heading} |", "|---" * columns + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    command(main)
