"""How long work reports its progress: a callback in, nothing out; the default does nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

# Called with what is done, what there is in all, and a note on the last of it.
Draw = Callable[[int, int, str], None]
# Called with a label; what it returns is open for as long as the work lasts.
Progress = Callable[[str], AbstractContextManager[Draw]]


def ignore(*arguments: object) -> None:
    """Do nothing: the default of every callback."""


@contextmanager
def no_progress(label: str) -> Iterator[Draw]:
    """Report no progress."""
    yield ignore
