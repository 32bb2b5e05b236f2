"""Ratings that a person gives of their own: a CSV file, a mapping, pairs or a data frame.

Flows in: movie ids or titles with ratings. Flows out: rows of the model and ratings.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recsys.arrays import Floats, Indices
from recsys.data.registry import StoredModel
from recsys.errors import OwnRatingsError
from recsys.serving.titles import TitleIndex

_ID_COLUMNS = ("movie_id", "movieid", "id")
_TITLE_COLUMNS = ("title", "movie", "name")
_RATING_COLUMNS = ("rating", "stars", "score")


class DataFrame(Protocol):
    """Named columns with a to_list(), as in pandas and polars."""

    @property
    def columns(self) -> Any:
        """Return the names of the columns."""

    def __getitem__(self, name: Any, /) -> Any:
        """Return a column."""


RatingsSource = str | Path | Mapping[Any, Any] | Iterable[Sequence[Any]] | DataFrame


@dataclass(frozen=True)
class OwnRatings:
    """What a person thinks of movies that the model knows.

    Args:
        movie_index: rows of the model, shape (ratings,).
        rating: on the scale of the data, shape (ratings,).
        unused: titles of movies that are in the data and not in the model.
    """

    movie_index: Indices
    rating: Floats
    unused: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rating)


@dataclass(frozen=True)
class _Given:
    """Pairs of movie and rating as text, whether movies are ids, and where they come from."""

    pairs: list[tuple[str, str]]
    has_ids: bool
    origin: str


def read_own_ratings(
    source: RatingsSource, stored: StoredModel, catalogue: Sequence[tuple[int, str]]
) -> OwnRatings:
    """Read ratings; of a movie that is rated twice the last rating counts.

    Args:
        source: path of a CSV file with the columns movie_id (or title) and rating; a mapping
            from movie to rating; pairs of both; or a data frame with these columns. Outside
            of a file a movie is an id if it is a number, and else a title.
        stored: the model that is to use them.
        catalogue: id and title of every movie of the data.

    Raises:
        OwnRatingsError: it is nothing of these, a rating is not a number on the scale, or the
            model knows none of the movies.
        UnknownTitleError: no movie has this id or a title like this.
    """
    given = _read(source)
    titles = TitleIndex(catalogue)
    row_of = {int(movie): row for row, movie in enumerate(stored.movies.ids)}
    used: dict[int, float] = {}
    unused = []
    for movie, text in given.pairs:
        movie_id, title = titles.find(movie, is_id=given.has_ids)
        rating = _rating_of(text, stored, given.origin)
        if movie_id in row_of:
            used[row_of[movie_id]] = rating
        else:
            unused.append(title)
    if not used:
        raise OwnRatingsError(
            given.origin, f"the model knows none of its {len(given.pairs)} movies"
        )
    return OwnRatings(np.array(list(used)), np.array(list(used.values())), tuple(unused))


def _read(source: Any) -> _Given:
    if isinstance(source, str | Path):
        return _read_file(Path(source))
    origin = "the given ratings"
    if hasattr(source, "columns"):
        names = [str(name) for name in source.columns]
        movie, rating = _choose_columns(names, origin)
        pairs = list(zip(source[movie].to_list(), source[rating].to_list(), strict=True))
    elif isinstance(source, Mapping):
        pairs = list(source.items())
    else:
        try:
            pairs = [(movie, rating) for movie, rating in source]
        except (TypeError, ValueError) as error:
            raise OwnRatingsError(origin, "they are not pairs of movie and rating") from error
    has_ids = not any(isinstance(movie, str) for movie, _ in pairs)
    return _Given([(_text(movie), _text(rating)) for movie, rating in pairs], has_ids, origin)


def _read_file(path: Path) -> _Given:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            movie, rating = _choose_columns(list(reader.fieldnames or ()), str(path))
            pairs = [(_text(row[movie]), _text(row[rating])) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OwnRatingsError(str(path), str(error)) from error
    # A column `movie` may hold either.
    name = movie.strip().lower()
    are_numbers = all(text.isdecimal() for text, _ in pairs)
    return _Given(pairs, name in _ID_COLUMNS or (name == "movie" and are_numbers), str(path))


def _choose_columns(names: list[str], origin: str) -> tuple[str, str]:
    """Return the names of the movie column and of the rating column."""
    usual = {name.strip().lower(): name for name in names}
    movie = next((usual[one] for one in _ID_COLUMNS + _TITLE_COLUMNS if one in usual), None)
    rating = next((usual[one] for one in _RATING_COLUMNS if one in usual), None)
    if movie is None or rating is None:
        raise OwnRatingsError(origin, f"its columns are {', '.join(usual) or 'none'}")
    return movie, rating


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _rating_of(text: str, stored: StoredModel, origin: str) -> float:
    try:
        rating = float(text)
    except ValueError:
        rating = float("nan")
    if not stored.lowest_rating <= rating <= stored.highest_rating:
        scale = f"{stored.lowest_rating:g} to {stored.highest_rating:g}"
        raise OwnRatingsError(origin, f"{text!r} is not a rating from {scale}")
    return rating
