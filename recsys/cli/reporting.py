"""The command that shows: report. It does not load torch."""

import logging
from pathlib import Path

import click

from recsys.cli.options import Shared, shared_options
from recsys.launcher import launcher

_log = logging.getLogger("recsys")


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Where the page goes.",
)
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also write its pictures as PNG files into this folder.",
)
@shared_options("database")
def report(shared: Shared, output: Path, figures: Path | None) -> None:
    """Make one HTML page with curves, errors, tuning and what they say.

    It needs no network and opens from disk. Everything comes from the warehouse, which is
    open read-only; nothing is trained.
    """
    from recsys.report.page import write_report

    written = write_report(shared.database, output, figures)
    if not written.has_reference:
        _log.info(
            "Without the notebook network to compare with; add it with "
            "`%s train --preset notebook --promote never`.",
            launcher(),
        )
    if not written.has_trials:
        _log.info("Without tuning; run `%s tune --trials 30` first to have it.", launcher())
    click.echo(f"{output}: {written.size / 1024:.0f} kB.")
    if figures is not None:
        click.echo(f"{figures}: {len(written.figures)} pictures.")
