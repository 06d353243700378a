"""“What if”, in the closer looks at a picture: the same picture changed, and the answer to each."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from cifar_core.evaluation.what_if import Changed, what_if
from cifar_core.inference import classify
from cifar_core.inference.classify import Answer
from cifar_core.inference.tta import TTA
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain
from pages.parts.turns import await_turn, in_turn
from pages.parts.verdict import NONE, verdict

TILE = 112  # pixels a side: nine fit side by side on a laptop, two on a phone
STILL, NOW = "still", "now"
STRENGTHS = {"Slightly": 1, "Clearly": 3, "Strongly": 5}


@st.fragment  # what is opened or chosen here draws nothing else again
def show(looks: Mapping[ModelDirectory, np.ndarray], tta: TTA = 1, *, doubts: bool = True) -> None:
    """Let the visitor change a picture, and show what each model says then; folded, it asks nobody.

    Parameters
    ----------
    looks
        What each model sees of the picture, uint8 [K, S, S, 3]; nothing is drawn where there is none.
    tta
        How many views it takes of each look.
    doubts
        Whether an answer may be that it is none of the classes.
    """
    if not looks:
        return
    fold = st.expander(
        "What if it looked different?", icon=":material/tune:", key="what-if", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        st.markdown("Change the picture a little: what does the model rely on?")
        chosen = st.segmented_control(
            "How much", list(STRENGTHS), default="Clearly", required=True, key="what-if-strength"
        )
        found = {
            model: in_turn(changed_pictures, model, array, STRENGTHS[chosen], tta)
            for model, array in looks.items()
        }
        said = {model: sayings(answers_in(changed, doubts)) for model, changed in found.items()}
        for model, words in said.items():
            st.markdown(summary(words[1:], "" if len(said) == 1 else model.title))
        show_strip(next(iter(found.values())), said)


@st.cache_data(max_entries=50, show_spinner="Changing the picture", hash_funcs=AS_WRITTEN)  # of 30 KB
def changed_pictures(model: ModelDirectory, looks: np.ndarray, strength: int, tta: TTA) -> list[Changed]:
    await_turn()
    return what_if(caches.classifier(model), classify.calibration_of(model, tta), looks, strength, tta)


def show_strip(changed: list[Changed], said: Mapping[ModelDirectory, list[str]]) -> None:
    """Show the pictures beside each other, and below each what every model says."""
    with st.container(horizontal=True):
        for place, (change, picture, _) in enumerate(changed):
            theirs = {model: words[place] for model, words in said.items()}
            with st.container(width=TILE, gap="xsmall"):
                heard = ", ".join(theirs.values())
                scale = max(2 * TILE // len(picture), 1)
                st.image(caches.crisp(picture, scale), width="stretch", alt=f"{change}: {heard}")
                st.markdown(f"**{change}**")
                for model, words in theirs.items():
                    whose = "" if len(theirs) == 1 else f"{plain(model.title)}: "
                    colour = "orange" if words.startswith(NOW) else "grey"
                    st.markdown(f"{whose}:{colour}[{plain(words)}]")


def answers_in(changed: list[Changed], doubts: bool) -> list[Answer]:
    return [answer if doubts else answer._replace(none_of_these=None) for *_, answer in changed]


def sayings(answers: list[Answer]) -> list[str]:
    """Say of each answer whether it is still the first one: "cat, 90.0 %", "still cat, 81.0 %"."""
    kinds = [NONE if answer.none_of_these else answer.class_name for answer in answers]
    words = [verdict(answer, None) for answer in answers]
    whether = [STILL if kind == kinds[0] else NOW for kind in kinds]
    return [words[0], *map(" ".join, zip(whether[1:], words[1:], strict=True))]


def summary(words: list[str], whose: str) -> str:
    """Say how often an answer stays, of a model that may have a name."""
    stays = sum(each.startswith(STILL) for each in words)
    who = f"**{plain(whose)}**" if whose else "The model"
    return f"{who} keeps to its answer in **{stays} of {len(words)}** changes."
