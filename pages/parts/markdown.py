"""Text of others within our own Markdown."""

import re

from cifar_core import formats

# A browser's Markdown makes links of these, also where they are escaped.
_BEGINS_LINK = re.compile(r"(?<=www)(?=\.)|(?<=:)(?=//)|(?=@)", re.IGNORECASE)
_JOINER = "\u2060"  # which nobody sees, and which makes none of them a link
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#$:~|!])")
_SENTENCE = 600  # characters


def plain(text: str) -> str:
    """Keep what others wrote from being read as Markdown, from becoming a link, and from filling the page."""
    return _plain(formats.printable(text))


def told(sentence: object) -> str:
    """Return what an error of ours says: its commands stay code, the rest may be what others wrote."""
    code = re.split(r"(`[^`]*`)", formats.printable(str(sentence), most=_SENTENCE))
    return "".join(part if number % 2 else _plain(part) for number, part in enumerate(code))


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _BEGINS_LINK.sub(_JOINER, text))
