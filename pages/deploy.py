"""Deploy: the chosen model on TensorFlow Serving, asked and checked from here, and as files."""

import numpy as np
import pandas as pd
import streamlit as st

from cifar_core import access, formats, images
from cifar_core.deploy import container, exporting, serving
from cifar_core.deploy.check import Comparison, compare
from cifar_core.errors import CifarLabError
from cifar_core.inference.classify import calibration_of, classify
from cifar_core.runs.model_dir import ModelDirectory
from pages import require_entry
from pages.parts import averages, caches, deploy_vertex, deploy_website, examples, permission
from pages.parts.markdown import plain, told
from pages.parts.models import choose_model
from pages.parts.url_state import choose_view

EXAMPLE = 12  # the picture of the example request, a test image where those are here
CHECKED = range(8)  # those that a check asks about
SECONDS = 20.0  # that a check waits for each answer


@st.cache_data(
    max_entries=2,
    show_spinner="TensorFlow exports the model, in a process of its own",
    hash_funcs=caches.AS_WRITTEN,
)
def archive(model: ModelDirectory) -> bytes:
    return exporting.archive(model)


@st.cache_data(
    max_entries=2,
    show_spinner="TensorFlow converts the model, in a process of its own",
    hash_funcs=caches.AS_WRITTEN,
)
def litert(model: ModelDirectory) -> bytes:
    return exporting.litert(model)


