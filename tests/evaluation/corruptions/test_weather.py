"""Weather against the standard library, and facts about snow, ice and fog."""

import colorsys

import numpy as np
import pytest

from cifar_core.evaluation.corruptions.weather import _clouds, brightness, fog, frost, snow
from tests.evaluation.corruptions import flat
from tests.pictures import photos

BLACK = flat(*[(0, 0, 0)] * 60)


@pytest.mark.parametrize(("strength", "amount"), [(1, 0.05), (2, 0.1), (3, 0.15), (4, 0.2), (5, 0.3)])
def test_brightness_raises_the_value_as_the_standard_library_has_it(strength: int, amount: float) -> None:
    images = photos(1)
    result = brightness(images, strength)[0, ::5, ::5].reshape(-1, 3)
    for before, after in zip(images[0, ::5, ::5].reshape(-1, 3), result, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255).tolist())
        expected = np.array(colorsys.hsv_to_rgb(hue, saturation, min(value + amount, 1))) * 255
        np.testing.assert_allclose(after, expected, atol=0.51)


def test_brightness_makes_black_grey_and_keeps_full_colours() -> None:
    black, red = brightness(flat((0, 0, 0), (255, 0, 0)), 4)
    assert (black == 51).all()
    assert (red == (255, 0, 0)).all()


@pytest.mark.parametrize(("strength", "clear"), [(1, 0.95), (2, 0.9), (3, 0.9), (4, 0.85), (5, 0.8)])
def test_snow_is_grey_flakes_on_ground_that_it_whitens(strength: int, clear: float) -> None:
    fallen = snow(BLACK, strength).astype(int)
    assert fallen.min() == pytest.approx(255 * (1 - clear) * 0.5, abs=0.6)  # black ground becomes half white
    np.testing.assert_array_equal(fallen[..., 0], fallen[..., 2])
    np.testing.assert_array_equal(fallen, fallen[:, ::-1, ::-1])  # flakes come twice, turned by half
    assert 0.002 < np.mean(fallen > fallen.min() + 25) < 0.7


@pytest.mark.parametrize(
    ("strength", "picture", "ice"), [(1, 1, 0.2), (2, 1, 0.3), (3, 0.9, 0.4), (4, 0.85, 0.4), (5, 0.75, 0.45)]
)
def test_frost_is_picture_and_ice_in_their_shares(strength: int, picture: float, ice: float) -> None:
    on_black, on_grey = frost(BLACK, strength), frost(BLACK + np.uint8(100), strength)
    np.testing.assert_allclose(on_grey.astype(int) - on_black, 100 * picture, atol=1)
    # As those photographs are: 146, 167, 179 on average, rough by 14 to 35 within a picture.
    found = on_black / ice
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), [146, 167, 179], atol=15)
    assert 14 < np.median(found.mean(axis=-1).std(axis=(1, 2))) < 35


@pytest.mark.parametrize(("strength", "density"), [(1, 0.2), (2, 0.5), (3, 0.75), (4, 1.0), (5, 1.5)])
def test_fog_adds_a_cloud_and_keeps_the_brightest(strength: int, density: float) -> None:
    found = fog(flat(*[(128, 128, 128)] * 3), strength).astype(float)
    scale = 128 / (128 + 255 * density)
    np.testing.assert_allclose(found.min(axis=(1, 2, 3)), 128 * scale, atol=1)
    np.testing.assert_allclose(found.max(axis=(1, 2, 3)), 128, atol=1)
    assert not fog(BLACK, strength).any()


def test_clouds_drift_and_are_rougher_the_less_they_decay() -> None:
    def roughness(decay: float) -> float:
        clouds = _clouds(40, 32, decay, np.random.default_rng(0))
        assert (clouds.min(axis=(1, 2)) == 0).all()
        assert (clouds.max(axis=(1, 2)) == 1).all()
        return float(np.abs(np.diff(clouds, axis=2)).mean() / clouds.std())

    assert 1.15 * roughness(3.0) < roughness(1.75) < 0.3
