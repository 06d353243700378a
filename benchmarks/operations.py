"""Which operations does a step of training spend its time on, and how much of it could be won?

    python -m benchmarks.operations [RECIPE] [--steps 40]

TensorFlow's profiler watches the steps of a training as the worker does it. The arithmetic of direct
convolutions cannot be had for less than the time that a product of large matrices takes for as much of it.
Where pictures are small, bfloat16's gradients of kernels are such products, `MatMul`; in float32, on
processors without AVX-512, whole convolutions are (`BatchMatMulV2`), in fewer multiplications.
"""

from benchmarks.measure import (
    BatchSize,
    Contender,
    RecipeName,
    Steps,
    Warmup,
    as_it_trains,
    command,
    in_turns,
    show,
)
from cifar_core.formats import count

MOST = 12  # operations that have a row


def main(
    recipe: RecipeName = "report",
    warmup: Warmup = 10,
    steps: Steps = 40,
    batch_size: BatchSize = None,
) -> None:
    """Print what a step of a recipe spends its time on."""
    chosen = as_it_trains(recipe, batch_size, warmup, steps)
    watched = Contender("operations", {"recipe": chosen.to_dict(), "warmup": warmup, "steps": steps})
    results = in_turns({"training": watched}, rounds=1)
    [result] = results["training"]
    whole = 1000 * chosen.batch_size / result["images_per_second"]
    times = sorted(result["milliseconds"].items(), key=lambda item: -item[1])
    others = whole - sum(milliseconds for _, milliseconds in times[:MOST])
    convolutions = sum(milliseconds for name, milliseconds in times if "Conv2D" in name)
    least = 1000 * result["convolutions"] / result["matrix_product"]
    rows = [*times[:MOST], ("others", others), ("a step", whole)]
    show(
        f"A step of the recipe {chosen.name}, batch {chosen.batch_size}, {chosen.precision}",
        ["operation", "a step", "of it"],
        [[name, f"{spent:.2f} ms", f"{100 * spent / whole:.1f} %"] for name, spent in rows],
        results,
        [
            "Others: the remaining operations, and what a step takes besides operations.",
            f"Operations called Conv2D: {convolutions:.1f} ms. All convolutions, computed directly, are "
            f"{result['convolutions']:.1f} billion multiplications and additions: {least:.1f} ms at the "
            f"speed of a product of matrices, {count(round(result['matrix_product']))} billion a second.",
        ],
    )


if __name__ == "__main__":
    command(main)
