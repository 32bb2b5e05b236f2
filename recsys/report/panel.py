"""What the report is made of: panels, each with a comment, pictures and tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recsys.report.canvas import Picture
from recsys.report.data import Comment


@dataclass(frozen=True)
class Table:
    """A table for people: columns that are numbers, by name, are aligned right."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One thing that the report shows.

    Args:
        section: name of its section.
        comment: title and sentences.
        relations: tables and views of the warehouse that it is computed from.
        pictures: charts, side by side where there is room.
        tables: below them.
        is_folded: tables are shown only when asked for, because pictures say the same.
        command: what to run for a panel that is not there yet.
    """

    section: str
    comment: Comment
    relations: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    is_folded: bool = False
    command: str = ""


def make_picture(
    name: str,
    comment: Comment,
    description: str,
    draw: Callable[..., None],
    size: tuple[float, float] = (5.6, 3.7),
) -> Picture:
    """Return a picture with a description for those who do not see it."""
    return Picture(name, comment.title, f"{description} {comment.title}.", draw, size)
