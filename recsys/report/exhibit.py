"""What a report is made of: sections of exhibits, each a finding with its pictures and tables.

The next files are `learning.py`, `accuracy.py` and `tuning.py`, which make them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recsys.report.canvas import Picture
from recsys.report.data import Finding


@dataclass(frozen=True)
class Grid:
    """A table for people: columns that are numbers, by name, are aligned right."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Exhibit:
    """One finding with what shows it.

    Args:
        finding: title and sentences.
        relations: tables and views of the warehouse that it is computed from.
        pictures: charts, side by side where there is room.
        grids: tables.
        is_folded: tables are shown only when asked for, because pictures say the same.
        command: what to run for an exhibit that is not there yet.
    """

    finding: Finding
    relations: str
    pictures: tuple[Picture, ...] = ()
    grids: tuple[Grid, ...] = ()
    is_folded: bool = False
    command: str = ""


@dataclass(frozen=True)
class Section:
    """Exhibits that answer one question."""

    name: str
    heading: str
    exhibits: tuple[Exhibit, ...]


def make_picture(
    name: str,
    finding: Finding,
    description: str,
    draw: Callable[..., None],
    size: tuple[float, float] = (5.6, 3.7),
) -> Picture:
    """Return a picture of a finding, with a description for those who do not see it."""
    return Picture(name, finding.title, f"{description} {finding.title}.", draw, size)
