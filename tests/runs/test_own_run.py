"""A run on pictures of one's own, from their folder to answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets import own
from cifar_core.datasets.own_adding import add
from cifar_core.errors import DatasetError
from cifar_core.recipes import get_recipe
from cifar_core.runs import jobs
from tests.command_line import Typed
from tests.datasets.own_sources import NAMES, in_folder, shape, shapes
from tests.model_directories import ended
from tests.pictures import encode

pytestmark = pytest.mark.slow


@pytest.fixture
def dataset(datasets: Path, tmp_path: Path) -> own.Own:
    assert not datasets.exists()
    return add("shapes", in_folder(tmp_path / "source", shapes(30))).dataset


def test_from_pictures_to_answers(dataset: own.Own, runs: Path, tmp_path: Path, typed: Typed) -> None:
    recipe = jobs.on_base(get_recipe("transfer"), "quick").on(dataset.sizes["train"], 3)
    run = jobs.start(recipe, "one", dataset)
    assert run.path.parent == runs
    assert ended(run).state == "finished", run.log_path.read_text()
    assert run.facts() == dataset.facts
    assert len(list(dataset.kept().iterdir())) == 1
    card, predictions = run.card(), run.predictions()
    assert (card["test_images"], card["class_names"]) == (18, sorted(NAMES))
    assert np.array_equal(predictions["labels"], dataset.load("test").labels)

    picture = tmp_path / "new.png"
    picture.write_bytes(encode(shape(0, 777), "PNG"))
    answer = json.loads(typed("classify", "one", str(picture), "--json").out)
    assert answer["probabilities"].keys() == set(NAMES)

    own.remove("shapes")
    add("shapes", in_folder(tmp_path / "others", shapes(29)))
    with pytest.raises(
        DatasetError, match="“shapes” is not what “one” learned from any more; train it again"
    ):
        run.dataset()
    assert typed("evaluate", "one").status == 1
    assert run.card() == card
