"""The map of the test images: scikit-learn's principal components, always the same, kept, and its boxes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cifar_core.datasets.registry import DIGITS
from cifar_core.inference import embedding, features
from cifar_core.inference.embedding import Box, Embedding
from cifar_core.inference.runtime import Classifier
from cifar_core.runs.model_dir import ModelDirectory
from tests.linear_models import learned

LABELS = DIGITS.load("test").labels


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return learned(tmp_path_factory.mktemp("embedding") / "linear")


def made(model: ModelDirectory, count: int = embedding.FEW) -> Embedding:
    return embedding.find(Classifier(model.onnx_path), DIGITS, LABELS, count, lambda _: None)


def seen_in(model: ModelDirectory, places: list[int]) -> np.ndarray:
    return Classifier(model.onnx_path).outputs(DIGITS.load("test").images[places]).features


@pytest.fixture(scope="module")
def found(model: ModelDirectory) -> Embedding:
    return made(model)


@pytest.fixture(scope="module")
def arranged(found: Embedding) -> Embedding:
    return embedding.arranged(found)


def test_the_components_are_scikit_learns_up_to_their_sign(model: ModelDirectory, found: Embedding) -> None:
    seen = Classifier(model.onnx_path).outputs(DIGITS.load("test").images).features
    theirs = PCA(8).fit_transform(seen / np.linalg.norm(seen, axis=1, keepdims=True))
    ours = found.components[:, :8].astype(float)
    assert found.images.tolist() == list(range(DIGITS.sizes["test"]))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=2e-3)
    assert np.array_equal(found.positions("PCA"), found.components[:, :2])


def test_it_is_the_same_each_time(model: ModelDirectory, found: Embedding, arranged: Embedding) -> None:
    again = made(model)
    assert np.array_equal(again.components, found.components)
    assert np.array_equal(embedding.arranged(again).tsne, arranged.tsne)


def test_tsne_keeps_neighbours_together_better_than_two_components(
    found: Embedding, arranged: Embedding
) -> None:
    def alike(positions: np.ndarray) -> float:
        """How often the nearest image on the map is of the same class."""
        distances = np.square(positions[:, None] - positions).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        return float((LABELS[distances.argmin(axis=1)] == LABELS).mean())

    assert not len(found.positions("t-SNE"))
    assert arranged.positions("t-SNE").shape == (len(LABELS), 2)
    assert alike(arranged.tsne) > alike(found.positions("PCA").astype(np.float32))


def test_a_new_picture_lies_where_its_twin_does_and_finds_it(model: ModelDirectory, found: Embedding) -> None:
    for place, seen in zip((0, 7, 359), seen_in(model, [0, 7, 359]), strict=True):
        np.testing.assert_allclose(found.place_of(seen), found.positions("PCA")[place], atol=2e-3)
        assert found.nearest(seen, 3)[0] == place


def test_the_nearest_are_those_whose_features_point_alike(model: ModelDirectory, found: Embedding) -> None:
    [seen], everything = seen_in(model, [7]), seen_in(model, list(range(len(LABELS))))
    directions = features.directions(everything)
    away = np.square(directions - features.directions(seen)).sum(axis=1)
    np.testing.assert_allclose(away[found.nearest(seen, 9)], np.sort(away)[:9], atol=2e-3)


@pytest.mark.parametrize("images", [1, 2, 3, 5])
def test_of_few_images_there_is_a_map_too(images: int) -> None:
    components = np.arange(images, dtype=np.float16)[:, None]
    one = np.ones((1, 1), np.float32)
    few = Embedding(np.arange(images), components, np.empty((0, 2), np.float32), one[0], one)
    assert few.positions("PCA").shape == embedding.arranged(few).tsne.shape == (images, 2)


@pytest.mark.parametrize("count", [7, 100, 359])
def test_a_sample_has_of_each_class_its_share(count: int) -> None:
    chosen = embedding.sample(LABELS, count)
    assert len(np.unique(chosen)) == count
    assert np.all(np.diff(chosen) > 0)
    shares = np.bincount(LABELS, minlength=10) * count / len(LABELS)
    assert np.abs(np.bincount(LABELS[chosen], minlength=10) - shares).max() <= 1


def test_of_fewer_images_than_asked_for_the_sample_has_all() -> None:
    assert embedding.sample(LABELS, 2_000).tolist() == list(range(len(LABELS)))


def test_a_box_holds_what_lies_between_its_sides() -> None:
    positions = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    left, bottom = (float(ends) for ends in positions[7])  # on a corner
    box = Box(left, left + 1.2, bottom, bottom + 0.7)
    expected = [
        row
        for row, (x, y) in enumerate(positions.tolist())
        if box.left <= x <= box.right and box.bottom <= y <= box.top
    ]
    assert 7 in expected
    assert 500 > len(expected) > 10
    assert embedding.inside(positions, box).tolist() == expected
    assert not len(embedding.inside(positions, Box(9, 10, 9, 10)))


def test_the_closest_classes_are_those_whose_middles_are() -> None:
    middles = np.array([[0, 0], [5, 0], [5, 1], [0, 9]])
    labels = np.repeat([2, 4, 7, 9], 25)
    positions = np.repeat(middles, 25, axis=0) + np.random.default_rng(0).normal(0, 0.1, (100, 2))
    assert embedding.closest_classes(positions, labels) == (4, 7)


@pytest.mark.usefixtures("cache")
def test_it_is_kept_and_made_again_where_the_file_is_damaged(
    model: ModelDirectory, arranged: Embedding
) -> None:
    place = embedding.place(model, DIGITS, 2_000)
    assert embedding.kept(model, DIGITS, 2_000) is None
    arranged.save(place)
    kept = embedding.kept(model, DIGITS, 2_000)
    assert kept is not None
    for part in ("images", "components", "tsne", "mean", "axes"):
        assert np.array_equal(getattr(kept, part), getattr(arranged, part))
    assert embedding.kept(model, DIGITS, 10_000) is None
    replace(arranged, tsne=arranged.tsne[:5]).save(place)
    assert embedding.kept(model, DIGITS, 2_000) is None
    features.keep(place, images=arranged.images, components=arranged.components, tsne=arranged.tsne)
    assert embedding.kept(model, DIGITS, 2_000) is None
    arranged.save(place)
    place.write_bytes(place.read_bytes()[:-100])
    assert embedding.kept(model, DIGITS, 2_000) is None


def test_where_the_cache_cannot_be_written_to_nothing_is_kept_and_nothing_breaks(
    tmp_path: Path, arranged: Embedding
) -> None:
    (tmp_path / "file").touch()
    arranged.save(tmp_path / "file" / "map.npz")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_for_10000_images_it_takes_a_megabyte() -> None:
    points, positions = np.zeros((embedding.MOST, embedding.COMPONENTS), np.float16), np.zeros((10_000, 2))
    assert points.nbytes + positions.astype(np.float32).nbytes < 1_100_000


def test_axes_are_as_many_as_there_are_pictures_or_features() -> None:
    values = np.random.default_rng(0).normal(size=(3, 6))
    mean, axes = features.principal_axes(values, 48)
    assert (mean.shape, axes.shape) == ((6,), (6, 3))
    assert features.principal_axes(np.tile(values, (9, 1)), 48)[1].shape == (6, 6)
    assert np.all(axes.max(axis=0) >= -axes.min(axis=0))
