"""Which models are worth a look: what each cost and reached, and which two to begin a comparison with."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from cifar_core.recipe import NETWORK_TITLES
from cifar_core.runs.model_dir import ModelDirectory


def costs(models: Iterable[ModelDirectory]) -> pd.DataFrame:
    """Return what models cost and reached: columns recipe, family, minutes, accuracy, low, high.

    `family` is the network's title; `low` and `high` are the accuracy's 95 % interval. A model that began
    with what another of them had learned cost the minutes of both.
    """
    rows = []
    known = {model.name: model for model in models}
    for model in known.values():
        recipe, card = model.recipe(), model.card()
        low, high = card["accuracy_interval"]
        seconds = card["training_seconds"]
        if recipe.starts_from in known:
            seconds += known[recipe.starts_from].card()["training_seconds"]
        rows.append(
            {
                "recipe": recipe.name,
                "family": NETWORK_TITLES[recipe.network],
                "minutes": seconds / 60,
                **{"accuracy": card["accuracy"], "low": low, "high": high},
            }
        )
    return pd.DataFrame(rows)


def first_choice(accuracies: Mapping[str, float], preferred: Sequence[str] = ()) -> list[str]:
    """Return up to two names to begin with: the preferred ones there are, then the most accurate."""
    ranked = sorted(accuracies, key=lambda name: -accuracies[name])
    wanted = [name for name in preferred if name in accuracies]
    return [*wanted, *(name for name in ranked if name not in wanted)][:2]
