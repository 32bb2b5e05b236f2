"""The command `recommend`: for a user of the model, or for somebody new. Never loads torch."""

import logging
from pathlib import Path
from typing import Any

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
from recsys.config import RECOMMENDATION_COUNT, RECOMMENDATION_METHODS

_log = logging.getLogger("recsys")

Rows = list[dict[str, Any]]


@click.command()
@click.option("--user", type=int, metavar="ID", help="A user of the model.")
@click.option(
    "--ratings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Ratings of somebody whom the model has never seen: movie_id (or title) and rating.",
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    default=RECOMMENDATION_COUNT,
    show_default=True,
    help="How many movies.",
)
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
@database_option
@device_option
@format_option
@verbosity_options
@pass_globals
def recommend(
    shared: Globals, user: int | None, ratings: Path | None, count: int, method: str, why: bool
) -> None:
    """Recommend movies that a user has not rated.

    Whatever the method, each movie comes with the rating that the network predicts; it is
    confirmed if that is at or above the user's own mean.
    """
    if (user is None) == (ratings is None):
        raise click.UsageError("Give either --user ID or --ratings FILE.csv.")
    if ratings is not None and (method == "users" or why):
        raise click.UsageError("--by users and --why need a --user of the model.")
    if ratings is not None:
        rows, model_id, whom = _recommend_to_somebody_new(shared, ratings, count, method)
    else:
        assert user is not None
        rows, model_id = _recommend_to_user(shared, user, count, method, why)
        whom = f"user {user}"
    if len(rows) < count:
        _log.warning("Only %d movies can be recommended to %s.", len(rows), whom)
    if shared.format == "table":
        click.echo(f"For {whom}, by {method}, model {model_id}\n")
        for row in rows:
            if "reasons" in row:
                row["reasons"] = _describe_reasons(row["reasons"])
    hidden = ("model_id", "user_id", "method") + (("similarity",) if method == "rating" else ())
    print_records(rows, shared.format, hidden)


def _recommend_to_user(
    shared: Globals, user: int, count: int, method: str, why: bool
) -> tuple[Rows, str]:
    from recsys.data.registry import model_to_serve
    from recsys.data.warehouse import open_for_reading
    from recsys.serving.recommendation import load_reasons, movie_titles, recommend_for_user
    from recsys.serving.scoring import load_scorer

    with open_for_reading(shared.database) as warehouse:
        stored = model_to_serve(warehouse)
        model = load_scorer(stored, shared.device)
        found = recommend_for_user(warehouse, model, user, method, count)
        rows: Rows = found.records(stored, movie_titles(warehouse, stored))
        if why:
            reasons = load_reasons(warehouse, user, [row["movie_id"] for row in rows])
            for row in rows:
                row["reasons"] = [
                    {
                        name: reason[name]
                        for name in (
                            "reason_rank",
                            "because_movie_id",
                            "because_title",
                            "user_rating",
                            "similarity",
                        )
                    }
                    for reason in reasons
                    if reason["movie_id"] == row["movie_id"]
                ]
    return rows, stored.model_id


def _recommend_to_somebody_new(
    shared: Globals, file: Path, count: int, method: str
) -> tuple[Rows, str, str]:
    from recsys.data.registry import model_to_serve
    from recsys.data.warehouse import open_for_reading
    from recsys.data.weights import load_weights
    from recsys.serving.fold_in import introduce_user
    from recsys.serving.own_ratings import read_own_ratings
    from recsys.serving.recommendation import movie_titles

    with open_for_reading(shared.database) as warehouse:
        stored = model_to_serve(warehouse)
        own = read_own_ratings(file, stored, warehouse.rows("select_catalogue").values)
        titles = movie_titles(warehouse, stored)
        weights = load_weights(warehouse, stored.model_id)
    if own.unused:
        _log.warning(
            "%d of the movies are not among those of the model and do not count: %s",
            len(own.unused),
            "; ".join(own.unused[:5]),
        )
    somebody = introduce_user(stored, weights, own.movie_index, own.rating)
    rows: Rows = somebody.recommend(method, count).records(stored, titles)
    for row in rows:
        row["user_id"] = None
    return rows, stored.model_id, f"{file.name} ({len(own.rating)} ratings)"


def _describe_reasons(reasons: Rows) -> str:
    return "; ".join(f"{one['because_title']}: {one['user_rating']:g}" for one in reasons)
