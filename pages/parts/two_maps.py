"""Two maps of what mattered side by side, in the closer looks, and which of them to trust."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import streamlit as st

from cifar_core import charts, formats
from cifar_core.arrays import Images
from cifar_core.errors import CifarLabError
from cifar_core.inference import deletion, saliency
from cifar_core.inference.calibration import temperature_scale
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import averages, caches, inside, saliency_map
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain, told
from pages.parts.turns import in_turn

TILE = 128  # pixels a side: two fit side by side on a phone
CHART = 272
OPACITY = 0.6
LEAST = 0.05  # of a class that is less likely to begin with there is nothing to take away
RISE, CAM = "RISE", "CAM"


@st.fragment  # what is opened here draws nothing else again
def show(asked: Mapping[ModelDirectory, tuple[np.ndarray, Sequence[int]]]) -> None:
    """Show both maps of a picture, uint8 [S, S, 3], for classes of each model; folded, it asks nobody."""
    if not asked:
        return
    fold = st.expander(
        "What mattered, two ways", icon=":material/visibility:", key="two-maps", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        st.markdown(
            "RISE hides parts of the picture 250 times and notes when the model gets less sure. CAM reads "
            "off the network what each place on its last maps adds to the answer: one look, but few places."
        )
        st.markdown(
            "Which one to trust? Blur away what a map marks. The sooner the model gives up the class, the "
            "better the map knows what mattered."
        )
        for model, (array, classes) in asked.items():
            if len(asked) > 1:
                st.markdown(f"**{plain(model.title)}**")
            try:
                for index in classes:
                    show_class(model, array, index)
            except CifarLabError as error:
                st.error(told(error))


def show_class(model: ModelDirectory, array: np.ndarray, class_index: int) -> None:
    maps = {RISE: in_turn(saliency_map.pixels_that_mattered, model, array, class_index)}
    if (read := places_that_mattered(model, array, class_index)) is not None:
        maps[CAM] = read
    curves = {name: curve_of(model, array, class_index, found) for name, found in maps.items()}
    name = model.facts().class_names[class_index]
    scale = max(2 * TILE // len(array), 1)
    large = array.repeat(scale, axis=0).repeat(scale, axis=1)
    with st.container(horizontal=True):
        for which, found in maps.items():
            with st.container(width=TILE):
                st.image(
                    saliency.overlay(large, found, OPACITY),
                    width="stretch",
                    alt=f"what mattered to {model.name} for {name}, by {which}",
                )
                nothing = "" if found.any() else ": no part speaks for it"
                st.caption(f"{which}, **{plain(name)}**{nothing}")
        with st.container(width=CHART):
            words = verdict(curves)
            st.altair_chart(charts.deletion(curves, name), alt=f"{name}: {words}")
            st.caption(words)
    if model.is_average:
        averages.say_no_network(model, "whose last maps CAM could read")
    elif CAM not in maps:
        st.caption("This network has no CAM: behind its last maps it does more than add up.")


def verdict(curves: Mapping[str, np.ndarray]) -> str:
    """Say which map is the better one, by the mean probability that is left."""
    if all(curve[0] < LEAST for curve in curves.values()):
        return "The model hardly thinks of this class, so no map can be judged by it."
    areas = {which: float(curve.mean()) for which, curve in curves.items()}
    told_areas = {which: formats.percent(area) for which, area in areas.items()}
    said = f"On average {' and '.join(f'{area} by {which}' for which, area in told_areas.items())} is left."
    if len(set(told_areas.values())) < 2:
        return said
    return f"{said} Trust {min(areas, key=areas.__getitem__)} here."


@st.cache_data(max_entries=500, show_spinner=False, hash_funcs=AS_WRITTEN)  # of 4 KB
def places_that_mattered(model: ModelDirectory, array: np.ndarray, class_index: int) -> np.ndarray | None:
    cam = None if model.is_average else inside.opened(model).cam
    return None if cam is None else cam.map(array, class_index)


@st.cache_data(max_entries=500, show_spinner=False, hash_funcs=AS_WRITTEN)
def curve_of(model: ModelDirectory, array: np.ndarray, class_index: int, found: np.ndarray) -> np.ndarray:
    classify = partial(calibrated, model, model.card()["temperature"])
    return deletion.curve(classify, array, class_index, found)


def calibrated(model: ModelDirectory, temperature: float, images: Images) -> np.ndarray:
    return temperature_scale(caches.classifier(model).probabilities(images), temperature)
