"""What costs memory or seconds is done for one visitor after another, in the order in which they ask."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ASK = 0.5  # seconds after which who waits is told again how many are before


class Turns:
    """A queue of threads, one of which works at a time.

    Unlike a lock it serves who came first, and tells who waits how many are before: a visitor can be shown
    that, and one who has gone leaves the queue, by an error from what was to show it.
    """

    def __init__(self) -> None:
        self._queue: deque[object] = deque()
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, wait: Callable[[int], None]) -> Iterator[None]:
        """Wait until everybody is done who came before, and hold up those who come after.

        Parameters
        ----------
        wait : callable
            Told how many are before, twice a second while there are any. It may raise: that ends the waiting.
        """
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
        try:
            while before := self._before(ticket):
                wait(before)
                with self._moved:
                    self._moved.wait_for(lambda: self._queue[0] is ticket, _ASK)
            yield
        finally:
            with self._moved:
                self._queue.remove(ticket)
                self._moved.notify_all()

    def _before(self, ticket: object) -> int:
        with self._moved:
            return self._queue.index(ticket)
