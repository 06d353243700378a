"""Does a file bred for the ways it takes through the decoders do more than give a picture or one sentence?

    python -m benchmarks.fuzz_images_guided [--minutes 10] [--folder DIRECTORY]

As `benchmarks.fuzz_images`, but guided by coverage: atheris (`pip install atheris`, on Linux) sees which
branches of Pillow's Python and of `cifar_core` a file takes, keeps each file that takes a new one, and breeds
from those. It does not see into the C libraries, which come compiled. The folder keeps what was bred, so that
the next run goes on with it, and every finding, which is a file like any other picture.
"""

import contextlib
import importlib.util
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TimeElapsedColumn

from benchmarks.measure import command
from cifar_core.cli import console
from cifar_core.errors import CifarLabError

if TYPE_CHECKING:
    from benchmarks.fuzz_images import Tally

LARGEST = 20_000  # bytes; the seeds have up to 5,000
HANGS = 120  # seconds
TOLD = 0.5  # seconds between two words of what came out
FOLDER = Path(tempfile.gettempdir()) / "cifar-lab-fuzzing"


def fuzz(folder: Path, minutes: float, listener: Connection) -> None:
    """Breed files and decode them, in a process of its own, which libFuzzer ends."""
    import atheris

    # What was loaded before has no branches to see, so nothing above may load Pillow.
    assert "PIL" not in sys.modules
    os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    with atheris.instrument_imports(include=["PIL", "cifar_core"]):
        from benchmarks import fuzz_images

        fuzz_images.warm_up()
    tally, told = fuzz_images.Tally(), 0.0

    def decode(data: bytes) -> None:
        nonlocal told
        outcome = fuzz_images.outcome(tally.files, data, "crop" if len(data) % 2 else "whole")
        tally.add(outcome)
        if not outcome.allowed:
            (folder / "findings" / f"{outcome.number}").write_bytes(data)
        if time.monotonic() - told > TOLD:
            told = time.monotonic()
            listener.send(tally)

    def changed(data: bytes, most: int, seed: int) -> bytes:
        """Half of the changes are libFuzzer's, half are ours, which know sizes and check sums."""
        generator = random.Random(seed)
        other = generator.random() < 0.5
        return (atheris.Mutate(data, most) if other else fuzz_images.damaged(data, generator))[:most]

    for number, seed in enumerate(fuzz_images.seeds()):
        (folder / "bred" / f"seed-{number}").write_bytes(seed)
    options = {
        "max_total_time": round(60 * minutes) or 1,
        "timeout": HANGS,
        "max_len": LARGEST,
        "len_control": 0,  # large from the start: what is slow is long
        "mutate_depth": 1,  # ours are several changes already
        "artifact_prefix": f"{folder / 'findings'}/",  # for what crashes or hangs
    }
    flags = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup(["fuzz", *flags, str(folder / "bred")], decode, custom_mutator=changed)
    atheris.Fuzz()


def main(
    minutes: Annotated[float, typer.Option(min=0, help="How long to go on.")] = 10,
    folder: Annotated[
        Path, typer.Option(help="Where the files that were bred are, and the findings.")
    ] = FOLDER,
) -> None:
    """Breed pictures until the time is up, and say what came out."""
    if importlib.util.find_spec("atheris") is None:
        raise CifarLabError("This needs atheris, which is not installed: pip install atheris.")
    for part in ("bred", "findings"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    listener, teller = context.Pipe(duplex=False)
    process = context.Process(target=fuzz, args=(folder, minutes, teller))
    process.start()
    teller.close()
    tally: Tally | None = None
    with console.progress(TimeElapsedColumn()) as bar, contextlib.suppress(EOFError):
        task = bar.add_task("files", total=None)
        while True:
            tally = listener.recv()
            bar.update(task, description=f"{tally.files:,} files, {len(tally.wrong)} wrong")
    process.join()
    log = (folder / "log").read_text(errors="replace")
    if process.exitcode or tally is None:
        last = next((line for line in reversed(log.splitlines()) if "ERROR" in line), "it gave no reason")
        raise CifarLabError(
            f"The fuzzing broke off ({last}); see {folder / 'findings'} and {folder / 'log'}."
        )
    branches = re.findall(r"cov: (\d+)", log)
    tally.show(
        f"Pictures bred in {folder}",
        f"Branches taken: {branches[0]} at the start, {branches[-1]} at the end.",
    )


if __name__ == "__main__":
    command(main)
