"""The cloud that is none, as the tests of `deploy` have it, and a Ctrl-C that is heard."""

import signal
from collections.abc import Iterator

import pytest

from tests.deploy.conftest import cloud, doubles, nowhere, saved_model

__all__ = ["cloud", "doubles", "nowhere", "saved_model"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell that runs the tests in the background makes them, and what they start, deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
