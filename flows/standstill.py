"""A night that stands still is ended: libraries wait for ever where the system refuses them a thread, or a disk of the
network no longer answers. The kernel does it, by SIGALRM: no thread and no memory are needed, and no lock of Python's.
"""

import faulthandler
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ended_if_still(minutes: float) -> Iterator[None]:
    """Ends this process, as a kill does, when nothing has gone on for so long; where it stood is told on stderr."""
    # Python's table of handlers does not show it, and what is there by default ends the process after it.
    faulthandler.register(signal.SIGALRM, file=sys.__stderr__ or sys.stderr, chain=True)
    signal.setitimer(signal.ITIMER_REAL, minutes * 60, minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.unregister(signal.SIGALRM)


def went_on() -> None:
    """Something was finished: the wait begins anew. Does nothing outside a night."""
    _, seconds = signal.getitimer(signal.ITIMER_REAL)
    if seconds:
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
