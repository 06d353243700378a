"""The settings: every environment variable that CIFAR Lab reads, what it does, and what holds without it.

Streamlit makes environment variables of the top level of an app's secrets, too. The file `.env.example` lists
them; `python -m cifar_core.settings > .env.example` makes it anew.
"""

import os
import textwrap
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """An environment variable: its name, what its value says, and what holds where it is not set."""

    name: str
    says: str
    default: str

    def __str__(self) -> str:
        return f"{self.name}: {self.says}. Not set: {self.default}."

    def value(self) -> str | None:
        """Return its value, which may be empty, or None where it is not set."""
        return os.environ.get(self.name)

    def path(self) -> Path | None:
        """Return the path it names, `~` as the home folder; None where it is not set or empty."""
        if not (value := self.value()):
            return None
        try:
            return Path(value).expanduser()
        except RuntimeError:  # the home folder of nobody
            return Path(value)


CIFAR10_DIR = Setting(
    "CIFAR10_DIR",
    "the folder with CIFAR-10's six official python-version batches, or the one around it",
    "the user's cache, or a copy of Keras' or torchvision's",
)
CIFAR10_TRUST = Setting(
    "CIFAR10_TRUST",
    "the folder with the three public lists about CIFAR-10's test images",
    "the user's cache, to which they are downloaded",
)
VGG16_WEIGHTS = Setting(
    "VGG16_WEIGHTS",
    "the file with VGG16's ImageNet weights, without top",
    "Keras' copy, or it is downloaded",
)
RUNS = Setting("CIFAR_LAB_RUNS", "the folder of your runs", "artifacts/runs")
DATASETS = Setting("CIFAR_LAB_DATASETS", "the folder of your own datasets", "artifacts/datasets")
OPERATORS = Setting(
    "CIFAR_LAB_OPERATORS",
    "who may train, stop, resume, delete, download and export: `everybody`, `nobody`, or e-mail addresses "
    "with commas between",
    "who sits at the machine that runs the app",
)
TRAINING_MINUTES = Setting(
    "CIFAR_LAB_TRAINING_MINUTES",
    "the minutes after which a training stops; *Resume* goes on",
    "no limit",
)
SERVING_HOSTS = Setting(
    "CIFAR_LAB_SERVING_HOSTS",
    "the hosts that the Deploy page's check may ask, `HOST` or `HOST:PORT` with commas between",
    "this machine, for visitors who sit at it",
)
ENDPOINT = Setting(
    "CIFAR_LAB_ENDPOINT",
    "a model that Classify may ask instead: `http://HOST:8501/v1/models/NAME` or `vertex:NAME`",
    "the models here answer",
)
PROJECT = Setting("CIFAR_LAB_PROJECT", "the id of your Google Cloud project", "`--project`")
REGION = Setting("CIFAR_LAB_REGION", "its region, such as europe-west4", "`--region`")
BUCKET = Setting("CIFAR_LAB_BUCKET", "a bucket of Cloud Storage in that region", "`--bucket`")

SETTINGS = (
    CIFAR10_DIR,
    CIFAR10_TRUST,
    VGG16_WEIGHTS,
    RUNS,
    DATASETS,
    OPERATORS,
    TRAINING_MINUTES,
    SERVING_HOSTS,
    ENDPOINT,
    PROJECT,
    REGION,
    BUCKET,
)

_EXAMPLE = """\
# The settings of CIFAR Lab. Copy this file to `.env`, and take away the # before what you set. In a shell,
# `set -a; . ./.env` reads it. `docker compose up` reads it, too; paths are those inside of the container."""


def example() -> str:
    """Return the content of `.env.example`: what every setting says, and none of them set."""
    told = [_comment(f"{setting.says}. Not set: {setting.default}.") for setting in SETTINGS]
    named = [f"{text}\n#{setting.name}=" for text, setting in zip(told, SETTINGS, strict=True)]
    return "\n\n".join([_EXAMPLE, *named]) + "\n"


def _comment(text: str) -> str:
    return textwrap.fill(text[0].upper() + text[1:], 110, initial_indent="# ", subsequent_indent="# ")


if __name__ == "__main__":
    print(example(), end="")
