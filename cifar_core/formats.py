"""Numbers and names as people read them: the one place that decides on decimals, separators and units."""

import math
import unicodedata


def percent(fraction: float) -> str:
    """Format a fraction, 0.8531, as "85.3 %"."""
    return f"{fraction * 100:.1f} %"


def probability(fraction: float) -> str:
    """Format a probability as `percent` does, but never as 0 or 100 where it is neither: "< 0.1 %"."""
    if 0 < fraction < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 <= fraction < 1 else percent(fraction)


def points(difference: float) -> str:
    """Format the difference of two fractions, 0.0123, as "+1.2 points", of a hundred."""
    return f"{difference * 100:+.1f} points"


def loss(value: float) -> str:
    """Format a loss, 0.46512, as "0.465"."""
    return f"{value:.3f}"


def count(number: int) -> str:
    """Format a whole number, 50000, as "50,000"."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """Format seconds as "20 s", "3 min 20 s" or "1 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)  # rounded first, or 59.7 would be "60 s"
    if minutes >= 60:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{count(hours)} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def roughly(seconds: float) -> str:
    """Format a time that is only estimated as `duration` does, without more digits than it deserves."""
    if seconds < 10:
        return "a few seconds"
    step = next(step for most, step in ((60, 5), (600, 10), (3600, 60), (math.inf, 300)) if seconds < most)
    return duration(round(seconds / step) * step).removesuffix(" 0 s").removesuffix(" 0 min")


def milliseconds(seconds: float) -> str:
    """Format a short time in two digits or more, "0.53 ms", "3.4 ms" or "120 ms"."""
    value = seconds * 1000
    return f"{value:.{2 if value < 0.995 else 1 if value < 9.95 else 0}f} ms"


def size_in_bytes(size: float) -> str:
    """Format a number of bytes as "512 bytes", "4.7 MB" and so on, in powers of 1,000."""
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB"):
        size /= 1000
        if round(size, 1) < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} GB"


def printable(text: str, most: int = 200) -> str:
    """Replace what others wrote and nobody can see, and shorten it in the middle.

    Control characters can move a terminal's cursor, marks of the writing direction make "gpj.exe" of
    "exe.jpg", half a surrogate pair is in no encoding.
    """
    seen = "".join("\ufffd" if _unseen(letter) else letter for letter in text)
    return seen if len(seen) <= most else f"{seen[: most // 2]} … {seen[-most // 2 :]}"


def _unseen(letter: str) -> bool:
    if letter in "\u200c\u200d":  # Persian words and families of emoji are joined and parted by these
        return False
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
