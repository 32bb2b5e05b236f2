"""Commands that write a warehouse: build-warehouse, train, score."""

from typing import TYPE_CHECKING, Any

import click

from recsys.cli.options import Shared, shared_options
from recsys.cli.output import print_rows
from recsys.config import PRESETS, DataSettings, TrainingOptions

if TYPE_CHECKING:
    from recsys.pipeline import TrainingOutcome

_DEFAULTS = DataSettings()


@click.command("build-warehouse")
@click.option(
    "--source",
    default="auto",
    show_default=True,
    metavar="SOURCE",
    help="A MovieLens folder or zip, a ratings CSV or Parquet file, a URL of one, "
    "'sample' or 'sample:N' for N synthetic ratings, or 'auto': $RECSYS_SOURCE, "
    "data/ml-latest-small, a download of MovieLens, else the sample.",
)
@click.option(
    "--top-movies",
    type=click.IntRange(min=2),
    default=_DEFAULTS.top_movies,
    show_default=True,
    help="Keep this many movies with the most ratings.",
)
@click.option(
    "--min-ratings",
    type=click.IntRange(min=1),
    default=_DEFAULTS.min_ratings,
    show_default=True,
    help="Keep users with this many ratings on those movies.",
)
@click.option(
    "--split-seed",
    type=int,
    default=_DEFAULTS.split_seed,
    show_default=True,
    help="Deals the ratings into train, valid and test.",
)
@click.option("--data-only", is_flag=True, help="Stop before training a model.")
@shared_options("database", "device", "format")
def build_warehouse(
    shared: Shared,
    source: str,
    top_movies: int,
    min_ratings: int,
    split_seed: int,
    data_only: bool,
) -> None:
    """Do the whole job: load, check, train, export, score.

    Prints what each filter leaves. The file that was there before stays until the new one
    is complete, and stays for good if anything fails. Models, trials and verifications
    of the old file are not carried over.
    """
    from recsys.pipeline import build

    funnel, outcome = build(
        shared.database,
        source,
        top_movies=top_movies,
        min_ratings=min_ratings,
        split_seed=split_seed,
        training=None if data_only else TrainingOptions(device=shared.device),
        progress=shared.progress,
    )
    print_rows(funnel, shared.format)
    if shared.format == "table":
        if outcome is not None:
            click.echo(f"\n{describe_outcome(outcome)}")
        click.echo(f"{shared.database} is ready.")


@click.command()
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="distilled learns from a teacher, direct from the ratings alone, notebook is "
    "the plain reference network.  [default: distilled, or direct where the "
    "catalogue is too large for a teacher]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of initialisation, batches and dropout; the same seed gives the same model.",
)
@click.option(
    "--promote",
    type=click.Choice(["better", "always", "never"]),
    default="better",
    show_default=True,
    help="Make it the current model: if it is better on valid, always, or never.",
)
@click.option(
    "--fit-on",
    type=click.Choice(["train", "train+valid"]),
    default="train",
    show_default=True,
    help="Fit the final weights to these ratings, with what valid chose. Valid cannot tell "
    "whether more ratings help: with train+valid, add --promote always.",
)
@shared_options("database", "device")
def train(shared: Shared, preset: str | None, seed: int, promote: Any, fit_on: Any) -> None:
    """Train a new model on the views of the warehouse.

    The model, its learning curve and its metrics are stored; it becomes the current one,
    with predictions and recommendations, if it is better on the valid ratings.
    """
    from recsys import pipeline

    options = TrainingOptions(preset, seed, shared.device, promote, fit_on)
    outcome = pipeline.train(shared.database, options, shared.progress)
    click.echo(describe_outcome(outcome))


@click.command()
@shared_options("database", "device")
def score(shared: Shared) -> None:
    """Predict and recommend again, for everyone, by the current model.

    Replaces predictions and recommendations in one transaction, and verifies the test
    ratings.
    """
    from recsys.serving.batch_scoring import score_by_current_model

    done = score_by_current_model(shared.database, shared.device, shared.progress)
    click.echo(f"{done.prediction_count} predictions by model {done.model_id} ({done.provider}).")


def describe_outcome(outcome: "TrainingOutcome") -> str:
    """Say what was trained, how good it is and whether it is current now."""
    became = "is the current model" if outcome.is_promoted else "was stored, not promoted"
    return (
        f"Model {outcome.model_id} ({outcome.preset}): valid RMSE "
        f"{outcome.valid_rmse:.4f} at epoch {outcome.best_epoch} of {outcome.epochs}, "
        f"{outcome.seconds:.1f} s.\nIt {became}: {outcome.reason}."
    )
