"""The command line: parse, call, print. The only room that imports click.

Each module holds the commands of one moment of a warehouse's life: `building`, `serving`,
`tuning`, `reporting`, `models`, `inspecting`.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from recsys.cli import building, inspecting, models, reporting, serving, tuning
from recsys.cli.options import Shared, shared_options
from recsys.cli.output import printable
from recsys.config import DATABASE_VARIABLE
from recsys.errors import RecsysError, missing_packages_named
from recsys.launcher import launcher

COMMANDS = (
    building.build_warehouse,
    building.train,
    building.score,
    serving.verify,
    serving.recommend,
    serving.similar,
    tuning.tune,
    reporting.report,
    models.models,
    inspecting.sql,
    inspecting.export,
    inspecting.doctor,
)


class ForeseenError(click.ClickException):
    """Show an error that we foresaw: what happened, and what to do."""

    exit_code = 1

    def __init__(self, error: RecsysError) -> None:
        super().__init__(error.what)
        self.remedy = error.remedy

    def show(self, file: Any = None) -> None:
        """Print two lines on stderr."""
        lines = printable(f"Error: {self.message}"), printable(self.remedy)
        click.echo("\n".join(lines), file=file or sys.stderr)


class Commands(click.Group):
    """The commands in the order in which a person needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return [str(command.name) for command in COMMANDS]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a foreseen error leaves as two lines and exit code 1."""
        named = os.environ.get(DATABASE_VARIABLE)
        ctx.obj = Shared(database=Path(named)) if named else Shared()
        try:
            with missing_packages_named():
                return super().invoke(ctx)
        except RecsysError as error:
            raise ForeseenError(error) from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""Turn a ratings file into recommendations that live in SQL.

    One file holds the data, the model, its predictions and where they came from. Build it
    first; then query it with any DuckDB client, or with the commands below.

    \b
      {launcher()} build-warehouse
      {launcher()} recommend --user 599
      {launcher()} sql "select * from predictions where user_id = 599 limit 5"
    """,
)
@click.version_option(package_name="recsys-duckdb")
@shared_options("database", "device", "format")
def commands(shared: Shared) -> None:
    """Set the shared options; the subcommand does the work."""


for _command in COMMANDS:
    commands.add_command(_command)


def run() -> None:
    """Run the command line, and end with the exit code of the command.

    Ctrl-C ends it with one line, whatever a library makes of the interrupt.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_PrintableFormatter("%(message)s"))
    logging.getLogger("recsys").addHandler(handler)
    is_interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        commands(prog_name=launcher())
    except Exception:
        if not is_interrupted:
            raise
        click.echo("Aborted!", err=True)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


class _PrintableFormatter(logging.Formatter):
    """Messages hold titles and paths: a terminal must not obey what is in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message without control characters; with -v, after the seconds so far."""
        message = printable(super().format(record))
        is_verbose = logging.getLogger("recsys").isEnabledFor(logging.DEBUG)
        return f"{record.relativeCreated / 1000:7.1f} s  {message}" if is_verbose else message
