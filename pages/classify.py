"""Classify: your own pictures, the webcam or a test image, and what one or more models make of them."""

import random
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifar_core import crop, formats, images
from cifar_core.crop import Square
from cifar_core.datasets.dataset import Dataset
from cifar_core.datasets.registry import CIFAR10
from cifar_core.deploy import remote
from cifar_core.deploy.remote import Endpoint
from cifar_core.errors import CifarLabError, ImageError
from cifar_core.inference.tta import TTA
from cifar_core.runs import catalogue
from cifar_core.runs.model_dir import ModelDirectory
from pages import require_entry
from pages.parts import caches, classify_answers, classify_closer, examples, live, square, uploads
from pages.parts.classify_answers import Picture
from pages.parts.markdown import plain, told
from pages.parts.models import NO_MODEL, offer_training, warn_if_gone, warn_if_it_guesses
from pages.parts.uploads import Upload

MOST = caches.MODELS_IN_MEMORY  # models side by side
MOST_PICTURES = 1_000  # that are looked at, of however many files
# Each upload has a number of its own: to hash it takes no look at its content.
BY_NUMBER: caches.HashFuncs = {UploadedFile: lambda file: file.file_id}
MOST_NAMES = 20  # of classes that are listed
LIVE = "live"  # the key of the switch
FEW = 3  # files that are no pictures are listed; more of them are folded up


def choose_models() -> list[ModelDirectory]:
    """Let the visitor choose models, `?model=…&model=…`; say what to do if there are none."""
    models = {model.name: model for model in catalogue.models()}
    if not models:
        offer_training(NO_MODEL)
        return []
    names = list(models)
    # The URL, then what was chosen here before, then the one model of the other pages.
    before = st.session_state.get("models", [st.session_state.get("model", names[0])])
    linked = st.query_params.get_all("model")
    asked = linked or before
    known = [name for name in names if name in asked][:MOST]
    st.session_state["models"] = known if known or not asked else names[:1]
    warn_if_gone(linked, names, st.session_state["models"])

    def write_url() -> None:
        st.query_params["model"] = st.session_state["models"]

    st.multiselect(
        "Models",
        names,
        format_func=catalogue.titles(models.values()).__getitem__,
        key="models",
        persist_state="session",
        max_selections=MOST,
        on_change=write_url,
        help="Choose several to see their answers side by side.",
    )
    write_url()
    chosen = st.session_state["models"]
    if not chosen:
        st.info("Choose a model above.", icon=":material/info:")
    return [models[name] for name in chosen]


def choose_endpoint() -> Endpoint | None:
    """Let the visitor ask the endpoint of the settings instead; None for the models here."""
    try:
        endpoint = remote.configured()
    except CifarLabError as error:
        st.error(told(error))
        return None
    if endpoint is None:
        return None
    asked = st.segmented_control(
        "Answers come from",
        ["this app", endpoint.name],
        default="this app",
        required=True,
        key="from",
        help="This app asks a model here. The other choice asks a model on a server. The server gets only "
        "the few pixels that the network sees.",
    )
    return endpoint if asked == endpoint.name else None


def choose_how() -> images.How:
    named: dict[str, images.How] = {"Both": "both", "Centre crop": "crop", "Whole picture": "whole"}
    how = st.segmented_control(
        "Pictures that are not square",
        list(named),
        default="Both",
        required=True,
        key="how",
        bind="query-params",
        help="The network sees a square. Centre crop: a square part of the picture, which you can move. "
        "Whole picture: all of it, pressed into a square. The average of both is right most often.",
    )
    return named[how]


def choose_tta() -> TTA:
    six = st.toggle(
        "Look six times",
        key="six",
        bind="query-params",
        help="The model looks at the picture six times: moved a little, and mirrored if that shows the same "
        "thing. The average of its answers is right a little more often, but takes up to six times as long.",
    )
    return 6 if six else 1


def forget_ours() -> None:
    """Take our own picture away: the visitor gives one."""
    for name in ("image", "example"):
        st.query_params.pop(name, None)


def take_ours(**chosen: str) -> None:
    """Put one of our own pictures in front."""
    forget_ours()
    st.query_params.update(chosen)
    st.session_state[classify_answers.PAGE] = 1


