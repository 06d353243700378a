"""The Classify page as a script without a browser: uploads good and bad, several models, the map."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.runtime.caching import cache_utils
from streamlit.testing.v1 import AppTest

from cifar_core import formats, images, paths
from cifar_core.datasets import cifar10
from cifar_core.datasets.cifar10 import CLASS_NAMES
from cifar_core.deploy.remote import Endpoint
from cifar_core.evaluation import ood_sets
from cifar_core.inference import saliency
from cifar_core.inference.classify import Answer
from cifar_core.runs import catalogue
from pages.parts import classify_answers
from tests.pages import checked, opened

SHIP = CLASS_NAMES.index("ship")

pytestmark = pytest.mark.usefixtures("runs", "cifar10_folder")


def upload(app: AppTest, files: dict[str, bytes]) -> AppTest:
    app.file_uploader(key="files").set_value([(name, data, "image/png") for name, data in files.items()])
    return checked(app)


def png(array: np.ndarray) -> bytes:
    return images.to_png(array)


def photo() -> bytes:
    file = io.BytesIO()
    Image.fromarray(ood_sets.photographs(1)[0]).resize((300, 200)).save(file, "JPEG")
    return file.getvalue()


def ships(count: int) -> np.ndarray:
    test = cifar10.load_test()
    return np.asarray(test.images[test.labels == SHIP][:count])


def verdicts(app: AppTest) -> list[str]:
    return [element.value[3:] for element in app.markdown if element.value.startswith("## ")]


def test_three_files_one_of_which_is_no_picture() -> None:
    hostile = "![x](https://example.org/x.png) :red[<b>*no*</b>].png"
    app = upload(
        opened("classify", model="quick"), {"=1.png": png(ships(1)[0]), hostile: b"no", "two.jpg": photo()}
    )
    texts = [text.value for text in app.text]
    [refused] = [text for text in texts if text.startswith(hostile)]
    assert refused.startswith(f"{hostile}: This file is not a picture")
    assert {"=1.png", "two.jpg"} <= set(texts)
    assert len(verdicts(app)) == 2
    # A name is shown as text only, which nothing in it can turn into anything else.
    for element in (*app.markdown, *app.caption, *app.error, *app.info):
        assert "example.org" not in element.value
    [table] = app.dataframe
    assert list(table.value["/picture"]) == [
        "'=1.png",
        "two.jpg",
    ]  # which Streamlit's own export leaves as is
    assert all(url.startswith("data:image/jpeg;base64,") for url in table.value["/thumbnail"])
    said, sure = table.value["quick"], table.value["quick/confidence"]
    assert sure.isna().tolist() == (said == "none of these").tolist()  # a doubt needs no confidence
    assert sure.dropna().between(10, 100).all()


def test_many_bad_files_are_counted_and_folded_up() -> None:
    bad = {f"{number}.png": b"no" for number in range(5)}
    app = upload(opened("classify", model="quick"), {**bad, "good.png": png(ships(1)[0])})
    assert app.error[0].value.startswith("5 files could not be read")
    assert len([text for text in app.expander[0].text if "not a picture" in text.value]) == 5
    assert len(verdicts(app)) == 1


HOSTILE = {
    "<img src=x onerror=alert(1)>.png": "<img src=x onerror=alert(1)>.png",
    "**bold** :red[x] $e$ [a](javascript:b).png": "**bold** :red[x] $e$ [a](javascript:b).png",
    "../../etc/passwd": "../../etc/passwd",
    "C:\\windows\\cat.exe": "C:\\windows\\cat.exe",
    "cat\u202egnp.exe": "cat\ufffdgnp.exe",
    "ab\r\n\x1b[2J.png": "ab\ufffd\ufffd\ufffd[2J.png",  # Streamlit itself refuses a name with a zero
}


def test_hostile_names_are_text_and_nothing_else() -> None:
    [ship] = ships(1)
    app = upload(opened("classify", model="quick"), dict.fromkeys(HOSTILE, png(ship)))
    assert len(verdicts(app)) == len(HOSTILE)
    texts = [text.value for text in app.text]
    assert set(HOSTILE.values()) <= set(texts)
    assert list(app.dataframe[0].value["/picture"]) == list(HOSTILE.values())
    assert not any(name in element.value for element in app.markdown for name in HOSTILE)
    app = upload(app, dict.fromkeys(HOSTILE, b"no picture"))
    assert [text.value.split(": This file")[0] for text in app.expander[0].text] == list(HOSTILE.values())


def test_of_thousands_of_files_the_first_are_looked_at() -> None:
    many = {f"{number}.txt": b"no" for number in range(3_000)}
    app = upload(opened("classify", model="quick"), {"ship.png": png(ships(1)[0]), **many})
    assert "Only the first 1,000 of 3,001 files are looked at" in app.warning[0].value
    assert app.error[0].value.startswith("999 files could not be read")
    assert len(verdicts(app)) == 1


def test_visitors_do_not_see_each_others_pictures() -> None:
    """Two sessions of one process, which share its caches."""
    [one, two] = [opened("classify", model="quick") for _ in range(2)]
    upload(one, {"mine.png": png(ships(1)[0])})
    assert not verdicts(checked(two))
    upload(two, {"other.png": png(ood_sets.static(1)[0])})
    assert (verdicts(one), verdicts(two)) == (verdicts(checked(one)), ["probably none of these"])
    assert "mine.png" not in [text.value for text in two.text]
    assert "other.png" not in [text.value for text in checked(one).text]


def test_two_models_side_by_side(runs: Path) -> None:
    shutil.copytree(paths.models_root() / "quick", runs / "second")
    shutil.copytree(paths.models_root() / "quick", runs / "broken")
    (runs / "broken" / "model.onnx").write_bytes(b"no model")
    app = opened("classify", model=["quick", "second", "broken"], image="0")
    assert len(verdicts(app)) == 2
    assert (
        "model file of “broken” is missing or damaged" in app.error[0].value
    )  # which does not keep the others from answering
    assert {"says **quick**", "says **second**"} <= {caption.value for caption in app.caption}

    app.multiselect(key="models").unselect("broken")
    upload(checked(app), {"one.png": png(ships(1)[0]), "two.jpg": photo()})
    assert not app.error
    assert app.query_params["model"] == ["quick", "second"]
    [table] = app.dataframe
    assert {"quick", "second", "quick/confidence", "second/confidence"} <= set(table.value)

    for name in ("quick", "second"):
        app.multiselect(key="models").unselect(name)
    assert "Choose a model" in checked(app).info[0].value


def test_a_link_with_unknown_models_opens_on_one_that_there_is() -> None:
    assert len(opened("classify", model=["quick", "../quick", "none"]).multiselect(key="models").value) == 1
    app = opened("classify", model="none")
    [shown] = app.multiselect(key="models").value
    assert [item.value for item in app.warning] == [
        f"There is no finished model “none”. What is shown: “{shown}”."
    ]


@pytest.mark.parametrize("image", ["10000", "-1", "1" * 5_000, "9" * 100_000])
def test_a_link_with_no_test_image_shows_none(image: str) -> None:
    assert "Drop a picture" in opened("classify", model="quick", image=image).info[0].value


def test_many_pictures_are_decoded_once_and_a_random_image_is_on_the_first_page_of_cards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    st.cache_data.clear()
    decoded, decode = [], images.read

    def counted(source: Any) -> Any:
        decoded.append(source)
        return decode(source)

    monkeypatch.setattr(images, "read", counted)
    many = {f"{number}.png": png(array) for number, array in enumerate(cifar10.load_test().images[:210])}
    app = upload(opened("classify", model="quick"), many)
    # Of the cards on this page the whole picture besides.
    assert len(decoded) == len(many) + classify_answers.CARDS
    app.pagination(key="cards").set_value(35)
    assert [text.value for text in checked(app).text][-1] == "209.png"
    assert len(decoded) == len(many) + 2 * classify_answers.CARDS
    app.button[0].click()
    assert checked(app).text[0].value == f"test image {app.query_params['image']}"
    assert len(decoded) == len(many) + 2 * classify_answers.CARDS


def test_an_endpoint_is_asked_again_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    now = [0.0]
    monkeypatch.setattr(cache_utils, "TTLCACHE_TIMER", lambda: now[0])
    monkeypatch.setattr(Endpoint, "classify", lambda _, arrays: asked.append(arrays))
    st.cache_data.clear()
    for seconds, times in ((0, 1), (50, 1), (61, 2)):
        now[0] = seconds
        classify_answers.answers(Endpoint("http://127.0.0.1:9/v1/models/quick"), list(ships(2)[:, None]), 1)
        assert len(asked) == times
    st.cache_data.clear()


def test_noise_is_none_of_the_ten_and_ships_are_not() -> None:
    noise = {f"noise {n}.png": png(array) for n, array in enumerate(ood_sets.static(6))}
    app = upload(opened("classify", model="quick"), noise)
    said = verdicts(app)
    assert len(said) == 6
    assert sum(each == "probably none of these" for each in said) >= 5
    assert sum("nearest class is" in caption.value for caption in app.caption) >= 5
    assert (app.dataframe[0].value["quick"] == "none of these").sum() >= 5

    said = verdicts(upload(app, {f"ship {n}.png": png(array) for n, array in enumerate(ships(6))}))
    assert sum(each.startswith("ship, ") for each in said) >= 4
    assert sum("none of these" in each for each in said) <= 1
    fpr95 = catalogue.find("quick").card()["out_of_distribution"]["static"]["fpr95"]
    assert any(f"{formats.percent(fpr95)} of random noise" in caption.value for caption in app.caption)


def test_a_test_image_is_right_or_wrong() -> None:
    test, predicted = cifar10.load_test(), catalogue.find("quick").predictions()["test"].argmax(axis=1)
    for index in (0, int(np.flatnonzero(predicted != test.labels)[0])):
        app = opened("classify", model="quick", image=str(index))
        [said] = verdicts(app)
        assert ("· right" in said) == (predicted[index] == test.labels[index])
        assert ("· wrong, it is a" in said) == (predicted[index] != test.labels[index])
    # What was asked for last is shown.
    app = upload(app, {"one.png": png(ships(1)[0])})
    assert [text.value for text in app.text] == ["one.png"]
    app.button[0].click()
    shown = [text.value for text in checked(app).text]
    assert shown == [f"test image {app.query_params['image']}", "one.png"]


def test_the_map_is_computed_once_and_not_at_a_move_of_the_slider(monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_data.clear()
    asked, compute = [], saliency.saliency

    def counted(*arguments: Any) -> Any:
        asked.append(arguments[2])
        return compute(*arguments)

    monkeypatch.setattr(saliency, "saliency", counted)
    app = upload(
        opened("classify", model="quick"), {f"{n}.png": png(array) for n, array in enumerate(ships(8))}
    )
    assert not asked
    app.toggle(key="why").set_value(True)
    before = maps(checked(app))
    assert len(asked) == len(before) == classify_answers.CARDS  # those in sight, and not the other two
    app.slider(key="opacity").set_value(10)
    after = maps(checked(app))
    assert len(asked) == classify_answers.CARDS
    assert all(old != new for old, new in zip(before, after, strict=True))


def maps(app: AppTest) -> list[str]:
    found = [image.proto.imgs[0] for image in app.get("image")]
    return [image.url for image in found if image.alt.startswith("what mattered to quick")]


def test_without_anything_it_says_what_to_do() -> None:
    app = opened("classify")
    assert "Drop a picture" in app.info[0].value
    assert not app.dataframe


def test_the_field_is_one_for_images_so_that_phones_send_what_can_be_read() -> None:
    field = opened("classify", model="quick").file_uploader(key="files")
    assert "image/*" in field.proto.type
    assert {f".{suffix}" for suffix in images.SUFFIXES} <= set(field.proto.type)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([CLASS_NAMES], "It must choose one of 10 classes. None of them is a person."),
        ([CLASS_NAMES] * 2, "Each model must choose one of 10 classes. None of them is a person."),
        ([("Anna", "Ben")], "It must choose one of 2 classes, even if the picture shows something else."),
        (
            [CLASS_NAMES, ("Anna", "Ben")],
            "Each model must choose one of 10 or 2 classes, even if the picture shows something else.",
        ),
    ],
)
def test_beside_a_picture_of_anything_it_says_that_a_model_must_choose(
    names: list[tuple[str, ...]], said: str
) -> None:
    answers = [Answer(each, np.eye(len(each))[0], False) for each in names]
    doubts = [answer._replace(none_of_these=True) for answer in answers]
    words = classify_answers.what_it_must_choose_from
    assert words(answers, None) == words(answers, "flower") == said
    assert not words(doubts, None)
    assert not words(answers[:1], names[0][1])
