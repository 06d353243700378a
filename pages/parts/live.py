"""Answers that follow what is held up to the webcam: a frame goes out when the answer to the last is here."""

from pathlib import Path
from typing import Any

import streamlit as st

from cifar_core import formats, images
from cifar_core.datasets.own_bursts import frame_of
from cifar_core.errors import CifarLabError
from cifar_core.inference import classify
from cifar_core.runs.model_dir import ModelDirectory
from pages.parts import caches, classify_answers, recorder
from pages.parts.caches import AS_WRITTEN
from pages.parts.markdown import plain, told
from pages.parts.scrolling import come_into_view
from pages.parts.verdict import verdict

KEY = "live-camera"
_ANSWER = "live-answer"  # in the session: the newest

HTML = """
<p class="verdict">&nbsp;</p>
<p class="hint">&nbsp;</p>
<div class="both"><video playsinline muted hidden></video><div class="bars"></div></div>
<div class="row">
  <button type="button" class="camera">Turn the camera on</button>
  <span role="status"></span>
</div>
"""
CSS = (
    recorder.CSS
    + """
.verdict { font-size: 1.5rem; font-weight: 600; margin: 0 0 0.5rem; min-height: 2rem; }
.hint { font-size: 0.875rem; opacity: 0.8; margin: 0 0 0.5rem; min-height: 1.25rem; }
.verdict, .hint, .bar { color: var(--st-text-color); }
.both { display: flex; gap: 1rem; align-items: center; }
video { flex: 0 1 320px; width: 45%; min-width: 0; }
.bars { flex: 1 1 12rem; min-width: 0; }
.bar { position: relative; padding: 0.15rem 0.5rem; margin-bottom: 0.25rem; display: flex;
  justify-content: space-between; gap: 0.5rem; overflow: hidden; border-radius: var(--st-base-radius);
  background: var(--st-secondary-background-color); }
.bar i { position: absolute; inset: 0 auto 0 0; background: var(--st-primary-color); opacity: 0.35;
  transition: width 0.15s; }
.bar span { position: relative; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar span:last-child { overflow: visible; }
"""
)
_LIVE = st.components.v2.component(
    "live",
    html=HTML,
    css=CSS,
    js=recorder.CAMERA + Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


@st.fragment  # nothing else of the page is drawn for a frame
def show(model: ModelDirectory) -> None:
    """Draw the camera, and what a model says of what it sees, as often as it can."""

    def answer() -> None:
        st.session_state[_ANSWER] = said_of(model, st.session_state[KEY].frame)

    try:  # before the first frame is
        caches.classifier(model)
        calibration(model)
    except CifarLabError as error:
        st.error(told(error))
        return
    come_into_view("live")
    _LIVE(
        key=KEY,
        data={"side": recorder.SIDE, "answer": st.session_state.get(_ANSWER)},
        on_frame_change=answer,
        height="content",
    )
    st.caption(f"**{plain(model.title)}** looks at the middle of what the camera sees. Nothing is kept.")


def said_of(model: ModelDirectory, sent: Any) -> dict[str, Any] | None:
    """Return the answer to a frame, as the browser shows it; None where it sent something else.

    `sent` is `[number, address]`; the number comes back, so that the browser knows which frame was answered.
    """
    if not isinstance(sent, list) or len(sent) != 2 or not isinstance(sent[0], int):
        return None
    try:
        look = images.looks(images.read(frame_of(sent[1])), side=model.facts().side)
        [answer] = classify.classify(caches.classifier(model), calibration(model), [look])
    except CifarLabError as error:
        return {"number": sent[0], "verdict": str(error), "hint": "", "bars": []}
    bars = [
        {"name": name, "share": share, "text": formats.probability(share)}
        for name, share in answer.likeliest(classify_answers.LIKELIEST)
    ]
    return {
        "number": sent[0],
        "verdict": verdict(answer, None),
        "hint": classify_answers.what_it_must_choose_from([answer], None),
        "bars": bars,
    }


@st.cache_resource(max_entries=caches.MODELS_IN_MEMORY, show_spinner=False, hash_funcs=AS_WRITTEN)
def calibration(model: ModelDirectory) -> classify.Calibration:
    return classify.calibration_of(model)
