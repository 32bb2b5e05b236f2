"""Ratings that a person wrote down: a CSV file of movie ids or titles, and stars.

Flows in: a path. Flows out: rows of the model and ratings. Titles are matched forgivingly:
case, accents, punctuation, the year, the place of an article and a second title in
parentheses do not matter.
"""

import csv
import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.data.registry import StoredModel
from recsys.data.weights import Ids
from recsys.errors import OwnRatingsError, UnknownTitleError

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
    rows, has_ids = _read_rows(path)
    finder = _Finder(catalogue)
    row_of = {int(movie): row for row, movie in enumerate(stored.movies.ids)}
    used: dict[int, float] = {}
    unused = []
    for movie, text in rows:
        movie_id, title = finder.find(movie, is_id=has_ids)
        rating = _rating_of(path, text, stored)
        if movie_id in row_of:
            used[row_of[movie_id]] = rating
        else:
            unused.append(title)
    if not used:
        raise OwnRatingsError(path, f"the model knows none of its {len(rows)} movies")
    return OwnRatings(np.array(list(used)), np.array(list(used.values())), tuple(unused))


def _read_rows(path: Path) -> tuple[list[tuple[str, str]], bool]:
    """Return (movie id or title, rating) of each row as text, and whether those are ids."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = {name.strip().lower(): name for name in reader.fieldnames or ()}
            movie = _first(header, _ID_COLUMNS + _TITLE_COLUMNS)
            rating = _first(header, _RATING_COLUMNS)
            if not (movie and rating):
                raise OwnRatingsError(path, f"its columns are {', '.join(header) or 'none'}")
            rows = [((row[movie] or "").strip(), (row[rating] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OwnRatingsError(path, str(error)) from error
    # A column `movie` may hold either.
    is_number = all(name.isdecimal() for name, _ in rows)
    is_id = movie.strip().lower() in _ID_COLUMNS
    return rows, is_id or (movie.strip().lower() == "movie" and is_number)


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
    """Movies by id and by title: the whole of it, and less exact forms of it.

    An exacter form wins over a less exact one, and of two movies with the same the lower id.
    """

    def __init__(self, catalogue: Sequence[tuple[int, str]]) -> None:
        self._title = dict(catalogue)
        self._movie: dict[str, int] = {}
        names = [(movie_id, _names(title)) for movie_id, title in sorted(catalogue)]
        for form in range(max((len(forms) for _, forms in names), default=0)):
            for movie_id, forms in names:
                for name in forms[form : form + 1]:
                    self._movie.setdefault(name, movie_id)

    def find(self, movie: str, *, is_id: bool) -> tuple[int, str]:
        """Return id and title of a movie.

        Args:
            movie: its id or its title.
            is_id: read a number as an id, not as a title like '300', if it is both.
        """
        by_id = int(movie) if movie.isdecimal() and int(movie) in self._title else None
        by_title = self._movie.get(normalise(movie))
        ways = (by_id, by_title) if is_id else (by_title, by_id)
        found = next((one for one in ways if one is not None), None)
        if found is None:
            raise UnknownTitleError(movie, self._suggest(movie))
        return found, self._title[found]

    def _suggest(self, movie: str) -> list[str]:
        """Return titles that contain these words, then titles that are spelled alike."""
        words = normalise(movie)
        containing = sorted((name for name in self._movie if words and words in name), key=len)
        alike = difflib.get_close_matches(words, self._movie, n=4 * _SUGGESTION_COUNT, cutoff=0.5)
        titles = dict.fromkeys(self._title[self._movie[one]] for one in (*containing, *alike))
        return list(titles)[:_SUGGESTION_COUNT]


def _names(title: str) -> list[str]:
    """Return the forms of a title, the exactest first.

    'Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)' is also called by what stands
    before the parentheses, and by what they hold; each form also without its article.
    """
    short = _without_year(title)
    outside = re.sub(r"\(.*?\)", " ", short)
    inside = [re.sub(r"^a\.?k\.?a\.?\s+", "", one) for one in re.findall(r"\((.*?)\)", short)]
    forms = [normalise(name) for name in (title, short, outside, *inside)]
    forms += [_without_article(name) for name in forms]
    return [name for name in dict.fromkeys(forms) if name]


def normalise(title: str) -> str:
    """Return a title without case, accents, punctuation, and with its article in front."""
    decomposed = unicodedata.normalize("NFKD", title.casefold().replace("&", " and "))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    in_front = re.sub(rf"^(.*), ({_ARTICLES})(\s*\(\d{{4}}\))?$", r"\2 \1\3", plain.strip())
    return " ".join(re.findall(r"\w+", in_front))


def _without_article(title: str) -> str:
    return re.sub(rf"^({_ARTICLES}) ", "", title)


def _without_year(title: str) -> str:
    return re.sub(r"\s*\(\d{4}\)\s*$", "", title)
