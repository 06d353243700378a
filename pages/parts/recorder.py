"""A camera that records while a button is held, which Streamlit does not have: its own takes one picture."""

from pathlib import Path
from typing import Any

import streamlit as st

from cifar_core.datasets.own_bursts import MOST_FRAMES

SIDE = 256  # pixels of a frame: twice what is kept of it
MILLISECONDS = 100  # from frame to frame

HTML = """
<video playsinline muted hidden></video>
<div class="row">
  <button type="button" class="camera">Turn the camera on</button>
  <button type="button" class="record" hidden>Hold to record</button>
  <span role="status"></span>
</div>
"""
CSS = """
video { display: block; width: 100%; max-width: 320px; aspect-ratio: 1; object-fit: cover;
  transform: scaleX(-1); border-radius: var(--st-base-radius); margin-bottom: 0.5rem; }
[hidden] { display: none; }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: 0.75rem; }
button { font: inherit; color: var(--st-text-color); background: none; cursor: pointer;
  padding: 0.4rem 0.8rem; border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
  touch-action: none; user-select: none; -webkit-user-select: none; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
.record.on { background: var(--st-primary-color); color: white; }
span { color: var(--st-text-color); }
"""
_HERE = Path(__file__).parent
# Shared with `live`; a component's script can import no other.
CAMERA = (_HERE / "camera.js").read_text(encoding="utf-8")

_RECORDER = st.components.v2.component(
    "recorder", html=HTML, css=CSS, js=CAMERA + (_HERE / "recorder.js").read_text(encoding="utf-8")
)


def record(key: str) -> Any:
    """Draw a camera with a button that records while it is held; return what came, once, None mostly.

    What came is a list of JPEG files as addresses, if a browser sent it, or whatever somebody else did:
    `own_bursts.burst` looks at it.
    """
    return _RECORDER(
        key=key,
        data={"most": MOST_FRAMES, "side": SIDE, "milliseconds": MILLISECONDS},
        on_burst_change=lambda: None,
        height="content",
    ).burst
