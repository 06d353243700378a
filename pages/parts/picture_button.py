"""A picture that is a button, which Streamlit does not have: its own pictures cannot be clicked."""

from collections.abc import Callable

import streamlit as st

HTML = '<button type="button"><img alt=""></button>'
CSS = """
button { display: block; padding: 0; border: 0; background: none; cursor: zoom-in;
  border-radius: var(--st-base-radius); }
button:hover, button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
img { display: block; width: 100%; border-radius: inherit; }
"""
JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const button = parentElement.querySelector("button")
  const picture = button.querySelector("img")
  picture.src = data.address
  picture.alt = data.alt
  button.style.width = `${data.width}px`
  button.onclick = () => setTriggerValue("clicked", true)
}
"""

_BUTTON = st.components.v2.component("picture_button", html=HTML, css=CSS, js=JS)


def picture_button(address: str, width: int, alt: str, key: str, on_click: Callable[[], None]) -> None:
    """Draw a picture that can be clicked, tapped, or reached by Tab and pressed by Enter.

    Parameters
    ----------
    address
        Of the picture, as `caches.crisp` returns it.
    width
        Screen pixels; the height follows.
    alt
        What it shows, for those who do not see it.
    key
        Its own on the page.
    on_click
        Called before the page is drawn again.
    """
    _BUTTON(
        key=key,
        data={"address": address, "width": width, "alt": alt},
        width="content",
        height="content",
        on_clicked_change=on_click,
    )
