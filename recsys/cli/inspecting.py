"""Commands that look inside: sql, export, doctor. None of them loads torch."""

import contextlib
from pathlib import Path

import click

from recsys.cli.options import (
    Globals,
    database_option,
    format_option,
    pass_globals,
    verbosity_options,
)
from recsys.cli.output import print_records, print_rows


@click.command()
@click.argument("query", metavar='"SELECT ..."')
@database_option
@format_option
@verbosity_options
@pass_globals
def sql(shared: Globals, query: str) -> None:
    """Run a query on the warehouse and print its rows.

    The file is open read-only, and the query can reach no other file and no network. What
    there is to ask: "select table_name, comment from duckdb_tables()", the same for
    duckdb_views(), and column_name and comment from duckdb_columns().
    """
    from recsys.data.warehouse import open_for_queries

    with open_for_queries(shared.database) as warehouse:
        columns, rows = warehouse.stream(query)
        print_rows(columns, rows, shared.format)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.onnx")
@database_option
@verbosity_options
@pass_globals
def export(shared: Globals, file: Path) -> None:
    """Write the current model as an ONNX file.

    Its inputs are user_index and movie_index (int64, one per pair), its output is rating
    (float32, stars); user_embeddings and movie_embeddings say which index is which id.
    """
    from recsys.data.registry import current_model
    from recsys.data.warehouse import open_for_reading
    from recsys.errors import OutputError

    with open_for_reading(shared.database) as warehouse:
        model = current_model(warehouse)
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_bytes(model.onnx)
        partial.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(file, error.strerror or str(error)) from error
    click.echo(f"{file}: model {model.model_id}, {len(model.onnx)} bytes.")


@click.command()
@database_option
@format_option
@verbosity_options
@pass_globals
def doctor(shared: Globals) -> None:
    """Say which versions, devices and models there are, what is missing and what to do."""
    from recsys.serving.diagnosis import diagnose

    print_records(diagnose(shared.database), shared.format)
