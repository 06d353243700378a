"""What does a trained model's answer cost: with the app's runtime, in a `tf.function`, with `model.predict`?

    python -m benchmarks.inference [MODEL…] [--rounds 3]

For each, in a process of its own and in turns: the time from the start of the process to the first answer,
the median time of one image, images a second in batches of 256, and the resident memory after all that. The
app's runtime gets uint8 and scales it itself, and cuts a batch as the app does; Keras gets images that were
scaled before. Medians over the rounds; in brackets how many times better the app's runtime is, below 1 worse.
All must give the same probabilities, or there is no table.
"""

import itertools
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.measure import Contender, Rounds, command, in_turns, median, show
from cifar_core import paths
from cifar_core.errors import CifarLabError
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory

WAYS = {"CIFAR Lab": "onnx_runtime", "model(x) in a tf.function": "tf_function", "model.predict": "predict"}


def main(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Names or paths; by default report, and vgg16 if it is there.", metavar="MODEL"),
    ] = None,
    rounds: Rounds = 3,
    images: Annotated[int, typer.Option(min=1, help="Single images timed in a turn.")] = 200,
    batches: Annotated[int, typer.Option(min=1, help="Batches of 256 timed in a turn.")] = 10,
) -> None:
    """Compare cold start, latency, throughput and memory of three ways to ask a trained model."""
    default = [name for name in ("report", "vgg16") if (paths.models_root() / name).is_dir()]
    chosen = [catalogue.find(name, allow_path=True) for name in models or default]
    contenders = {
        f"{model.name}: {way}": Contender(function, options(model, images, batches))
        for model in chosen
        for way, function in WAYS.items()
    }
    results = in_turns(contenders, rounds)
    for turn in itertools.chain(*results.values()):
        turn["cold_start"] = turn["answered"] - turn["started"]
    rows = []
    for model in chosen:
        ours = results[f"{model.name}: CIFAR Lab"]
        for way in WAYS:
            label = f"{model.name}: {way}"
            if not np.allclose(results[label][0]["probabilities"], ours[0]["probabilities"], atol=1e-3):
                raise CifarLabError(f"“{label}” gives other probabilities than model.onnx; train it again.")
            rows.append([label, *figures(results[label], ours)])
    show(
        f"Answers of a trained model (rounds: {rounds}, single images: {images}, batches: {batches})",
        ["model", "cold start", "one image", "batch of 256", "resident memory"],
        rows,
        results,
    )


def options(model: ModelDirectory, images: int, batches: int) -> dict[str, Any]:
    """Return the options of each of a model's contenders."""
    files = {"onnx": str(model.onnx_path), "keras": str(model.keras_path)}
    return {**files, "singles": images, "batches": batches}


def figures(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    """Return the four figures of a row, each with how many times better ours is."""
    keys = ("cold_start", "seconds", "images_per_second", "bytes")
    cold_start, seconds, rate, memory = (median(theirs, key) for key in keys)
    our_cold_start, our_seconds, our_rate, our_memory = (median(ours, key) for key in keys)
    return [
        f"{cold_start:.2f} s ({cold_start / our_cold_start:.1f})",
        f"{seconds * 1e3:.2f} ms ({seconds / our_seconds:.1f})",
        f"{rate:,.0f} images/s ({our_rate / rate:.1f})",
        f"{memory / 1e6:,.0f} MB ({memory / our_memory:.1f})",
    ]


if __name__ == "__main__":
    command(main)
