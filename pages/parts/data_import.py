"""CIFAR-10 of the visitor's own: uploaded, or named where the visitor sits at this machine."""

import streamlit as st

from cifar_core import access, formats
from cifar_core.datasets import imported
from cifar_core.errors import CifarLabError
from pages.parts import permission
from pages.parts.markdown import plain

MOST_MEGABYTES = 200  # the archive has 170


def show() -> None:
    """Draw the fields for a copy that is there already, and take it."""
    with st.expander("I have it already", icon=":material/folder_open:"):
        files = st.file_uploader(
            "The archive `cifar-10-python.tar.gz`, or Hugging Face's two Parquet files",
            accept_multiple_files=True,
            key="copy-files",
            max_upload_size=MOST_MEGABYTES,
        )
        path = ""
        # Else a visitor could have the server look at its files.
        if access.opened_here(st.context.ip_address, dict(st.context.headers)):
            path = st.text_input(
                "Or where it is on this computer",
                placeholder="a folder or a file",
                key="copy-path",
                help="A folder with the six batches, or with a folder of PNG files for each class, does too.",
            ).strip()
        if st.button("Take it", icon=":material/input:", key="copy-take"):
            if files or path:
                take([path] if path else list(files))
            else:
                st.info("Say first which files.", icon=":material/info:")


def take(copies: list[imported.Copy]) -> None:
    """Take a copy into the cache with a progress bar, and draw the page anew with it."""
    bar = st.progress(0.0, "Checking every picture …")

    def progress(done: int, total: int) -> None:
        bar.progress(done / total, f"{formats.count(done)} of {formats.count(total)} pictures")

    try:
        permission.check()
        imported.take(*copies, progress=progress)
    except CifarLabError as error:
        bar.empty()
        st.error(plain(str(error)))
    else:
        st.rerun()
