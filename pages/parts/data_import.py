"""CIFAR-10 of the visitor's own: a path where the visitor sits at this machine, else perhaps an upload."""

import streamlit as st

from cifar_core import formats
from cifar_core.datasets import imported
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import CifarLabError
from pages.parts import permission
from pages.parts.markdown import told

MEGABYTES = 200  # an upload of the archive must be allowed to have; it has 170
COMMAND = "python -m cifar_core data download --from FILE"


def show() -> None:
    """Draw the field for a copy that is there already, and take it."""
    with st.expander("I have it already", icon=":material/folder_open:"):
        copies: list[imported.Copy] = []
        # Elsewhere a visitor could have the server look at its files.
        if permission.here():
            path = st.text_input(
                "Where it is on this computer",
                placeholder="a file or a folder",
                key="copy-path",
                help="`cifar-10-python.tar.gz`, a folder with Hugging Face's two Parquet files, one with the "
                "six batches, or one with a folder of PNG files for each class.",
            )
            copies = [path.strip()] if path.strip() else []
        # The server's own limit, which no field can lift: memory holds what is uploaded.
        elif permission.granted() and st.get_option("server.maxUploadSize") >= MEGABYTES:
            copies = list(
                st.file_uploader(
                    "The archive `cifar-10-python.tar.gz`, or Hugging Face's two Parquet files",
                    accept_multiple_files=True,
                    key="copy-files",
                    max_upload_size=MEGABYTES,
                )
            )
        else:
            st.markdown("Whoever runs this app can have it taken from a file or a folder:")
            st.code(COMMAND, language=None, wrap_lines=True)
            return
        if st.button("Take it", icon=":material/input:", key="copy-take"):
            take(copies)


def take(copies: list[imported.Copy]) -> None:
    """Take a copy into the cache with a progress bar, and draw the page anew with it."""
    if not copies:
        st.info("Say first where it is.", icon=":material/info:")
        return
    bar = st.progress(0.0, "Checking every picture …")

    def progress(done: int, total: int) -> None:
        bar.progress(done / total, f"{formats.count(done)} of {formats.count(total)} pictures")

    try:
        permission.check()
        imported.take(*copies, progress=progress)
    except CifarLabError as error:
        bar.empty()
        st.error(told(error))
    else:
        st.query_params["data"] = CIFAR10.name  # the page shows what came
        st.rerun()
