"""How long must one train to reach 85 % and 94 %?

    python -m benchmarks.time_to_accuracy [MODEL…] [--plain-images-per-second 250]

Nothing is trained: the times of the models are those in their own `history.csv` and `card.json`, with the
machine they were measured on; an accuracy is of one look at each picture. “Reached” has two readings:

- *in validation*: the end of the first epoch whose validation accuracy is at or above the target. Recipes
  with averaged weights get there only late, and a restless curve can touch a target by luck.
- *in the test*: the whole training time of a model whose accuracy on the test set, when all is done, is at or
  above the target. This is the one we claim: the time of the model that reached it soonest.

The claim is set beside the plain Keras script: the epochs that the `report` model, which is the same network
with the same numbers, needed until its validation, which is on the test set, first reached the target, times
the script's time for the 50,000 images of an epoch. That favours the script: it may stop at that very epoch,
and its validations cost nothing.
"""

from typing import Annotated, Any

import typer

from benchmarks.measure import Contender, Steps, command, in_turns, median, show
from cifar_core import hardware
from cifar_core.datasets.cifar10 import TRAIN_SIZE
from cifar_core.formats import count, percent
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from cifar_core.runs.schemas import Card

TARGETS = (0.85, 0.94)


def main(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Names or paths; by default all shipped ones.", metavar="MODEL"),
    ] = None,
    report: Annotated[str, typer.Option(help="The model whose epochs stand for the script's.")] = "report",
    plain_images_per_second: Annotated[
        float | None,
        typer.Option(min=1.0, help="The script's speed; by default it is measured.", show_default=False),
    ] = None,
    steps: Steps = 30,
) -> None:
    """Compare how long trained models needed for 85 % and 94 % with the plain Keras script."""
    chosen = [catalogue.find(name, allow_path=True) for name in models or []] or catalogue.shipped()
    reference = catalogue.find(report, allow_path=True)

    results: dict[str, list[dict[str, Any]]] = {}
    if plain_images_per_second is None:
        script = Contender("keras_script", {"batch_size": 64, "warmup": 10, "steps": steps})
        results = in_turns({"plain Keras": script}, rounds=1)
        plain_images_per_second = median(results["plain Keras"])
    epoch_seconds = TRAIN_SIZE / plain_images_per_second
    plain = {
        target: epochs * epoch_seconds
        for target in TARGETS
        if (epochs := first_reached(reference, target, "epoch")) is not None
    }

    cards = [model.card() for model in chosen]
    rows = []
    for model, card in zip(chosen, cards, strict=True):
        whole, accuracy = card["training_seconds"], card["accuracy"]
        times = [first_reached(model, target, "seconds") for target in TARGETS]
        ratios = [f"{plain[target] / whole:.2f}" if accuracy >= target else "–" for target in plain]
        rows.append(
            [model.name, *map(_seconds, [*times, whole]), percent(accuracy), *ratios, card["hardware"]]
        )
    whole = len(reference.history()) * epoch_seconds
    times = [*map(plain.get, TARGETS), whole]
    rows.append(["plain Keras", *map(_seconds, times), "–", *("–" for _ in plain), hardware.describe()])

    notes = [_claim(target, cards, plain.get(target)) for target in TARGETS]
    if {card["hardware"] for card in cards} != {hardware.describe()}:
        notes.append(
            "Some of these models were trained on another machine: their ratios compare machines too."
        )
    notes.append(
        f"Plain Keras: {count(round(plain_images_per_second))} images/s, epochs as {reference.name}."
    )
    goals = [f"{percent(target)} in validation" for target in TARGETS]
    ratios = [f"plain Keras ÷ whole training, if {percent(target)} in the test" for target in plain]
    columns = ["model", *goals, "whole training", "test accuracy", *ratios, "measured on"]
    show("Time to accuracy", columns, rows, results, notes)


def first_reached(model: ModelDirectory, target: float, column: str) -> float | None:
    """Return what stands in `column` for the first epoch whose validation accuracy reached the target."""
    history = model.history()
    rows = history[history["val_accuracy"] >= target]
    return None if rows.empty else float(rows[column].iloc[0])


def _claim(target: float, cards: list[Card], plain: float | None) -> str:
    """Say which model reached the target in the test soonest, and how long the script would take."""
    reached = [card for card in cards if card["accuracy"] >= target]
    if not reached:
        return f"{percent(target)} in the test: none of these models."
    soonest = min(reached, key=lambda card: card["training_seconds"])
    seconds = soonest["training_seconds"]
    versus = (
        "plain Keras: never" if plain is None else f"plain Keras: {plain:,.0f} s, × {plain / seconds:.2f}"
    )
    return f"{percent(target)} in the test: {soonest['name']}, {seconds:,.0f} s; {versus}."


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:,.0f} s"


if __name__ == "__main__":
    command(main)
