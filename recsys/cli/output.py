"""Rows on stdout, for people and for programs."""

import csv
import itertools
import json
import math
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import click
import tabulate

from recsys.cli.options import Format
from recsys.data.rows import Rows

# A table is laid out when it is complete; JSON and CSV are printed as they come.
MOST_TABLE_ROWS = 10_000
# Everything that moves a cursor, rings, or turns the direction of writing round.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def print_rows(rows: Rows, form: Format, hidden: Sequence[str] = ()) -> None:
    """Print rows on stdout.

    Args:
        rows: what to print.
        form: 'table' for people, 'json' for a list of objects, 'csv' with a header.
        hidden: columns that a table leaves out, because a line above it says them.
    """
    print_stream(rows.columns, rows.values, form, hidden)


def print_stream(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    form: Format,
    hidden: Sequence[str] = (),
) -> None:
    """Print rows as they come, in JSON and CSV; of a table the first MOST_TABLE_ROWS."""
    if form == "json":
        _print_json(columns, rows)
    elif form == "csv":
        _print_csv(columns, rows)
    else:
        _print_table(columns, iter(rows), hidden)


def printable(text: str) -> str:
    """Return a text whose control characters are spelled out, so that a terminal obeys none."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    separator = "["
    for row in rows:
        record = dict(zip(columns, map(_plain, row), strict=True))
        text = json.dumps(record, ensure_ascii=False)
        click.echo(separator + (printable(text) if sys.stdout.isatty() else text), nl=False)
        separator = ",\n "
    click.echo("]" if separator != "[" else "[]")


def _print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print cells as they are; only on a terminal without what it would obey."""
    is_terminal = sys.stdout.isatty()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([printable(name) for name in columns] if is_terminal else columns)
    for row in rows:
        cells = [_csv_value(value) for value in row]
        writer.writerow([_printable_value(cell) for cell in cells] if is_terminal else cells)


def _print_table(
    columns: Sequence[str], rows: Iterator[Sequence[Any]], hidden: Sequence[str]
) -> None:
    shown = [place for place, name in enumerate(columns) if name not in hidden]
    headers = [printable(columns[place]) for place in shown]
    table = [
        [_printable_value(_table_value(row[place])) for place in shown]
        for row in itertools.islice(rows, MOST_TABLE_ROWS)
    ]
    # Numbers stay as they are: a title that looks like one must not be reformatted.
    texts = [
        place for place in range(len(shown)) if any(isinstance(row[place], str) for row in table)
    ]
    if sys.stdout.isatty():
        _print_fitted(headers, table, set(texts))
    else:
        click.echo(tabulate.tabulate(table, headers, tablefmt="simple", disable_numparse=texts))
    if next(rows, None) is not None:
        sys.stdout.flush()  # a reader that left is not told
        click.echo(
            f"These are the first {MOST_TABLE_ROWS} rows; --format csv or json prints all.",
            err=True,
        )


def _print_fitted(headers: list[str], table: list[list[Any]], texts: set[int]) -> None:
    """Print a table that fits the terminal: long cells go on in the next line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="")
    for place, header in enumerate(headers):
        side: Literal["left", "right"] = "left" if place in texts else "right"
        drawn.add_column(Text(header), justify=side, overflow="fold")
    for row in table:
        cells = ("" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell)
                 for cell in row)  # fmt: skip
        drawn.add_row(*map(Text, cells))
    Console(width=shutil.get_terminal_size().columns, highlight=False).print(drawn)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; bytes as hex, what is not a number as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _csv_value(value: Any) -> Any:
    plain = _plain(value)
    return json.dumps(plain) if isinstance(plain, dict | list | bool) else plain


def _table_value(value: Any) -> Any:
    return f"{len(value)} bytes" if isinstance(value, bytes) else _csv_value(value)


def _printable_value(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value
