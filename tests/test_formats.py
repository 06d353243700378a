import pytest

from cifar_core import formats


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.8531, "85.3 %"), (0, "0.0 %"), (1, "100.0 %"), (0.99949, "99.9 %"), (-0.012, "-1.2 %")],
)
def test_percent(fraction: float, text: str) -> None:
    assert formats.percent(fraction) == text


def test_points() -> None:
    assert formats.points(0.0123) == "+1.2 points"
    assert formats.points(-0.15) == "-15.0 points"


def test_loss() -> None:
    assert formats.loss(0.46512) == "0.465"
    assert formats.loss(2) == "2.000"


def test_count() -> None:
    assert formats.count(50_000) == "50,000"
    assert formats.count(999) == "999"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0, "0.0 %"),
        (1e-9, "< 0.1 %"),
        (0.0004999, "< 0.1 %"),
        (0.0005, "0.1 %"),
        (0.8531, "85.3 %"),
        (0.99949, "99.9 %"),
        (0.9995, "> 99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_a_probability_is_certain_only_where_it_is(fraction: float, text: str) -> None:
    assert formats.probability(fraction) == text


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
    ("seconds", "text"),
    [
        (4.2, "a few seconds"),
        (12.1, "10 s"),
        (38.0, "40 s"),
        (58.0, "1 min"),
        (97.3, "1 min 40 s"),
        (597.0, "10 min"),
        (1_511.0, "25 min"),
        (3_590.0, "1 h"),
        (5_300.0, "1 h 30 min"),
    ],
)
def test_roughly(seconds: float, text: str) -> None:
    assert formats.roughly(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.000534, "0.53 ms"),
        (0.000996, "1.0 ms"),
        (0.00342, "3.4 ms"),
        (0.00996, "10 ms"),
        (0.1204, "120 ms"),
    ],
)
def test_milliseconds(seconds: float, text: str) -> None:
    assert formats.milliseconds(seconds) == text


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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Größe 狗 🐶.jpg", "Größe 狗 🐶.jpg"),
        ("a\x1b[2Jb\r\n.png", "a\ufffd[2Jb\ufffd\ufffd.png"),
        ("cat\u202egpj.exe", "cat\ufffdgpj.exe"),
        ("\u2066x\u2069\u200b\ufeff", "\ufffdx\ufffd\ufffd\ufffd"),
        ("\udcff\u2028", "\ufffd\ufffd"),
        ("../../etc/passwd", "../../etc/passwd"),  # it is a name to show, and never a path
    ],
)
def test_what_nobody_can_see_is_replaced(written: str, shown: str) -> None:
    assert formats.printable(written) == shown


def test_a_long_name_keeps_both_ends() -> None:
    shown = formats.printable("a" * 5_000 + ".jpg")
    assert shown.startswith("aaa")
    assert shown.endswith("aaa.jpg")
    assert len(shown) == 203
