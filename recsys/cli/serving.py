"""Commands that ask the model: verify, recommend, similar. None of them loads torch."""

import logging
from pathlib import Path

import click

from recsys.cli.options import Shared, shared_options
from recsys.cli.output import print_rows, printable
from recsys.config import RECOMMENDATION_COUNT, RECOMMENDATION_METHODS
from recsys.data.rows import Rows

_log = logging.getLogger("recsys")

_count_option = click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    default=RECOMMENDATION_COUNT,
    show_default=True,
    help="How many movies.",
)


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
@shared_options("database", "device", "format")
def verify(shared: Shared, user: int | None, count: int, split: str, save: bool) -> None:
    """Show predictions beside the real ratings of a user."""
    import numpy as np

    from recsys.serving import metrics
    from recsys.serving.recommender import Recommender
    from recsys.serving.verification import save_verifications

    with Recommender(shared.database, shared.device) as recommender:
        compared = recommender.verify(user, count, split)
    if save:
        save_verifications(shared.database, compared)
    first = compared[0]
    if len(compared) < count:
        _log.warning("User %d has only %d %s ratings.", first["user_id"], len(compared), split)
    if shared.format == "table":
        click.echo(f"User {first['user_id']}, {split} ratings, model {first['model_id']}\n")
    print_rows(compared, shared.format, hidden=("model_id", "verified_at", "user_id", "split"))
    if shared.format == "table":
        predicted = np.array(compared.column("predicted_rating"))
        actual = np.array(compared.column("actual_rating"))
        rmse, mae = metrics.rmse(predicted, actual), metrics.mae(predicted, actual)
        click.echo(f"\nRMSE {rmse:.3f} stars, MAE {mae:.3f} stars over {len(compared)} movies.")


@click.command()
@click.option("--user", type=int, metavar="ID", help="A user of the model.")
@click.option(
    "--ratings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Ratings of somebody whom the model has never seen: movie_id (or title) and rating.",
)
@_count_option
@click.option(
    "--by",
    "method",
    type=click.Choice(RECOMMENDATION_METHODS),
    default="rating",
    show_default=True,
    help="rating: the highest predicted rating; movies: most similar to the movies they "
    "liked; users: what the most similar users liked (not with --ratings).",
)
@click.option(
    "--why",
    is_flag=True,
    help="Add the movies they liked that are nearest to each (not with --ratings).",
)
@shared_options("database", "device", "format")
def recommend(
    shared: Shared, user: int | None, ratings: Path | None, count: int, method: str, why: bool
) -> None:
    """Recommend movies that a user has not rated.

    Whatever the method, each movie comes with the rating that the network predicts; it is
    confirmed if that is at or above the user's own mean.
    """
    if (user is None) == (ratings is None):
        raise click.UsageError("Give either --user ID or --ratings FILE.csv.")
    if ratings is not None and (method == "users" or why):
        raise click.UsageError("--by users and --why need a --user of the model.")
    from recsys.serving.recommender import Recommender

    with Recommender(shared.database, shared.device) as recommender:
        model_id = recommender.model_id
        if user is not None:
            whom = f"user {user}"
            rows = recommender.recommend(user, count, method, why=why)
        else:
            assert ratings is not None
            own = recommender.read_ratings(ratings)
            whom = f"{ratings.name} ({len(own)} ratings)"
            rows = recommender.recommend_for(own, count, method)
    if len(rows) < count:
        _log.warning("Only %d movies can be recommended to %s.", len(rows), whom)
    if shared.format == "table":
        click.echo(f"For {printable(whom)}, by {method}, model {model_id}\n")
        rows = _with_reasons_as_text(rows)
    hidden = ("model_id", "user_id", "method") + (("similarity",) if method == "rating" else ())
    print_rows(rows, shared.format, hidden)


def _with_reasons_as_text(rows: Rows) -> Rows:
    if "reasons" not in rows.columns:
        return rows
    texts = (
        "; ".join(f"{one['because_title']}: {one['user_rating']:g}" for one in reasons)
        for reasons in rows.column("reasons")
    )
    records = (row | {"reasons": text} for row, text in zip(rows, texts, strict=True))
    return Rows.from_records(rows.columns, records)


@click.command()
@click.option("--movie", type=int, required=True, metavar="ID", help="To which movie.")
@_count_option
@shared_options("database", "format")
def similar(shared: Shared, movie: int, count: int) -> None:
    """Show the movies whose embeddings are nearest to one movie's (cosine)."""
    from recsys.serving.recommender import Recommender

    with Recommender(shared.database) as recommender:
        rows = recommender.similar(movie, count)
        title = recommender.movie(movie)["title"]
    if len(rows) < count:
        _log.warning("The model knows only %d other movies.", len(rows))
    if shared.format == "table":
        click.echo(f"Nearest to {printable(title)}, model {recommender.model_id}\n")
    print_rows(rows, shared.format, hidden=("model_id", "movie_id"))
