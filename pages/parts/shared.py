"""What several pages share: cached readers and the choice of a model.

The caches are bounded and keyed by the files' modification times, so that a model evaluated anew is read
anew.
"""

import re
import textwrap
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifar_core import charts, images
from cifar_core.charts import Measure
from cifar_core.datasets import cifar10
from cifar_core.errors import CifarLabError
from cifar_core.inference import calibration
from cifar_core.inference.runtime import Classifier
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory

Choice = TypeVar("Choice", bound=str)

MODELS_IN_MEMORY = 4
NO_MODEL = "There is no finished model yet."

LOSS_OF_TRAINING = (
    "As training counts it: with a recipe that softens the labels (label smoothing) it is higher than the "
    "loss in tables, so it compares runs of one recipe only. A network that guesses has 2.3; more than 2.5 "
    "is out of sight."
)
# With this, the names of a table's rows stay in sight where it has to be moved sideways.
AS_WIDE_AS_THE_PAGE = 4_000  # pixels, or what there is


def plain(text: str) -> str:
    """Keep what others wrote from being read as Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#$:~|!])", r"\\\1", text)


class Results(NamedTuple):
    """A model's answers on the test set: probabilities float64 [10000, 10] as they came and calibrated."""

    raw: np.ndarray
    calibrated: np.ndarray


@st.cache_resource(show_spinner="Reading the test set")
def test_set() -> cifar10.Batch:
    """Return the 10,000 test images; DatasetError if CIFAR-10 is not on this machine."""
    return cifar10.load_test()


def test_set_or_explain(purpose: str) -> cifar10.Batch | None:
    """Return the test images, or say on the page why `purpose` cannot be shown and return None."""
    try:
        return test_set()
    except CifarLabError as error:
        st.warning(f"{purpose} cannot be shown. {error}", icon=":material/photo_library:")
        return None


def results(model: ModelDirectory) -> Results:
    """Return a model's predictions on the test set, before and after temperature scaling."""
    return _results(model, model.predictions_path.stat().st_mtime, model.card()["temperature"])


@st.cache_data(max_entries=8, show_spinner=False)
def _results(model: ModelDirectory, modified: float, temperature: float) -> Results:  # noqa: ARG001
    raw = model.predictions()["test"].astype(np.float64)
    return Results(raw, calibration.temperature_scale(raw, temperature))


def classifier(model: ModelDirectory) -> Classifier:
    """Return a model ready to answer; at most `MODELS_IN_MEMORY` stay so."""
    return _classifier(model, model.onnx_path.stat().st_mtime)


@st.cache_resource(max_entries=MODELS_IN_MEMORY, show_spinner="Loading the model")
def _classifier(model: ModelDirectory, modified: float) -> Classifier:  # noqa: ARG001
    return Classifier(model.onnx_path)


def crisp(image: np.ndarray, scale: int) -> str:
    """Return an image, uint8 [H, W, 3], as an address whose pixels are blocks of `scale` screen pixels.

    An address, because Streamlit would make bytes smaller or a JPEG, which blurs the blocks and takes time.
    """
    return images.data_url(images.to_png(image, scale), "png")


@st.cache_data(max_entries=2_000, show_spinner=False)  # of 4 KB
def tile(index: int, scale: int = 8) -> str:
    """Return one test image, as `crisp` does."""
    return crisp(test_set().images[index], scale)


def choose_model() -> ModelDirectory | None:
    """Let the visitor choose a model with results, `?model=…`; None if there is none."""
    models = {model.name: model for model in catalogue.models()}
    if not models:
        offer_training(NO_MODEL)
        return None
    names = list(models)
    warn_if_gone([st.query_params.get("model", "")], names, names[:1])
    return models[selectbox_in_url("Model", names, "model", names[0])]


def warn_if_gone(linked: Sequence[str], there: Container[str], shown: Sequence[str]) -> None:
    """Say which models of a link are not there or damaged, and what is shown."""
    if not (gone := [name for name in linked if name and name not in there]):
        return
    damaged = catalogue.damaged_models()
    problems = [damaged.get(name, f"There is no finished model “{plain(name)}”.") for name in gone]
    here = ", ".join(f"“{name}”" for name in shown)
    st.warning(f"{' '.join(problems)} What is shown: {here}.", icon=":material/warning:")


