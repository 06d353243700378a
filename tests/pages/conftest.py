import pytest

from cifar_core import settings
from tests.pages import come_from


@pytest.fixture(autouse=True)
def _at_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor sits at the machine that runs the app, and nothing says who else may do what."""
    monkeypatch.delenv(settings.OPERATORS.name, raising=False)
    come_from(monkeypatch, "127.0.0.1", Host="localhost:8501")


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor comes from another machine."""
    come_from(monkeypatch, "192.0.2.7", Host="192.0.2.1:8501")
