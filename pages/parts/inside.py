"""How a picture becomes an answer: its way through a network, as the closer looks at it show it.

Folded, it costs nothing: only who opens it loads ONNX and a second copy of the model. A slider leads back to
what a run was after earlier epochs, where it kept that.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from cifar_core import formats, images
from cifar_core.errors import CifarLabError, ModelDirectoryError
from cifar_core.inference import inside, layers
from cifar_core.inference.calibration import temperature_scale
from cifar_core.inference.inside import Inside
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import averages
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain, told
from pages.parts.turns import await_turn, in_turn

SIDE_BY_SIDE = 2  # models
MAPS, IN_A_ROW = 8, 4  # maps of a block; two rows fit beside each other, or below each other on a phone
MAP, FILTER = 88, 36  # pixels a side, of a map and of a filter
FILTERS = 64  # at most, as many as VGG16 has
SHARP = 2  # pixels of a picture for each on the screen
FEATURES, FEATURES_IN_A_ROW = 1_024, 64  # at most
TRAINED = "trained"  # where the slider ends

Strip = tuple[str, str]  # the address of a picture, and its alternative text


class Stage(NamedTuple):
    """A step of the way: its name, what happens there, strips of pictures and how wide they are in pixels."""

    name: str
    words: str
    strips: list[Strip]
    width: int


class Told(NamedTuple):
    """The way as it is drawn: its stages, and the classes with their scores and probabilities."""

    stages: list[Stage]
    scores: pd.DataFrame


@st.fragment  # what is opened here, or moved, draws nothing else again
def show(seen: Sequence[tuple[ModelDirectory, np.ndarray]]) -> None:
    """Draw the way of one picture through each model, folded.

    Parameters
    ----------
    seen
        Each model with what it sees of the picture, uint8 [S, S, 3].
    """
    if not seen:
        return
    box = st.expander(
        "How the picture becomes an answer", icon=":material/account_tree:", key="inside", on_change="rerun"
    )
    if not box.open:
        return
    called = catalogue.titles(model for model, _ in seen)
    with box:
        shown = seen if len(seen) <= SIDE_BY_SIDE else choose(seen, called)
        for place, (model, array) in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
            with place:
                show_way(model, array, called[model.name] if len(seen) > 1 else "")


def choose(
    seen: Sequence[tuple[ModelDirectory, np.ndarray]], called: dict[str, str]
) -> list[tuple[ModelDirectory, np.ndarray]]:
    """Let the visitor say which two of several models, called so, stand side by side."""
    by_name = {model.name: (model, array) for model, array in seen}
    left, right = st.columns(2)
    title = called.__getitem__
    first = left.selectbox("First model", list(by_name), format_func=title, key="inside-first")
    others = [name for name in by_name if name != first]
    second = right.selectbox("Second model", others, format_func=title, key="inside-second")
    return [by_name[first], by_name[second]]


def show_way(model: ModelDirectory, array: np.ndarray, whose: str) -> None:
    """Draw the way through one model; `whose`: what it is called, where it does not stand alone."""
    alone = not whose
    if whose:
        st.markdown(f"### {plain(whose)}")
    if model.is_average:
        averages.say_no_network(model, "to look into")
        return
    epochs = model.snapshots()
    epoch = choose_epoch(model, epochs) if epochs else None
    try:
        way = in_turn(followed, model, array, epoch)
    except CifarLabError as error:
        st.error(told(error))
        return
    best = way.scores.iloc[0]
    if epochs:  # where the slider moves, the answer changes in sight
        who = "The trained model says" if epoch is None else f"After epoch {epoch} it said"
        st.markdown(
            f"{who} **{plain(best['class'])}**, {formats.probability(best['probability'] / 100)} sure."
        )
    for stage in way.stages:
        words, pictures = st.columns([1, 2], gap="medium") if alone else (st.container(), st.container())
        words.markdown(f"**{stage.name}**  \n{stage.words}")
        with pictures.container(horizontal=True):
            for address, alt in stage.strips:
                st.image(address, width=stage.width, alt=alt)
    words, table = st.columns([1, 2], gap="medium") if alone else (st.container(), st.container())
    words.markdown(
        "**Scores and probabilities**  \nEach feature counts for or against each class. Their sum is its "
        "score (logit). The softmax makes probabilities of the scores: none below 0, and 100 % together.",
        help="Before the softmax, the scores are divided by the temperature, the correction that Evaluate "
        "explains under Calibration.",
    )
    table.dataframe(
        way.scores,
        hide_index=True,
        height="content",
        alt=f"score and probability of each class, {best['class']} first, with {best['score']:.2f}"
        f"{when(epoch)}",
        column_config={
            "score": st.column_config.NumberColumn(format="%.2f"),
            "probability": st.column_config.ProgressColumn(
                format="%.1f %%", min_value=0, max_value=100, width=120
            ),
        },
    )


def choose_epoch(model: ModelDirectory, epochs: Sequence[int]) -> int | None:
    """Let the visitor go back to one of the epochs with a snapshot; None for the trained model."""
    size = sum(model.snapshot_path(epoch).stat().st_size for epoch in epochs)
    chosen = st.select_slider(
        "After epoch",
        [*map(str, epochs), TRAINED],
        value=TRAINED,
        key=f"inside-epoch-{model.name}",
        help="Go back to see how it learned. A run keeps a few snapshots of itself for that; these take "
        f"{formats.size_in_bytes(size)}.",
    )
    return None if chosen == TRAINED else int(chosen)


def when(epoch: int | None) -> str:
    """Say after which epoch, in an alternative text."""
    return "" if epoch is None else f", after epoch {epoch}"


@st.cache_resource(max_entries=SIDE_BY_SIDE, show_spinner=False, hash_funcs=AS_WRITTEN)
def opened(model: ModelDirectory, epoch: int | None = None) -> Inside:
    """Return a model that can be looked into; it takes as much memory as the model once more."""
    return inside.inside(model, epoch)


@st.cache_data(max_entries=50, show_spinner="Looking inside", hash_funcs=AS_WRITTEN)  # of 100 KB
def followed(model: ModelDirectory, array: np.ndarray, epoch: int | None) -> Told:
    """Follow a picture, uint8 [S, S, 3], through a model, and put it into pictures and words."""
    await_turn()
    try:
        way = opened(model, epoch).layers.way(array)
    except ModelDirectoryError as error:
        if epoch is None:
            raise
        raise ModelDirectoryError(
            f"What “{model.name}” was after epoch {epoch} cannot be looked into; choose another epoch."
        ) from error
    stages = []
    if way.filters is not None:
        set_before = model.recipe().network == "airbench"
        stages.append(filters_stage(way.filters, set_before, when(epoch)))
    for number, maps in enumerate(way.blocks, 1):
        stages.append(block_stage(maps, number, len(way.blocks), when(epoch)))
    stages.append(features_stage(way.outputs.features[0], when(epoch)))
    [probabilities] = temperature_scale(way.outputs.probabilities, model.card()["temperature"])
    scores = pd.DataFrame(
        {
            "class": model.facts().class_names,
            "score": way.outputs.logits[0],
            "probability": probabilities * 100,
        }
    )
    return Told(stages, scores.sort_values("score", ascending=False))


def filters_stage(filters: np.ndarray, set_before: bool, after: str) -> Stage:
    count, _, height, width = filters.shape
    tiles = layers.filter_tiles(filters[:FILTERS])
    size = f"{width} × {height} pixels"
    share = share_of(len(tiles), count, "filters")
    alt = f"{share} of the first convolution, {size}: the colours they look for{after}"
    return Stage(
        "The first filters",
        f"The first convolution slides each of its {formats.count(count)} filters over the picture. A filter "
        f"sees {size} at a time, and answers where they look like it: an edge, a colour."
        + (" This network's are set before it learns, and stay as they are." if set_before else ""),
        strips(tiles, FILTER, MAPS, alt),
        width_of(FILTER, MAPS),
    )


def block_stage(maps: np.ndarray, number: int, blocks: int, after: str) -> Stage:
    count, height, width = maps.shape
    picked = layers.strongest(maps, MAPS)
    size = f"{width} × {height} pixels"
    share = share_of(len(picked), count, "maps")
    if number == 1:
        words = "A map is what one filter found. Light means: here it is. The places are the picture's."
    elif number == blocks:
        words = "Each point stands for a large part of the picture: what is there counts, and hardly where."
    elif number == 2:
        words = "These filters look at the maps above, not at the picture, and find more: corners, patterns."
    else:
        words = "The maps get smaller, and what the filters look for gets larger: parts of things."
    alt = f"{share} of block {number}, {size}: where the strongest filters answer{after}"
    return Stage(
        f"Block {number}: {share}, {size}",
        words,
        strips(layers.map_tiles(picked), MAP, IN_A_ROW, alt),
        width_of(MAP, IN_A_ROW),
    )


def features_stage(features: np.ndarray, after: str) -> Stage:
    shown, across = features[:FEATURES], min(len(features), FEATURES_IN_A_ROW)
    squares = np.full((1, -(-len(shown) // across), across), shown.min())
    squares.flat[: len(shown)] = shown
    width, share = width_of(MAP, IN_A_ROW), share_of(len(shown), len(features), "features")
    return Stage(
        share.capitalize(),
        "All maps become one list of numbers, each a small square here. Light means large. The list is all "
        "that the last layer knows of the picture.",
        strips(
            layers.map_tiles(squares), width, 1, f"{share}, a square each: the light ones are large{after}"
        ),
        width,
    )


def strips(tiles: np.ndarray, side: int, across: int, alt: str) -> list[Strip]:
    """Return tiles, uint8 [N, H, W, 3], as pictures of a row each, with what they show in words."""
    rows = [tiles[start : start + across] for start in range(0, len(tiles), across)]
    drawn = [images.to_png(layers.strip(row, side * SHARP, across)) for row in rows]
    return [
        (images.data_url(png, "png"), f"{alt}, row {row}" if row > 1 else alt)
        for row, png in enumerate(drawn, 1)
    ]


def width_of(side: int, across: int) -> int:
    """Return the pixels that a row of so many tiles of this side takes."""
    return across * side + (across - 1) * layers.GAP // SHARP


def share_of(shown: int, count: int, what: str) -> str:
    return f"{formats.count(shown)} of {formats.count(count)} {what}" if shown < count else f"{count} {what}"
