"""Options that several commands share: they may stand before or after the command."""

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click

from recsys.config import DATABASE_VARIABLE, DEFAULT_DATABASE
from recsys.progress import Draw, no_progress

Format = Literal["table", "json", "csv"]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Shared:
    """What the shared options were set to, wherever they stood."""

    database: Path = DEFAULT_DATABASE
    device: str = "auto"
    format: Format = "table"
    verbosity: int = 0

    @contextmanager
    def progress(self, label: str) -> Iterator[Draw]:
        """Draw a progress bar on stderr; off a terminal, or with -q, none."""
        if self.verbosity < 0 or not sys.stderr.isatty():
            with no_progress(label) as draw:
                yield draw
            return
        with click.progressbar(
            length=1,
            label=label,
            file=sys.stderr,
            show_pos=True,
            item_show_func=lambda note: note or "",
        ) as bar:

            def draw_bar(done: int, everything: int, note: str) -> None:
                bar.length = everything
                bar.update(done - bar.pos, note)

            yield draw_bar


_OPTIONS: dict[str, tuple[Callable[[Function], Function], ...]] = {
    "database": (
        click.option(
            "--database",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="PATH",
            help=f"The warehouse.  [env: {DATABASE_VARIABLE}; default: {DEFAULT_DATABASE}]",
        ),
    ),
    "device": (
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda"]),
            help="Where networks run; auto takes CUDA where it works.  [default: auto]",
        ),
    ),
    "format": (
        click.option(
            "--format",
            type=click.Choice(["table", "json", "csv"]),
            help="How rows are printed.  [default: table]",
        ),
    ),
    "verbosity": (
        click.option(
            "-q",
            "--quiet",
            "verbosity",
            flag_value=-1,
            type=int,
            help="Say nothing but results and warnings.",
        ),
        click.option(
            "-v",
            "--verbose",
            "verbosity",
            flag_value=1,
            type=int,
            help="Say more on the way, with seconds and rows.",
        ),
    ),
}


def shared_options(*names: str) -> Callable[[Function], Function]:
    """Add some of the shared options, and -q and -v, to a command.

    The command gets a `Shared` first. An option at the command overrules the same option before
    it, which overrules the environment.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def command(*arguments: Any, **settings: Any) -> Any:
            context = click.get_current_context()
            given = {name: settings.pop(name) for name in (*names, "verbosity")}
            set_here = {name: value for name, value in given.items() if value is not None}
            context.obj = replace(context.obj or Shared(), **set_here)
            set_verbosity(context.obj.verbosity)
            return function(context.obj, *arguments, **settings)

        decorated: Function = command
        for name in reversed((*names, "verbosity")):
            for option in reversed(_OPTIONS[name]):
                decorated = option(decorated)
        return decorated

    return decorate


def set_verbosity(verbosity: int) -> None:
    """Show warnings (-1), steps (0) or details (1) on stderr."""
    level = {-1: logging.WARNING, 0: logging.INFO}.get(verbosity, logging.DEBUG)
    logging.getLogger("recsys").setLevel(level)
