"""The command `average`: several models as one, and what that brings."""

import json
from typing import Annotated

import typer

from cifar_core.cli import console
from cifar_core.cli.options import Json
from cifar_core.formats import percent
from cifar_core.runs import catalogue


def average(
    name: Annotated[str, typer.Argument(help="What to call the average.", metavar="NAME")],
    models: Annotated[list[str], typer.Argument(help="Two to five models or runs.", metavar="MODEL MODEL…")],
    as_json: Json = False,
) -> None:
    """Make one model of several, the mean of what they say, and print what it brings."""
    from cifar_core.evaluation import averaging, comparison

    members = [catalogue.find_model(each) for each in models]
    with console.working("asking them about validation images"):
        made = averaging.make(members, name)
    card, gain = made.card(), averaging.gain(members)
    low, high = gain.duel.interval
    if as_json:
        found = {
            "name": made.name,
            "directory": str(made.path),
            "members": {member.name: member.card()["accuracy"] for member in members},
            "accuracy": card["accuracy"],
            "accuracy_interval": card["accuracy_interval"],
            "best_member": gain.best.name,
            "difference": gain.duel.difference,
            "difference_interval": [low, high],
            "p_value": gain.duel.p_value,
        }
        print(json.dumps(found))
        return
    for model in (*members, made):
        ends = [percent(end) for end in model.card()["accuracy_interval"]]
        print(f"{model.name}: {percent(model.card()['accuracy'])} (95 % interval {' to '.join(ends)})")
    print(
        f"Against “{gain.best.name}”, the best of them alone: {gain.duel.difference * 100:+.2f} points "
        f"(95 % interval {low * 100:+.2f} to {high * 100:+.2f}). Between equals, so large a difference turns "
        f"up by chance {comparison.chance(gain.duel.p_value)}."
    )
    print(f"`python -m cifar_core evaluate {made.name}` measures the rest.")
