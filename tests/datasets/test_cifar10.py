import hashlib
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from cifar_core.datasets import cifar10
from cifar_core.datasets.dataset import Batch, Part, normalise, one_hot, split
from cifar_core.datasets.registry import CIFAR10
from cifar_core.errors import DatasetError, RecipeError

ROOT = Path(__file__).parents[2]
COMMAND = "python -m cifar_core data download"
NAMES = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]


@pytest.fixture(scope="module")
def test_set(cifar10_folder: Path) -> Batch:
    return cifar10.load_test(cifar10_folder)


@pytest.fixture(scope="module")
def train_set(cifar10_folder: Path) -> Batch:
    return cifar10.load_train(cifar10_folder)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


# The real data


def test_all_official_batches_pass_verification(cifar10_folder: Path) -> None:
    cifar10.verify(cifar10_folder)


def test_shapes_types_and_class_balance(test_set: Batch, train_set: Batch) -> None:
    parts: tuple[tuple[Part, Batch], ...] = (("test", test_set), ("train", train_set))
    for part, batch in parts:
        size = CIFAR10.sizes[part]
        assert batch.images.shape == (size, *cifar10.IMAGE_SHAPE)
        assert batch.images.dtype == np.uint8
        assert batch.images.flags.c_contiguous
        assert batch.labels.shape == (size,)
        assert batch.labels.dtype == np.int64
        assert np.bincount(batch.labels).tolist() == [size // 10] * 10 == CIFAR10.class_counts(part)
    assert (cifar10.TEST_SIZE, cifar10.TRAIN_SIZE) == (10_000, 50_000)


@pytest.mark.parametrize("part", ["train", "test"])
def test_pictures_are_picked_in_the_order_asked_for(part: Part, train_set: Batch, test_set: Batch) -> None:
    whole = train_set if part == "train" else test_set
    size = len(whole.labels)
    places = np.array([size - 1, 0, size // 2, size // 5, size // 5 - 1, 0])
    picked = CIFAR10.pick(part, places)
    assert np.array_equal(picked.images, whole.images[places])
    assert np.array_equal(picked.labels, whole.labels[places])


def test_first_test_labels_and_their_names(test_set: Batch) -> None:
    assert test_set.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    names = " ".join(cifar10.CLASS_NAMES[label] for label in test_set.labels[:10])
    assert names == "cat ship ship airplane frog frog automobile frog cat automobile"


def test_pixels_are_where_the_raw_rows_have_them(cifar10_folder: Path, train_set: Batch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = pickle.loads((cifar10_folder / "data_batch_3").read_bytes(), encoding="bytes")
    assert train_set.labels[20_000:30_000].tolist() == raw[b"labels"]
    for index in (0, 1, 4_711, 9_999):
        image, planes = train_set.images[20_000 + index], bytes(raw[b"data"][index])
        for row in range(32):
            for column in range(32):
                at = 32 * row + column
                expected = [planes[at], planes[1024 + at], planes[2048 + at]]
                assert image[row, column].tolist() == expected


def test_load_train_uses_the_given_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="data_batch_1"):
        cifar10.load_train(tmp_path)


def test_loading_without_a_folder_goes_where_cifar10_dir_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        (tmp_path / name).touch()
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    with pytest.raises(DatasetError) as caught:
        cifar10.load_test()
    assert str(tmp_path / "test_batch") in str(caught.value)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_batch_with_a_foreign_md5_is_never_unpickled(tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"
    (tmp_path / "test_batch").write_bytes(pickle.dumps(Bomb(exploded)))
    with pytest.raises(DatasetError, match=r"test_batch.*md5"):
        cifar10.load_batch(tmp_path, "test_batch")
    assert not exploded.exists()
    pickle.loads((tmp_path / "test_batch").read_bytes())  # the bomb does work
    assert exploded.exists()


# Finding


def test_nothing_found(cache: Path) -> None:
    assert cifar10.find() is None
    with pytest.raises(DatasetError, match=f"not on this machine.*{COMMAND}") as caught:
        cifar10.locate()
    assert "CIFAR10_DIR" not in str(caught.value), "visitors of a page have no use for it"
    assert not cache.exists()


def test_the_cache_counts_only_when_complete(cache: Path) -> None:
    folder = cache / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in NAMES:
        assert cifar10.find() is None
        (folder / name).touch()
    assert cifar10.find() == cifar10.locate() == folder


def test_verify_names_the_file_that_is_wrong_or_missing(
    cache: Path, tmp_path: Path, batches: dict[str, bytes]
) -> None:
    ours = cache / "cifar-10-batches-py"
    ours.mkdir(parents=True)
    for folder, cure in ((ours, f"{COMMAND}` replaces it"), (tmp_path, "choose another folder")):
        for name, content in batches.items():
            (folder / name).write_bytes(content)
        cifar10.verify(folder)
        for name, content in batches.items():
            (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            with pytest.raises(DatasetError, match=f"{name} is not the official file.*{cure}") as wrong:
                cifar10.verify(folder)
            (folder / name).unlink()
            with pytest.raises(DatasetError, match=f"{name} cannot be read.*{cure}") as missing:
                cifar10.verify(folder)
            (folder / name).write_bytes(content)
            assert not any("delete" in str(caught.value) for caught in (wrong, missing))


# Numbers for the network


def test_normalise() -> None:
    result = normalise(np.array([[0, 51, 255]], np.uint8))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.array([[0, 0.2, 1]], np.float32))


def test_one_hot() -> None:
    result = one_hot(np.array([9, 0, 3]), 10)
    assert result.dtype == np.float32
    assert result.tolist() == [[0.0] * 9 + [1.0], [1.0] + [0.0] * 9, [0.0] * 3 + [1.0] + [0.0] * 6]


# Splitting


def test_default_split(train_set: Batch) -> None:
    train, validation = split(train_set.labels)
    assert (len(train), len(validation)) == (48_000, 2_000)
    assert np.array_equal(np.union1d(train, validation), np.arange(50_000))
    assert np.bincount(train_set.labels[validation]).tolist() == [200] * 10
    for indices in (train, validation):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()
    # Shipped models were chosen on these images: another version of anything must not move them.
    assert validation[:6].tolist() == [41, 52, 65, 66, 90, 133]


def test_validation_images_do_not_depend_on_how_many_train(train_set: Batch) -> None:
    labels = train_set.labels
    expected = split(labels).validation
    for images in (2_001, 2_005, 10_000, 49_995, 49_999):
        train, validation = split(labels, images=images)
        assert np.array_equal(validation, expected)
        assert len(np.unique(train)) == len(train) == images - 2_000
        assert not np.isin(train, validation).any()
        assert (np.diff(train) > 0).all()
    assert np.bincount(labels[split(labels, images=10_000).train]).tolist() == [800] * 10


def test_the_seed_decides(train_set: Batch) -> None:
    one, again, other = (split(train_set.labels, images=5_000, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.train, again.train)
    assert np.array_equal(one.validation, again.validation)
    assert np.isin(one.validation, other.validation).mean() < 0.2
    assert np.isin(one.train, other.train).mean() < 0.2


def test_few_or_no_validation_images(train_set: Batch) -> None:
    train, validation = split(train_set.labels, validation_images=0)
    assert np.array_equal(train, np.arange(50_000))
    assert validation.shape == (0,)
    assert validation.dtype == np.int64
    train, validation = split(train_set.labels, images=11, validation_images=10)
    assert sorted(train_set.labels[validation]) == list(range(10))
    assert len(train) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"images": 50_001}, "50,001"),
        ({"images": 0, "validation_images": 0}, "not 0"),
        ({"images": -1}, "-1"),
        ({"validation_images": -10}, "-10"),
        ({"validation_images": 9}, "not 9"),
        ({"images": 2_000}, "none to train on"),
        ({"images": 2_000, "validation_images": 2_500}, "none to train on"),
        ({"seed": -1}, "-1"),
        ({"seed": 2**32}, "4,294,967,296"),
    ],
)
def test_impossible_splits(wrong: dict[str, int], told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        split(np.arange(50_000) % 10, **wrong)
    assert told in str(caught.value)


def test_import_is_light() -> None:
    code = "import sys, cifar_core.datasets.cifar10; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "numpy" in loaded
    assert not {"sklearn", "scipy", "pooch", "requests", "pyarrow", "tensorflow", "keras", "streamlit"} & set(
        loaded
    )
