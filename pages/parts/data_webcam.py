"""Pictures of the visitor's own from a webcam: a class at a time, recorded in bursts."""

import streamlit as st

from cifar_core import formats, images
from cifar_core.datasets.own_adding import LEAST_GROUPS
from cifar_core.datasets.own_bursts import Burst, Bursts, burst
from cifar_core.errors import CifarLabError
from pages.parts import permission, recorder
from pages.parts.markdown import plain, told

_BURSTS = "own-bursts"  # in the session
THUMBNAIL = 64  # screen pixels
MOST_SHOWN = 12  # recordings of a class


def choose() -> Bursts | None:
    """Let the visitor record bursts; return those there are, None for none."""
    name = st.text_input(
        "Class", placeholder="mug", max_chars=64, key="own-burst-class", help="What you hold up."
    ).strip()
    bursts: list[Burst] = st.session_state.setdefault(_BURSTS, [])
    if not name:
        st.caption("Name the class first: then the camera can be turned on.")
    elif (sent := recorder.record("own-recorder")) is not None:
        try:
            permission.check()
            bursts.append(burst(name, sent, bursts))
        except CifarLabError as error:
            st.error(told(error))
    st.caption(
        f"Record each class {LEAST_GROUPS} times or more, from other sides or before another ground. The "
        "pictures of one recording stay together, in training or in the test."
    )
    show_bursts(bursts)
    return Bursts(bursts) if bursts else None


def show_bursts(bursts: list[Burst]) -> None:
    """Draw what was recorded, by class, the first picture of each burst."""
    for name in dict.fromkeys(each.class_name for each in bursts):
        own = [each.frames for each in bursts if each.class_name == name]
        times = "once" if len(own) == 1 else f"{formats.count(len(own))} times"
        count = formats.count(sum(map(len, own)))
        st.markdown(f"**{plain(name)}** · recorded {times}, {count} pictures")
        with st.container(horizontal=True, gap="xsmall"):
            for [first, *_] in own[:MOST_SHOWN]:
                st.image(images.data_url(first, "jpeg"), width=THUMBNAIL, alt=f"a recording of {name}")
    if bursts:
        st.button("Take back the last", icon=":material/undo:", key="own-burst-undo", on_click=take_back)


def take_back() -> None:
    del st.session_state.get(_BURSTS, [])[-1:]  # nothing, where a second click came too late


def forget() -> None:
    """Let go of what was recorded: a dataset has it."""
    st.session_state.pop(_BURSTS, None)
