"""Commands that ask the model: verify, similar. None of them loads torch."""

import dataclasses
import logging

import click

from recsys.cli.options import (
    Globals,
    database_option,
    device_option,
    format_option,
    pass_globals,
    verbosity_options,
)
from recsys.cli.output import print_records
from recsys.config import RECOMMENDATION_COUNT

_log = logging.getLogger("recsys")


class _User(click.ParamType[int | None]):
    """A user id, or 'random'."""

    name = "user"

    def convert(
        self,
        value: str | int,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int | None:
        """Return the id; None stands for a random user."""
        if value == "random":
            return None
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a user id nor 'random'.", param, ctx)


@click.command()
@click.option("--user", type=_User(), required=True, metavar="ID|random", help="Whose ratings.")
@click.option(
    "-p",
    "--count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many of their movies.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    default="test",
    show_default=True,
    help="Which of their ratings; the model has never seen those of test.",
)
@click.option("--save", is_flag=True, help="Append the rows to table verifications.")
@database_option
@device_option
@format_option
@verbosity_options
@pass_globals
def verify(shared: Globals, user: int | None, count: int, split: str, save: bool) -> None:
    """Show predictions beside the real ratings of a user."""
    import numpy as np

    from recsys.data.registry import model_to_serve
    from recsys.data.warehouse import open_for_reading, open_for_writing
    from recsys.serving import verification
    from recsys.serving.metrics import mae, rmse
    from recsys.serving.scoring import load_scorer

    with (open_for_writing if save else open_for_reading)(shared.database) as warehouse:
        stored = model_to_serve(warehouse)
        model = load_scorer(stored, shared.device)
        if user is None:
            user = verification.choose_random_user(warehouse, model, split)
        compared = verification.verify_user(warehouse, model, user, count, split)
        if save:
            verification.save_verifications(warehouse, compared)
    if len(compared) < count:
        _log.warning("User %d has only %d %s ratings.", user, len(compared), split)

    rows = [dataclasses.asdict(one) for one in compared]
    if shared.format == "table":
        click.echo(f"User {user}, {split} ratings, model {stored.model_id}\n")
    hidden = ("model_id", "verified_at", "user_id", "split")
    print_records(rows, shared.format, hidden)
    if shared.format == "table":
        predicted = np.array([one.predicted_rating for one in compared])
        actual = np.array([one.actual_rating for one in compared])
        click.echo(
            f"\nRMSE {rmse(predicted, actual):.3f} stars, MAE "
            f"{mae(predicted, actual):.3f} stars over {len(compared)} movies."
        )


@click.command()
@click.option("--movie", type=int, required=True, metavar="ID", help="To which movie.")
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    default=RECOMMENDATION_COUNT,
    show_default=True,
    help="How many movies.",
)
@database_option
@format_option
@verbosity_options
@pass_globals
def similar(shared: Globals, movie: int, count: int) -> None:
    """Show the movies whose embeddings are nearest to one movie's (cosine)."""
    import numpy as np

    from recsys.data.registry import model_to_serve
    from recsys.data.warehouse import open_for_reading
    from recsys.serving.recommendation import movie_titles, nearest_movies

    with open_for_reading(shared.database) as warehouse:
        stored = model_to_serve(warehouse)
        titles = movie_titles(warehouse, stored)
        nearest, similarity = nearest_movies(stored.movies, movie, count)
    rows = [
        {
            "movie_id": movie,
            "rank": rank,
            "similar_movie_id": int(stored.movies.ids[index]),
            "title": titles[index],
            "similarity": float(cosine),
        }
        for rank, (index, cosine) in enumerate(zip(nearest, similarity, strict=True), start=1)
    ]
    if len(rows) < count:
        _log.warning("The model knows only %d other movies.", len(rows))
    if shared.format == "table":
        title = titles[int(np.flatnonzero(stored.movies.ids == movie)[0])]
        click.echo(f"Nearest to {title}, model {stored.model_id}\n")
    print_records(rows, shared.format, hidden=("movie_id",))
