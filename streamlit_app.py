"""CIFAR Lab: `streamlit run streamlit_app.py`. The pages, what they all share, and the door before them.

A server reads this file twice: it imports `app`, and then runs the file for every visit. Where a host runs it
without importing it first, everything but the door is there.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import cli_util
from streamlit.web.server import server_util

from cifar_core import hardware
from cifar_core.errors import CifarLabError
from pages import enter
from pages.parts import downloads, forged, training_strip
from pages.parts.door import Door
from pages.parts.markdown import plain, told


def draw() -> None:
    """Draw the page in the address for one visitor."""
    hardware.hold_little_memory()
    # Once more, because what a host sets would win over config.toml: Community Cloud shows stack traces.
    st.set_option("client.showErrorDetails", "type")
    st.secrets.load_if_toml_exists()  # the settings in it become environment variables
    enter()
    forged.forget()
    # Before the navigation: for a tab with a Material icon, as the pages have, a browser asks Google.
    icon = Path(__file__).with_name("pages") / "parts" / "icon.svg"
    st.set_page_config(page_icon=icon, layout="wide")
    train = st.Page("pages/train.py", title="Train", icon=":material/model_training:")
    page = st.navigation(
        [
            st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
            st.Page("pages/data.py", title="Data", icon=":material/photo_library:"),
            train,
            st.Page("pages/evaluate.py", title="Evaluate", icon=":material/grid_on:"),
            st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
            st.Page("pages/classify.py", title="Classify", icon=":material/image_search:"),
            st.Page("pages/deploy.py", title="Deploy", icon=":material/rocket_launch:"),
        ],
        position="top",
    )
    st.set_page_config(page_title=f"{page.title} · CIFAR Lab")
    try:
        downloads.show_strip()
        if page != train:
            training_strip.show_strip()
        page.run()
    except CifarLabError as error:  # what a page did not expect, a damaged file perhaps, is a sentence too
        st.error(told(error))
    except OSError as error:
        if not error.strerror:  # not from the operating system, so its message could say anything
            raise
        name = "A file" if isinstance(error.filename, int | None) else Path(os.fsdecode(error.filename)).name
        st.error(f"{plain(name) or 'A file'} cannot be read or written ({error.strerror}).")


@asynccontextmanager
async def open_browser(_: st.App) -> AsyncIterator[None]:
    """Open the app in a browser when it starts on a desktop, as Streamlit does where it imports no `app`."""
    if not st.get_option("server.headless"):
        cli_util.open_browser(server_util.get_url(st.get_option("browser.serverAddress")))
    yield


if __name__ == "__main__":
    draw()
else:
    app = st.App(__file__, middleware=[Middleware(Door)], lifespan=open_browser)