def offer_training(what_is_missing: str) -> None:
    """Say what is missing without another model, and lead to where one is trained."""
    st.info(what_is_missing, icon=":material/info:")
    st.page_link("pages/train.py", label="Train one in a few minutes", icon=":material/model_training:")


def selectbox_in_url(label: str, options: list[str], key: str, default: str) -> str:
    """Draw a select box whose choice always stands in the URL as `?key=…`, where links and callbacks set it.

    Streamlit's own binding leaves the default out of the URL, and the first model of today need not be the
    first of tomorrow.
    """
    write_url = _begin_with_url(options, key, key, default)
    st.selectbox(label, options, key=key, persist_state="session", on_change=write_url)
    write_url()
    return str(st.session_state[key])


def segments_in_url(
    label: str,
    options: Sequence[Choice],
    name: str,
    key: str,
    default: Choice,
    title: Callable[[Choice], str] = str,
) -> Choice:
    """Draw a segmented control whose choice always stands in the URL as `?NAME=…`.

    `key` is the page's own: with one that two pages share, the choice on one would be that on the other.
    """
    write_url = _begin_with_url(options, name, key, default)
    st.segmented_control(
        label,
        options,
        format_func=title,
        required=True,
        key=key,
        persist_state="session",
        on_change=write_url,
        label_visibility="collapsed",
    )
    write_url()
    chosen: Choice = st.session_state[key]
    return chosen


def _begin_with_url(options: Sequence[str], name: str, key: str, default: str) -> Callable[[], None]:
    """Let a widget begin with the choice in the URL, else with its last one; return what writes the URL."""
    asked = st.query_params.get(name, st.session_state.get(key))
    st.session_state[key] = asked if asked in options else default

    def write_url() -> None:
        st.query_params[name] = st.session_state[key]

    return write_url


def two_lines(name: str) -> str:
    """Write the long name of a row so that on a phone there is room beside it."""
    return "  \n".join(textwrap.wrap(name, 26))


def show_curves(curves: list[charts.Curve], epochs: float) -> None:
    """Draw loss and accuracy of one or more runs side by side, over the same epochs."""
    names = ", ".join(curve.name for curve in curves)
    for place, measure in measures():
        place.altair_chart(
            charts.learning_curves(curves, measure, epochs), key=measure, alt=what_is_drawn(measure, names)
        )


def show_learning(models: list[ModelDirectory]) -> None:
    """Draw how one or more finished models learned: loss and accuracy side by side, over the same epochs."""
    modified = [model.history_path.stat().st_mtime for model in models]
    names = ", ".join(model.name for model in models)
    for place, measure in measures():
        place.vega_lite_chart(_learning_chart(models, modified, measure), alt=what_is_drawn(measure, names))


def measures() -> Iterator[tuple[DeltaGenerator, Measure]]:
    """Draw the titles of loss and accuracy side by side; yield each measure with its place."""
    names: tuple[Measure, ...] = get_args(Measure)
    for place, measure in zip(st.columns(2), names, strict=True):
        place.markdown(f"**{measure.capitalize()}**", help=LOSS_OF_TRAINING if measure == "loss" else None)
        yield place, measure


def what_is_drawn(measure: Measure, names: str) -> str:
    """Say what a chart of curves shows, for those who do not see it."""
    return f"Training and validation {measure} of {names} over the epochs"


@st.cache_data(max_entries=16, show_spinner=False)  # to make one takes a tenth of a second and more
def _learning_chart(
    models: list[ModelDirectory],
    modified: list[float],  # noqa: ARG001
    measure: Measure,
) -> dict[str, Any]:
    curves = [charts.Curve(model.name, model.steps(), model.history()) for model in models]
    epochs = max(model.card()["epochs"] for model in models)
    return charts.learning_curves(curves, measure, epochs).to_dict()
