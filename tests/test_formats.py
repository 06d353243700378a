import pytest

from cifar_core import formats


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.8531, "85.3 %"), (0, "0.0 %"), (1, "100.0 %"), (0.99949, "99.9 %"), (-0.012, "-1.2 %")],
)
def test_percent(fraction: float, text: str) -> None:
    assert formats.percent(fraction) == text


def test_loss() -> None:
    assert formats.loss(0.46512) == "0.465"
    assert formats.loss(2) == "2.000"


def test_count() -> None:
    assert formats.count(50_000) == "50,000"
    assert formats.count(999) == "999"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.9, "1 h 0 min"),
        (3600 * 26 + 61, "26 h 1 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (4_712_345, "4.7 MB"),
        (3_200_000_000, "3.2 GB"),
    ],
)
def test_size_in_bytes(size: int, text: str) -> None:
    assert formats.size_in_bytes(size) == text
