"""Where does the time of a training go: into making the batches, or into the training step, and its layers?

    python -m benchmarks.pipeline [RECIPE] [--rounds 3] [--steps 40]

Four measurements, each in a process of its own and in turns: the recipe's batches made and thrown away; its
training as the worker does it, but on one batch again and again; its training as it is. The batches are made
beside the steps, on the same cores, so the last takes as long as the second where the pipeline costs nothing,
and as long as the first two together where nothing is hidden. The fourth is the third in Keras' own layers,
which `cifar_core.training.kernels` stands in for.
"""

from benchmarks.measure import (
    BatchSize,
    Contender,
    RecipeName,
    Rounds,
    Steps,
    Warmup,
    as_it_trains,
    command,
    in_turns,
    median,
    show,
)
from cifar_core.formats import count


def main(
    recipe: RecipeName = "report",
    rounds: Rounds = 3,
    warmup: Warmup = 5,
    steps: Steps = 40,
    batch_size: BatchSize = None,
) -> None:
    """Compare a recipe's batches alone, its training step alone, its whole training, and plain layers."""
    chosen = as_it_trains(recipe, batch_size, warmup, steps)
    timed = {"recipe": chosen.to_dict(), "warmup": warmup, "steps": steps}
    # A batch alone is made so fast that a few are not enough to time.
    more = {**timed, "steps": min(10 * steps, chosen.steps_per_epoch - warmup)}
    contenders = {
        "batches alone": Contender("batches", more),
        "training on one batch": Contender("training", {**timed, "one_batch": True}),
        "whole training": Contender("training", timed),
        "in Keras' own layers": Contender("training", {**timed, "plain_layers": True}),
    }
    results = in_turns(contenders, rounds)
    whole = median(results["whole training"])
    rows = []
    for label, turns in results.items():
        rates = [turn["images_per_second"] for turn in turns]
        figures = [count(round(rate)) for rate in (median(turns), min(rates), max(rates))]
        milliseconds = f"{1000 * chosen.batch_size / median(turns):.2f} ms"
        rows.append([label, *figures, milliseconds, f"{100 * whole / median(turns):.1f} %"])
    show(
        f"The recipe {chosen.name}, batch {chosen.batch_size}, {chosen.precision} "
        f"(rounds: {rounds}, steps: {steps})",
        ["", "images/s", "least", "most", "a batch", "of the whole"],
        rows,
        results,
    )


if __name__ == "__main__":
    command(main)