def take_random(dataset: Dataset) -> None:
    take_ours(image=str(random.randrange(dataset.sizes["test"])))


def offer_ours(dataset: Dataset | None) -> None:
    """Draw a button for a test image, where they are here, and one for each example."""
    if dataset is not None and dataset.available():
        st.button("Test image", icon=":material/casino:", on_click=take_random, args=(dataset,))
    for name, title in examples.TITLES.items():
        st.button(title, on_click=take_ours, kwargs={"example": name})


def uploaded(
    how: images.How, sides: tuple[int, ...], dataset: Dataset | None, *, can_follow: bool
) -> tuple[list[Picture], list[tuple[str, str]]]:
    """Read what was dropped or photographed: the pictures, and of other files the name and what is wrong."""
    anew = "files" not in st.session_state
    files = st.file_uploader(
        "Drop or choose pictures",  # the content decides, and a wrong file gets our own word
        type=["image", *images.SUFFIXES],  # a field for images has iPhones send JPEG instead of HEIC
        accept_multiple_files=True,
        key="files",
        max_upload_size=images.MAX_BYTES // 1024**2,
        on_change=forget_ours,
        help=f"Any size and shape: {', '.join(images.SUFFIXES)}. Each picture is shrunk to "
        f"{sides[0]}×{sides[0]} pixels. The network sees nothing else.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        offer_ours(dataset)
        webcam = st.toggle("Webcam", key="webcam")
        if can_follow:
            st.toggle("Live", key=LIVE, help="The answer follows what you hold up to the webcam.")
    # Asking for the camera as soon as the page opens would be rude, so it stands behind a toggle.
    photo = st.camera_input("Take a picture", key="camera", on_change=forget_ours) if webcam else None
    given = [Upload("webcam", photo)] if photo else []
    given += [Upload(formats.printable(file.name), file) for file in files]
    kept = uploads.keep(given, anew=anew)
    uploads.offer_to_remove(kept, forget_readings)
    given += kept
    if len(given) > MOST_PICTURES:
        st.warning(
            f"Only the first {formats.count(MOST_PICTURES)} of {formats.count(len(given))} files are looked "
            "at; `python -m cifar_core score` takes any number."
        )
    pictures, refused = [], []
    with st.spinner("Reading the pictures", show_time=True):
        for name, file in given[:MOST_PICTURES]:
            found = read(file, how, square.chosen(file.file_id), sides)
            if isinstance(found, str):
                refused.append((name, found))
            else:
                movable = file.file_id if how != "whole" else None
                pictures.append(Picture(name, partial(to_show, file), *found, movable=movable))
    return pictures, refused


def forget_readings() -> None:
    """Let nothing stay of pictures that the visitor takes away; what is still there is read anew."""
    read.clear()
    to_show.clear()


@st.cache_data(  # of 6 KB
    max_entries=MOST_PICTURES, show_spinner=False, hash_funcs=BY_NUMBER, scope="session"
)
def read(
    file: UploadedFile, how: images.How, place: Square | None, sides: tuple[int, ...]
) -> tuple[str, dict[int, np.ndarray]] | str:
    """Return thumbnail of a picture and the looks at it by their side, or what is wrong with it."""
    try:
        return thumbnail_and_looks(file.getvalue(), how, place, sides)
    except ImageError as error:
        return str(error)


def thumbnail_and_looks(
    content: bytes, how: images.How, place: Square | None, sides: tuple[int, ...]
) -> tuple[str, dict[int, np.ndarray]]:
    picture = images.read(content)
    looked_at = crop.cut_out(picture, place) if place and how != "whole" else picture
    looks = {side: images.looks(looked_at, how, side) for side in sides}
    return images.data_url(images.to_jpeg(picture, 64), "jpeg"), looks


@st.cache_data(  # of at most 0.1 MB
    max_entries=2 * classify_answers.CARDS, show_spinner=False, hash_funcs=BY_NUMBER, scope="session"
)
def to_show(file: UploadedFile) -> bytes | None:
    """Return the whole picture as JPEG; None where it only just was not too much to decode, and now is."""
    try:
        return images.to_jpeg(images.load(file.getvalue())[0])
    except ImageError:
        return None


def our_picture(how: images.How, sides: tuple[int, ...], dataset: Dataset | None) -> Picture | None:
    """Return the test image or the example in the URL, `?image=…` or `?example=…`."""
    if dataset is not None and (picture := chosen_test_image(sides, dataset)):
        return picture
    name = st.query_params.get("example", "")
    if name not in examples.TITLES:
        return None
    content, true = examples.load(name)
    thumbnail, looks = thumbnail_and_looks(content, how, square.chosen(name), sides)
    shown = images.to_jpeg(images.load(content)[0])
    movable = name if how != "whole" else None
    return Picture(examples.TITLES[name].lower(), lambda: shown, thumbnail, looks, true, movable)


def chosen_test_image(sides: tuple[int, ...], dataset: Dataset) -> Picture | None:
    value, size = st.query_params.get("image", ""), dataset.sizes["test"]
    # Of thousands of digits Python refuses to make a number.
    if not value.isdecimal() or len(value) > len(str(size)) or int(value) >= size:
        return None
    test = caches.test_set_or_offer(dataset.facts, "With them, you can classify its test images.", "image")
    if test is None:
        return None
    index = int(value)
    image, true = test.images[index], dataset.class_names[test.labels[index]]
    looks = {side: images.looks(Image.fromarray(image), side=side) for side in sides}
    thumbnail = caches.tile(dataset.facts, index, 2)
    return Picture(f"test image {index}", lambda: None, thumbnail, looks, true)


def dataset_of(models: list[ModelDirectory]) -> Dataset | None:
    """Return the dataset whose test images are offered: the first model's; None where it is gone."""
    try:
        return models[0].dataset() if models else CIFAR10
    except CifarLabError:
        return None


def say_what_they_know(models: list[ModelDirectory]) -> None:
    known: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        known.setdefault(model.facts().class_names, []).append(f"**{plain(model.title)}**")
    for class_names, who in known.items():
        listed = ", ".join(plain(name) for name in class_names[:MOST_NAMES])
        more = ", …" if len(class_names) > MOST_NAMES else ""
        verb = "knows" if len(who) == 1 else "know"
        st.caption(f"{' and '.join(who)} {verb} {len(class_names)} things and nothing else: {listed}{more}.")


def show_refused(refused: list[tuple[str, str]]) -> None:
    """List files that are no pictures. What they are called is shown as text, never as Markdown."""
    if not refused:
        return
    if len(refused) > FEW:
        st.error(f"{len(refused)} files could not be read. The others are shown.", icon=":material/error:")
    box = st.expander("Which, and why") if len(refused) > FEW else st.container()
    for name, reason in refused:
        with box.container(horizontal=True, wrap=False, gap="xsmall"):
            st.markdown(":red[:material/error:]", width="content")
            st.text(f"{name}: {reason}")


require_entry()
st.title("Classify", anchor=False)
given, said = st.columns([2, 3], gap="medium")  # on a phone one below the other
drop_zone = given.container()  # first on the page, but what is chosen below says how to read the pictures
with given.expander("Options", icon=":material/tune:"):
    endpoint = choose_endpoint()
    models = [] if endpoint else choose_models()
    how = choose_how()
    tta: TTA = 1 if endpoint else choose_tta()
if not endpoint and not models:
    st.stop()
dataset = dataset_of(models)
sides = tuple(dict.fromkeys(classify_answers.side_of(model) for model in models)) or (images.SIZE,)
with drop_zone:
    pictures, refused = uploaded(how, sides, dataset, can_follow=bool(models))
    show_refused(refused)
if ours := our_picture(how, sides, dataset):
    pictures.insert(0, ours)
with said:
    if models and st.session_state.get(LIVE):
        live.show(models[0])
    elif pictures:
        answered = classify_answers.show([endpoint] if endpoint else models, pictures, tta, refused)
        classify_closer.show(pictures, answered, tta)
    elif not refused:
        st.info("Drop a picture, switch on the webcam, or try an example.", icon=":material/image:")
    say_what_they_know(models)
    for model in models:
        warn_if_it_guesses(model)
        classify_answers.say_what_passes(model)
