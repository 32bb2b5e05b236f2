"""The command that searches: tune."""

import click

from recsys.cli.building import describe_outcome
from recsys.cli.options import Shared, shared_options
from recsys.config import PRESETS


@click.command()
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Finished trials that the study has at the end, those of earlier runs included.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Begin no trial after this time.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Worker processes; with one, the same seed gives the same trials.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="Database of the study, as SQLAlchemy names it.  [default: a file beside the "
    "warehouse, PATH.tuning.sqlite]",
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="What to vary.  [default: what `train` would take]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the search and of the trainings.",
)
@click.option(
    "--comparison-seeds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Trainings of the best and of the current configuration, to see how far seeds "
    "alone move them.",
)
@shared_options("database", "device")
def tune(
    shared: Shared,
    trials: int,
    timeout: float | None,
    jobs: int,
    storage: str | None,
    preset: str | None,
    seed: int,
    comparison_seeds: int,
) -> None:
    """Search the hyperparameters, and keep the best if it is really better.

    Trials are judged on the valid ratings; the test ratings are never looked at. They land
    in table trials. Stopped with Ctrl-C and run again, the search goes on where it was.

    At the end the best configuration and that of the current model are trained again with
    the same seeds. The best one is stored, and becomes current if it is better by more than
    seeds differ, and by more than chance with other users on the valid ratings.
    """
    from recsys.tuning.search import TuningOptions
    from recsys.tuning.search import tune as search

    options = TuningOptions(
        trials, timeout, jobs, storage, preset, seed, comparison_seeds, shared.device
    )
    click.echo(describe_outcome(search(shared.database, options, shared.progress)))
