"""Options that several commands share: they may stand before or after the command."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
from click.core import ParameterSource

from recsys.config import DATABASE_VARIABLE, DEFAULT_DATABASE
from recsys.progress import Draw, silent

Format = Literal["table", "json", "csv"]
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Globals:
    """What the shared options were set to, wherever they stood."""

    database: Path = DEFAULT_DATABASE
    device: str = "auto"
    format: Format = "table"
    verbosity: int = 0

    @contextmanager
    def progress(self, label: str) -> Iterator[Draw]:
        """Draw a progress bar on stderr; off a terminal, or with -q, none."""
        if self.verbosity < 0 or not sys.stderr.isatty():
            with silent(label) as draw:
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


pass_globals = click.make_pass_decorator(Globals, ensure=True)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store an option that was given in the one `Globals` of this run.

    The environment is heard once, before the command: it must not overrule an option there.
    """
    source = context.get_parameter_source(str(parameter.name))
    is_heard_already = source is ParameterSource.ENVIRONMENT and context.parent is not None
    if value is None or is_heard_already:
        return
    shared = context.find_root().ensure_object(Globals)
    setattr(shared, str(parameter.name), value)
    if parameter.name == "verbosity":
        set_verbosity(value)


def set_verbosity(verbosity: int) -> None:
    """Show warnings (-1), steps (0) or details (1) on stderr."""
    level = {-1: logging.WARNING, 0: logging.INFO}.get(verbosity, logging.DEBUG)
    logging.getLogger("recsys").setLevel(level)


def _shared(*names: str, **settings: Any) -> Callable[[Command], Command]:
    return click.option(*names, callback=_remember, expose_value=False, **settings)


database_option = _shared(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=DATABASE_VARIABLE,
    metavar="PATH",
    help=f"The warehouse.  [env: {DATABASE_VARIABLE}; default: {DEFAULT_DATABASE}]",
)
device_option = _shared(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where networks run; auto takes CUDA where it works.  [default: auto]",
)
format_option = _shared(
    "--format",
    type=click.Choice(["table", "json", "csv"]),
    help="How rows are printed.  [default: table]",
)


def verbosity_options(command: Command) -> Command:
    """Add -q and -v."""
    quiet = _shared(
        "-q",
        "--quiet",
        "verbosity",
        flag_value=-1,
        type=int,
        help="Say nothing but results and warnings.",
    )
    verbose = _shared(
        "-v", "--verbose", "verbosity", flag_value=1, type=int, help="Say more on the way."
    )
    return quiet(verbose(command))
