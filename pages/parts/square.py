"""The square that a network looks at, drawn on the visitor's picture, who may move it and resize it.

Streamlit has no such widget, so it is a component; `square.js` is its half in the browser. Each picture keeps
its own square for the session.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from cifar_core import crop
from cifar_core.crop import Square

HTML = """
<div class="frame"><img alt="" draggable="false">
<div class="square" hidden tabindex="0" role="application"
  aria-label="The square that the network looks at. Arrow keys move it, plus and minus resize it.">
<i data-corner="nw"></i><i data-corner="ne"></i><i data-corner="sw"></i><i data-corner="se"></i></div></div>
<output></output>
"""
CSS = """
.frame { --aspect: 1; position: relative; overflow: hidden; border-radius: var(--st-base-radius);
  width: min(100%, calc(16rem * var(--aspect))); }
img { display: block; width: 100%; height: 100%; user-select: none; }
.square { position: absolute; box-sizing: border-box; border: 2px solid white; cursor: move;
  touch-action: none; box-shadow: 0 0 0 1px rgb(0 0 0 / 0.7), inset 0 0 0 1px rgb(0 0 0 / 0.7),
  0 0 0 200vmax rgb(0 0 0 / 0.55); }
.square:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: -5px; }
i { position: absolute; width: min(1.75rem, 40%); height: min(1.75rem, 40%); touch-action: none; }
i::after { content: ""; position: absolute; width: 50%; height: 50%; border: 0 solid white;
  filter: drop-shadow(0 0 1px black); }
i[data-corner^="n"], i[data-corner^="n"]::after { top: 0; }
i[data-corner^="s"], i[data-corner^="s"]::after { bottom: 0; }
i[data-corner$="w"], i[data-corner$="w"]::after { left: 0; }
i[data-corner$="e"], i[data-corner$="e"]::after { right: 0; }
i[data-corner^="n"]::after { border-top-width: 4px; }
i[data-corner^="s"]::after { border-bottom-width: 4px; }
i[data-corner$="w"]::after { border-left-width: 4px; }
i[data-corner$="e"]::after { border-right-width: 4px; }
i[data-corner="nw"], i[data-corner="se"] { cursor: nwse-resize; }
i[data-corner="ne"], i[data-corner="sw"] { cursor: nesw-resize; }
output { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""
JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

_SQUARE = st.components.v2.component("square", html=HTML, css=CSS, js=JS)
_CHOSEN = "squares"  # in the session: squares by the picture they lie on


def chosen(picture: str) -> Square | None:
    """Return the square that the visitor chose on a picture, by what tells it apart; None: the usual one."""
    found: Square | None = st.session_state.get(_CHOSEN, {}).get(picture)
    return found


def show(picture: str, address: str, alt: str, *, whole: bool) -> None:
    """Draw a picture with its square; when it has been moved, the page is drawn again.

    Parameters
    ----------
    picture
        What tells it apart from others of this visitor.
    address
        Of the whole picture, upright.
    alt
        What it shows, for those who do not see it.
    whole
        Whether the network looks at the whole picture, too.
    """
    key, place = f"square-{picture}", chosen(picture)

    def take() -> None:
        if (moved := checked(st.session_state[key].moved)) is not None:
            st.session_state.setdefault(_CHOSEN, {})[picture] = moved

    sent = _SQUARE(
        key=key,
        data={"address": address, "alt": alt, "square": place, "least": crop.LEAST_SIDE},
        width="stretch",
        height="content",
        on_moved_change=take,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        sees = "the square, and the whole picture" if whole else "only the square"
        st.caption(f"The network sees {sees}. Drag the square, or a corner.", width="content")
        if place is not None and st.button("Reset", key=f"reset-{key}", type="tertiary"):
            del st.session_state[_CHOSEN][picture]
            st.rerun()
    if sent.moved is not None:
        st.rerun()  # the answers stand outside of the fragment that this is drawn in


def checked(sent: Any) -> Square | None:
    """Return what a browser sent as a square; None where it is none."""
    if not isinstance(sent, list) or len(sent) != 3 or any(type(share) not in (int, float) for share in sent):
        return None
    place = Square(*sent)
    return place if place.possible else None
