"""Rows on stdout, for people and for programs."""

import csv
import json
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click
import tabulate

from recsys.cli.options import Format
from recsys.data.rows import Rows


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
    """Print rows as they come, in JSON and CSV; a table is printed when it is complete."""
    if form == "json":
        _print_json(columns, rows)
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv_value(value) for value in row] for row in rows)
    else:
        shown = [place for place, name in enumerate(columns) if name not in hidden]
        table = [[_table_value(row[place]) for place in shown] for row in rows]
        click.echo(
            tabulate.tabulate(
                table,
                [columns[place] for place in shown],
                tablefmt="simple",
                # Numbers stay as they are: a title that looks like one must not be reformatted.
                disable_numparse=[
                    place
                    for place in range(len(shown))
                    if any(isinstance(row[place], str) for row in table)
                ],
            )
        )


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    separator = "["
    for row in rows:
        values = (_plain(value) for value in row)
        record = dict(zip(columns, values, strict=True))
        click.echo(separator + json.dumps(record, ensure_ascii=False), nl=False)
        separator = ",\n "
    click.echo("]" if separator != "[" else "[]")


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
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return _csv_value(value)
