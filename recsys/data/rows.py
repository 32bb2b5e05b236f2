"""Rows of a query: a sequence of dicts that also becomes a data frame.

Flows in: column names and tuples from DuckDB, or dicts that Python made. Flows out: what the
public API returns and the command line prints.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Rows(Sequence[dict[str, Any]]):
    """Rows with their column names, in the order of the query.

    Args:
        columns: name of each column.
        values: one tuple per row, in the order of the columns.
    """

    def __init__(self, columns: Sequence[str], values: Iterable[Sequence[Any]]) -> None:
        self.columns = tuple(columns)
        self.values = [tuple(row) for row in values]

    @classmethod
    def from_records(cls, columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> Self:
        """Make rows of mappings; a column that a mapping lacks is null."""
        return cls(columns, [[record.get(name) for name in columns] for record in records])

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> "Rows": ...
    def __getitem__(self, place: int | slice) -> "dict[str, Any] | Rows":
        """Return one row by column name, or some rows."""
        if isinstance(place, slice):
            return Rows(self.columns, self.values[place])
        return dict(zip(self.columns, self.values[place], strict=True))

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Rows):
            return self.columns == other.columns and self.values == other.values
        return list(self) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it holds a list

    def __repr__(self) -> str:
        return f"Rows({list(self)!r})"

    def column(self, name: str) -> list[Any]:
        """Return the values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.values]

    def preview(self, count: int) -> str:
        """Return the first rows as one line of text: 'user_id=1, rating=4.0; ...'."""
        return "; ".join(
            ", ".join(f"{name}={value}" for name, value in row.items()) for row in self[:count]
        )

    def df(self) -> "pandas.DataFrame":
        """Return a pandas data frame; pandas must be installed."""
        import pandas

        return pandas.DataFrame(self.values, columns=list(self.columns))

    def pl(self) -> "polars.DataFrame":
        """Return a polars data frame; polars must be installed."""
        import polars

        return polars.DataFrame(self._by_column())

    def arrow(self) -> "pyarrow.Table":
        """Return an Arrow table; pyarrow must be installed."""
        import pyarrow

        return pyarrow.table(self._by_column())

    def _by_column(self) -> dict[str, list[Any]]:
        return {name: self.column(name) for name in self.columns}
