"""Pictures of the visitor's own, from a folder or a file to a dataset that can be learned."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifar_core import formats, images
from cifar_core.datasets import own, own_adding, own_editing, registry
from cifar_core.datasets.own_adding import Added
from cifar_core.datasets.own_bursts import Bursts
from cifar_core.errors import CifarLabError, DatasetError
from cifar_core.runs import learners
from pages.parts import data_webcam, permission
from pages.parts.markdown import plain, told

FOLDER, FILE, PATH = "A folder", "A ZIP, tar or Parquet file", "A place on this computer"
WEBCAM = "The webcam"
MOST_NAMED = 20  # of what was left out
_ADDED, _PROBLEM = "own-added", "own-problem"  # in the session: what was added last, and what went wrong

Given = list[UploadedFile] | UploadedFile | str | Bursts | None


def show() -> None:
    """Draw the fields that take pictures, and what came of the last ones."""
    with st.expander(
        "Use your own pictures", icon=":material/create_new_folder:", expanded=_ADDED in st.session_state
    ):
        show_added()
        if not permission.explain():
            return
        name = st.text_input("Name", placeholder="pets", max_chars=64, key="own-name")
        given = choose_pictures()
        # Until uploads are whole there is nothing to add; a path is read only when its field is left.
        waits = not isinstance(given, str) and not given
        if st.button("Add", type="primary", icon=":material/add:", key="own-add", disabled=waits):
            add(name.strip(), given)


def choose_pictures() -> Given:
    """Let the visitor say where the pictures are."""
    ways = [FOLDER, FILE, WEBCAM]
    if permission.here():  # elsewhere it would be the server's disk
        ways.append(PATH)
    way = st.segmented_control("From", ways, default=FOLDER, required=True, key="own-way")
    if way == PATH:
        return st.text_input("Where they are", placeholder="a folder or a file", key="own-path").strip()
    if way == WEBCAM:
        return data_webcam.choose()
    if way == FILE:
        return st.file_uploader("The file", key="own-file")
    st.caption("Put the pictures of each class into a folder of its name, and all of them into one folder.")
    return list(
        st.file_uploader(
            "The folder that holds them",
            type=images.SUFFIXES,
            accept_multiple_files="directory",
            key="own-folder",
            max_upload_size=images.MAX_BYTES // 1024**2,
        )
    )


def add(name: str, given: Given) -> None:
    """Take the pictures with a progress bar, and draw the page anew with them."""
    if not given:
        st.info("Choose the pictures first.", icon=":material/info:")
        return
    bar = st.progress(0.0, "Looking at every picture …")

    def progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"{formats.count(done)} of {formats.count(total)} pictures")

    try:
        permission.check()
        with source_of(given) as source:
            added = own_adding.add(name, source, progress=progress)
    except CifarLabError as error:
        bar.empty()
        st.error(told(error))
        return
    data_webcam.forget()
    st.session_state[_ADDED] = added
    st.query_params["data"] = name  # the page shows what came
    st.rerun()


@contextlib.contextmanager
def source_of(given: list[UploadedFile] | UploadedFile | str | Bursts) -> Iterator[Path | Bursts]:
    """Yield what the pictures come from; what was uploaded lies in a folder that is gone afterwards.

    The name of an uploaded file is its path in the visitor's folder, of which nothing is believed.
    """
    if isinstance(given, str | Bursts):
        yield Path(given).expanduser() if isinstance(given, str) else given
        return
    with tempfile.TemporaryDirectory() as scratch:
        if isinstance(given, UploadedFile):
            file = Path(scratch, "pictures")
            file.write_bytes(given.getbuffer())
            yield file
            return
        for upload in given:
            parts = PurePosixPath(upload.name.replace("\\", "/")).parts
            if len(parts) < 2 or any(part in ("..", "/") or ":" in part for part in parts):
                raise DatasetError(f"“{upload.name}” does not lie in a folder of its class.")
            path = Path(scratch, *parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(upload.getbuffer())
        yield Path(scratch)


def attempt(action: Callable[[], None]) -> None:
    """Do what a button asks for, and keep what went wrong for `show_problem`."""
    try:
        permission.check()
        action()
    except CifarLabError as error:
        st.session_state[_PROBLEM] = told(error)


def show_problem() -> None:
    """Say what went wrong with what was asked for last."""
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(problem)


def show_damaged() -> None:
    """Say what is wrong with datasets that cannot be read, and offer to remove them."""
    for name in own.names():
        try:
            registry.get_dataset(name)
        except DatasetError as error:
            with st.container(border=True):
                st.error(told(error))
                with st.container(horizontal=True):
                    offer_removal(name)
                    if isinstance(error, own.ChangesError):
                        offer_to_forget(name)


def offer_removal(name: str) -> None:
    """Draw what removes a dataset of the visitor's own, and say what goes with it."""
    if not permission.granted():
        return
    size = formats.size_in_bytes(own.size_in_bytes(name))
    with st.popover("Remove", icon=":material/delete:", key=f"own-removal-{name}"):
        st.write(
            f"This deletes the pictures of “{plain(name)}”, their labels, and what was computed of them: "
            f"{size}, for good. Files that they came from stay, and so do models that learned from them; "
            "what a webcam recorded is gone."
        )
        st.button(
            "Remove it",
            type="primary",
            width="stretch",
            key=f"own-remove-{name}",
            on_click=attempt,
            args=(lambda: remove(name),),
        )


def offer_to_forget(name: str) -> None:
    """Draw what puts the log of changes aside."""
    if permission.granted():
        st.button(
            "Forget the changes",
            icon=":material/history:",
            key=f"own-forget-{name}",
            on_click=attempt,
            args=(lambda: own_editing.forget(name),),
            help="The labels are then as they were when the pictures were added.",
        )


def remove(name: str) -> None:
    learners.refuse_if_learning(name)
    own.remove(name)


def show_added() -> None:
    """Say what was taken and what was left out, and lead on."""
    added: Added | None = st.session_state.get(_ADDED)
    if added is None or added.dataset.name not in own.names():
        st.session_state.pop(_ADDED, None)
        return
    dataset = added.dataset
    train, test = (formats.count(dataset.sizes[part]) for part in ("train", "test"))
    st.success(
        f"“{plain(dataset.name)}” is here: {train} pictures to learn from, {test} to test with, "
        f"{len(dataset.class_names)} classes.",
        icon=":material/check_circle:",
    )
    for note in added.notes:
        st.caption(told(note))
    if added.left_out:
        st.warning(f"{formats.count(len(added.left_out))} files were left out.", icon=":material/warning:")
        for item in added.left_out[:MOST_NAMED]:
            st.text(f"{formats.printable(item.name)}: {formats.printable(item.reason)}")
    if st.button("Learn them", icon=":material/model_training:", key="own-learn"):
        st.session_state.update(dataset=dataset.name, recipe="transfer")
        del st.session_state[_ADDED]
        st.switch_page("pages/train.py")