def offer(model: ModelDirectory, what: str, file_name: str, kind: exporting.Kind) -> None:
    """Offer a file that TensorFlow has to make first: a button to make it, then one to download it."""
    wanted = f"wanted {kind}"
    if st.button(f"Make the {what}", key=f"make {kind} {model.name}", icon=":material/conveyor_belt:"):
        st.session_state[wanted] = model.name
    if st.session_state.get(wanted) != model.name:
        st.session_state.pop(wanted, None)  # back at that model, nothing is made again without a click
        return
    make = archive if kind == "savedmodel" else litert
    try:
        permission.check()
        content = make(model)
    except (CifarLabError, OSError) as error:
        del st.session_state[wanted]  # or each click on the page would try again
        st.error(told(error))
        return
    st.download_button(
        f"Download {file_name} ({formats.size_in_bytes(len(content))})",
        content,
        file_name,
        key=f"download {kind} {model.name}",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def show_export(model: ModelDirectory) -> None:
    st.header("1 · Export", anchor=False)
    st.markdown(
        "This command writes a SavedModel, and what serves it, into the folder `serving` on your computer:",
        help="SavedModel is TensorFlow's own format for servers. It needs none of our code.",
    )
    st.code(container.export_command(model.name), language=None, wrap_lines=True)
    st.markdown("Or get it here as a ZIP file:")
    offer(model, "SavedModel", f"{model.name}-serving.zip", "savedmodel")


def show_container(model: ModelDirectory) -> None:
    st.header("2 · Serve", anchor=False)
    how = st.segmented_control(
        "Serve with", ["docker run", "Compose"], default="docker run", required=True, key="serve"
    )
    if how == "docker run":
        st.code(container.docker_command(model.name), language=None, wrap_lines=True)
    else:
        st.code(
            f"docker compose -f serving/{container.compose_name(model.name)} up",
            language=None,
            wrap_lines=True,
        )
        with st.expander("What else the export writes"):
            st.caption(container.compose_name(model.name))
            st.code(container.compose(model.name), language="yaml")
            st.caption(container.BATCHING)
            st.code(container.batching(), language=None, wrap_lines=True)
    st.caption(
        "It answers on port 8501 (REST) and on port 8500 (gRPC), on this machine only, because TensorFlow "
        "Serving has no passwords. When you export again, it takes the new version without a restart.",
        help="There are two ways to ask. REST sends text over HTTP. gRPC sends binary data and is faster.",
    )


def show_requests(model: ModelDirectory) -> None:
    st.header("3 · Ask", anchor=False)
    [(name, array)] = examples.to_ask_about(model.facts(), [EXAMPLE])
    request = "request.json"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.segmented_control(
            "Ask with",
            ["curl", "Python, a picture", "Python, an array"],
            default="curl",
            required=True,
            key="ask",
        )
        st.image(caches.crisp(array, 2), width=64, alt=name)
        if how == "curl":
            st.download_button(
                f"Download {request} ({name})",
                container.request_json(images.to_png(array)),
                request,
                mime="application/json",
                icon=":material/download:",
                on_click="ignore",
            )
    if how == "curl":
        st.markdown("Is the model ready?")
        st.code(container.curl_status(model.name), language=None, wrap_lines=True)
        st.markdown(f"What is on the picture in {request}?")
        st.code(container.curl_predict(model.name, request), language=None, wrap_lines=True)
        show_answer(model, array)
        st.markdown("Ask about your own JPEG or PNG file. (JPEG in CMYK, for printing, does not work.)")
        st.code(container.curl_picture(model.name), language=None, wrap_lines=True)
    elif how == "Python, a picture":
        st.code(container.python_files(model.name), language="python")
    else:
        st.code(container.python_images(model.name, model.facts()), language="python")
    side = model.facts().side
    st.markdown(
        "`classify_bytes` takes a picture file. The server decodes, crops and shrinks it as the app does. "
        f"`serving_default` takes {side}×{side} pixels from 0 to 1. Both answer with calibrated "
        "probabilities."
    )


def show_answer(model: ModelDirectory, array: np.ndarray) -> None:
    """Show what the server answers: what the app says of this picture, in the server's form."""
    try:
        [answer] = classify(caches.classifier(model), calibration_of(model), [array[None]])
    except CifarLabError as error:
        st.error(told(error))
        return
    st.markdown("The answer (the last digits may differ):")
    st.code(container.answer_json(answer), language=None, wrap_lines=True)


def show_check(model: ModelDirectory) -> None:
    st.header("4 · Check", anchor=False)
    st.markdown(
        f"The app asks your running server about {len(CHECKED)} pictures, as arrays and as files. It "
        "compares the answers with those of the model here."
    )
    with st.form("check", border=False):
        url = st.text_input(
            "Endpoint",
            container.URL,
            key="endpoint",
            persist_state="session",
            width=480,
            help="The address of the server with its port.",
        )
        if not st.form_submit_button("Check", type="primary", icon=":material/network_check:"):
            return
    try:
        address = serving.parse(url)
        access.refuse_host(address.host, address.port, permission.here())
        client = serving.Client(address.url, address.model or model.name, SECONDS)
        pictures = [
            (name, images.to_png(array)) for name, array in examples.to_ask_about(model.facts(), CHECKED)
        ]
        with st.spinner("Asking"):
            found = compare(client, model, caches.classifier(model), pictures)
    except CifarLabError as error:
        st.error(told(error))
        return
    show_comparison(found, dict(pictures), model)


def show_comparison(found: Comparison, pictures: dict[str, bytes], model: ModelDirectory) -> None:
    version, same_class, difference = st.columns(3)
    version.metric("Version", "not told" if found.version is None else found.version)
    same_class.metric("Same class", formats.percent(found.agreement), help="Share of all answers.")
    difference.metric(
        "Largest difference",
        f"{found.largest_difference:.6f}",
        help="The largest difference of a probability. The same model on another processor differs by at "
        "most 0.00001.",
    )
    if found.same:
        st.success(f"The server answers as “{plain(model.name)}” does here.", icon=":material/check_circle:")
    else:
        st.warning(
            f"The server does not answer as “{plain(model.name)}” does here. It has another model or an "
            "older export.",
            icon=":material/warning:",
        )
    table = pd.DataFrame([row._asdict() for row in found.rows])
    table[["here_confidence", "there_confidence"]] *= 100
    table.insert(0, "picture", [images.data_url(pictures[row.name], "png") for row in found.rows])
    st.dataframe(
        table,
        hide_index=True,
        alt="every picture with the answer of the server and of the model here",
        column_config={
            "picture": st.column_config.ImageColumn(""),
            "here_confidence": st.column_config.NumberColumn("confidence here", format="%.1f %%"),
            "there_confidence": st.column_config.NumberColumn("confidence there", format="%.1f %%"),
            "difference": st.column_config.NumberColumn(format="%.6f"),
        },
    )


def show_serving(model: ModelDirectory) -> None:
    show_export(model)
    show_container(model)
    show_requests(model)
    show_check(model)


def show_files(model: ModelDirectory) -> None:
    side = model.facts().side
    files = {
        "Keras": (
            model.keras_path,
            "The format of Keras. Train it further or look inside it, with Keras 3.8 or newer.",
            f'keras.saving.load_model("{model.name}.keras")  # float32 [N, {side}, {side}, 3] in [0, 1]',
        ),
        "ONNX": (
            model.onnx_path,
            "For ONNX Runtime, which this app uses, and for other programs that read ONNX. It takes bytes, 0 "
            "to 255.",
            f'onnxruntime.InferenceSession("{model.name}.onnx")  # uint8 [N, {side}, {side}, 3]',
        ),
    }
    for title, (path, what, code) in files.items():
        with st.container(border=True):
            st.markdown(f"**{title}** · {what}")
            if not path.is_file():
                st.error(f"This file of the model is missing: {path.name}.")
                continue
            st.code(code, language="python", wrap_lines=True)
            st.download_button(
                f"Download {model.name}{path.suffix} ({formats.size_in_bytes(path.stat().st_size)})",
                path.read_bytes,
                f"{model.name}{path.suffix}",
                key=f"download {title}",
                icon=":material/download:",
                on_click="ignore",
            )
    with st.container(border=True):
        st.markdown("**LiteRT** · For phones and small devices. Its old name is TensorFlow Lite.")
        st.code(f"python -m cifar_core export {model.name} . --litert", language=None, wrap_lines=True)
        offer(model, "LiteRT file", f"{model.name}.tflite", "litert")
    st.caption(
        "These three files give probabilities before calibration. In TensorFlow Serving's export, "
        "calibration is built in.",
        help="To calibrate them, raise each to the power of 1 / temperature, here "
        f"{1 / model.card()['temperature']:.3f}, and scale the results to a sum of 1 (Guo 2017).",
    )


def show_website(model: ModelDirectory) -> None:
    deploy_website.introduce()
    show_export(model)
    deploy_website.show(model)


VIEWS = {
    "TensorFlow Serving": show_serving,
    "Vertex AI": deploy_vertex.show,
    "Website": show_website,
    "Files": show_files,
}

require_entry()
st.title("Deploy", anchor=False)
model = choose_model()
if model is None:
    st.stop()
if model.is_average:
    averages.offer_members(model, "deploy", "to export, serve or download")
    st.stop()
VIEWS[choose_view("deploy", VIEWS)](model)
