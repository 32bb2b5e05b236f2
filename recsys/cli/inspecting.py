"""Commands that look inside: sql, export, doctor. None of them loads torch."""

import re
from pathlib import Path

import click

from recsys.cli.options import Shared, shared_options
from recsys.cli.output import print_rows, print_stream


class _Memory(click.ParamType[str]):
    """A size as DuckDB writes it: '500MB', '4 GiB'."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the size as it is."""
        if not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]i?B", value, re.IGNORECASE):
            self.fail(f"{value!r} is no size such as '500MB' or '4GB'.", param, ctx)
        return value


@click.command()
@click.argument("query", metavar='"SELECT ..."')
@click.option(
    "--memory",
    type=_Memory(),
    default="4GB",
    show_default=True,
    metavar="SIZE",
    help="What the query may take; beyond it, it uses a temporary folder.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="End the query after this time.",
)
@shared_options("database", "format")
def sql(shared: Shared, query: str, memory: str, timeout: float) -> None:
    """Run a query on the warehouse and print its rows.

    The file is open read-only, and the query, one statement, can reach no other file and no
    network. What there is to ask:

    \b
      "from readme"  what is in the file, with a query for each relation
      "select table_name, comment from duckdb_tables()"  the tables
      "select view_name, comment from duckdb_views() where not internal"  the views
      "select table_name, column_name, comment from duckdb_columns()"  the columns

    A table shows the first 10000 rows; csv and json print all. Cells of a CSV are printed as they
    are: a spreadsheet may compute those that begin with =, +, - or @.
    """  # noqa: D301 - click wants the character itself, not its spelling
    from recsys.data.warehouse import opened_for_queries

    with opened_for_queries(shared.database, memory, timeout) as warehouse:
        columns, rows = warehouse.stream(query)
        print_stream(columns, rows, shared.format)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.onnx")
@shared_options("database")
def export(shared: Shared, file: Path) -> None:
    """Write the current model as an ONNX file.

    Its inputs are user_index and movie_index (int64, one per pair), its output is rating
    (float32, stars); user_embeddings and movie_embeddings say which index is which id.
    """
    from recsys.serving.recommender import Recommender

    with Recommender(shared.database, "cpu") as recommender:
        size = recommender.export(file)
    click.echo(f"{file}: model {recommender.model_id}, {size} bytes.")


@click.command()
@shared_options("database", "format")
def doctor(shared: Shared) -> None:
    """Say which versions, devices and models there are, what is missing and what to do.

    Exits with 1 if something is not right.
    """
    from recsys.serving.diagnosis import diagnose

    rows = diagnose(shared.database)
    print_rows(rows, shared.format)
    if not all(rows.column("is_ok")):
        raise SystemExit(1)
