"""Arguments and options of several commands, here once, so that they mean the same in each."""

from typing import Annotated

import typer

from cifar_core.datasets.registry import DATASETS
from cifar_core.recipes import RECIPES

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
Model = Annotated[
    str, typer.Argument(help="Name or path of a model or a finished run; `runs` lists them.", metavar="MODEL")
]
Images = Annotated[list[str], typer.Argument(help="Pictures of any size and usual format.", metavar="IMAGE")]

Data = Annotated[
    str,
    typer.Option(
        "--data",
        help=f"What to learn from: {', '.join(DATASETS)} or one of your own; `data` lists them.",
        metavar="NAME",
    ),
]
RecipeName = Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPES)}.", metavar="RECIPE")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training images, at most.")]
TrainingImages = Annotated[
    int | None, typer.Option("--images", help="Training images used, validation included.")
]
ValidationImages = Annotated[int | None, typer.Option(help="How many of them to validate on.")]
