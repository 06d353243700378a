"""Text of others within our own Markdown."""

import re


def plain(text: str) -> str:
    """Keep what others wrote from being read as Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#$:~|!])", r"\\\1", text)
