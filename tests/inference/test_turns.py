"""One after another, in the order in which they came, and who goes away is no longer waited for."""

import threading
from collections.abc import Callable

import pytest

from cifar_core.inference.turns import Turns
from tests.model_directories import until


class GoneError(Exception):
    pass


class Asker(threading.Thread):
    """Somebody who asks for a turn, and keeps it until let go."""

    def __init__(self, turns: Turns, done: list[str], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.turns, self.done, self.before = turns, done, list[int]()
        self.gone, self.go = threading.Event(), threading.Event()
        self.start()

    def wait(self, before: int) -> None:
        self.before.append(before)
        if self.gone.is_set():
            raise GoneError

    def run(self) -> None:
        try:
            with self.turns.turn(self.wait):
                self.done.append(self.name)
                self.go.wait(60)
        except GoneError:
            self.done.append(f"{self.name} went away")


@pytest.fixture
def ask() -> Callable[[str], Asker]:
    turns, done = Turns(), list[str]()

    def one(name: str) -> Asker:
        asker = Asker(turns, done, name)
        until(lambda: asker.before or asker.done[-1:] == [name])
        return asker

    return one


def test_each_is_told_how_many_are_before_and_comes_in_order(ask: Callable[[str], Asker]) -> None:
    askers = [ask(name) for name in "abcd"]
    assert [asker.before[:1] for asker in askers] == [[], [1], [2], [3]]
    for number, asker in enumerate(askers):
        assert until(lambda: asker.done[number:]) == [asker.name]  # noqa: B023
        asker.go.set()
    askers[-1].join(60)
    assert askers[0].done == list("abcd")


def test_who_goes_away_is_not_waited_for(ask: Callable[[str], Asker]) -> None:
    first, second, third = [ask(name) for name in "abc"]
    second.gone.set()
    until(lambda: third.before[-1] == 1)
    first.go.set()
    third.go.set()
    third.join(60)
    assert first.done == ["a", "b went away", "c"]


def nobody_is_before(before: int) -> None:
    pytest.fail(f"{before} are before")


def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = Turns()
    with pytest.raises(GoneError), turns.turn(nobody_is_before):
        raise GoneError
    with turns.turn(nobody_is_before):
        pass
