"""Bring what a visitor waits for into view, which Streamlit leaves to them."""

import hashlib

import streamlit as st

JS = """
export default function ({ data, parentElement }) {
  const mark = parentElement.querySelector("span")
  if (mark.dataset.about === data.about) return
  mark.dataset.about = data.about
  const look = () => {
    const top = mark.getBoundingClientRect().top
    if (top < 0 || top > 0.6 * window.innerHeight)
      mark.scrollIntoView({ block: "start", behavior: "smooth" })
  }
  // What stands above may still change its height, as a camera does that has become a photo; who scrolls
  // meanwhile is left alone.
  const waiting = [0, 500, 1000, 2000].map((wait) => setTimeout(look, wait))
  const leave = () => waiting.forEach(clearTimeout)
  for (const kind of ["wheel", "touchmove", "keydown"]) window.addEventListener(kind, leave, { once: true })
}
"""
HTML = '<span style="display: block; scroll-margin-top: 5rem"></span>'  # the page's header is 4 high

_VIEW = st.components.v2.component("come_into_view", html=HTML, js=JS)


def come_into_view(about: str) -> None:
    """Scroll to this place, once for what it is about, unless it stands well in view."""
    _VIEW(data={"about": hashlib.sha256(about.encode()).hexdigest()}, width="stretch", height="content")
