"""Ratings that a person wrote down: a CSV file of movie ids or titles, and stars.

Flows in: a path. Flows out: rows of the model and ratings. Titles are matched forgivingly:
case, accents, punctuation, the year and the place of an article do not matter.
"""

import csv
import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.errors import OwnRatingsError, UnknownTitleError
from recsys.registry import StoredModel
from recsys.weights import Ids

_ID_COLUMNS = ("movie_id", "movieid", "id")
_TITLE_COLUMNS = ("title", "movie", "name")
_RATING_COLUMNS = ("rating", "stars", "score")
_ARTICLES = "the|a|an|la|le|les|il|el|der|die|das"
_SUGGESTION_COUNT = 3


@dataclass(frozen=True)
class OwnRatings:
    """What a person thinks of movies that the model knows.

    Args:
        movie_index: rows of the model, shape (ratings,).
        rating: stars, shape (ratings,).
        unused: movies that are in the data and not in the model.
    """

    movie_index: Ids
    rating: np.ndarray[tuple[int], np.dtype[np.float64]]
    unused: tuple[str, ...]


def read_own_ratings(
    path: Path, stored: StoredModel, catalogue: Sequence[tuple[int, str]]
) -> OwnRatings:
    """Read ratings of a CSV file with a header.

    Args:
        path: columns movie_id or title, and rating.
        stored: the model that is to use them.
        catalogue: id and title of every movie of the data.

    Raises:
        OwnRatingsError: it is not such a file, a rating is not a number on the scale, or the
            model knows none of the movies.
        UnknownTitleError: no movie has this id or a title like this.
    """
    rows = _read_rows(path)
    finder = _Finder(catalogue)
    row_of = {int(movie): row for row, movie in enumerate(stored.movies.ids)}
    used: dict[int, float] = {}
    unused = []
    for movie, text in rows:
        movie_id, title = finder.find(movie)
        rating = _rating_of(path, text, stored)
        if movie_id in row_of:
            used[row_of[movie_id]] = rating
        else:
            unused.append(title)
    if not used:
        raise OwnRatingsError(path, f"the model knows none of its {len(rows)} movies")
    return OwnRatings(np.array(list(used)), np.array(list(used.values())), tuple(unused))


def _read_rows(path: Path) -> list[tuple[str, str]]:
    """Return (movie id or title, rating) of each row as text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = {name.strip().lower(): name for name in reader.fieldnames or ()}
            movie = _first(header, _ID_COLUMNS + _TITLE_COLUMNS)
            rating = _first(header, _RATING_COLUMNS)
            if not (movie and rating):
                raise OwnRatingsError(path, f"its columns are {', '.join(header) or 'none'}")
            return [(str(row[movie]).strip(), str(row[rating]).strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OwnRatingsError(path, str(error)) from error


def _first(header: dict[str, str], names: tuple[str, ...]) -> str:
    return next((header[name] for name in names if name in header), "")


def _rating_of(path: Path, text: str, stored: StoredModel) -> float:
    try:
        rating = float(text)
    except ValueError:
        rating = float("nan")
    if not stored.lowest_rating <= rating <= stored.highest_rating:
        scale = f"{stored.lowest_rating:g} to {stored.highest_rating:g}"
        raise OwnRatingsError(path, f"{text!r} is not a rating from {scale}")
    return rating


class _Finder:
    """Movies by id, by title and by title without its year."""

    def __init__(self, catalogue: Sequence[tuple[int, str]]) -> None:
        self._title = dict(catalogue)
        self._movie: dict[str, int] = {}
        for movie_id, title in sorted(catalogue, reverse=True):
            # Of two movies with the same title the lower id, entered last, is meant.
            for name in (_without_year(title), title):
                self._movie[normalise(name)] = movie_id
                self._movie.setdefault(_without_article(normalise(name)), movie_id)

    def find(self, movie: str) -> tuple[int, str]:
        """Return id and title of a movie that is named by its id or its title."""
        if movie.isdecimal() and int(movie) in self._title:
            return int(movie), self._title[int(movie)]
        found = self._movie.get(normalise(movie))
        if found is None:
            raise UnknownTitleError(movie, self._suggest(movie))
        return found, self._title[found]

    def _suggest(self, movie: str) -> list[str]:
        close = difflib.get_close_matches(
            normalise(movie), self._movie, n=2 * _SUGGESTION_COUNT, cutoff=0.5
        )
        titles = dict.fromkeys(self._title[self._movie[one]] for one in close)
        return list(titles)[:_SUGGESTION_COUNT]


def normalise(title: str) -> str:
    """Return a title without case, accents, punctuation, and with its article in front."""
    decomposed = unicodedata.normalize("NFKD", title.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    in_front = re.sub(rf"^(.*), ({_ARTICLES})(\s*\(\d{{4}}\))?$", r"\2 \1\3", plain.strip())
    return " ".join(re.findall(r"\w+", in_front))


def _without_article(title: str) -> str:
    return re.sub(rf"^({_ARTICLES}) ", "", title)


def _without_year(title: str) -> str:
    return re.sub(r"\s*\(\d{4}\)\s*$", "", title)
