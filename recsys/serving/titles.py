"""Titles as people type them: which movie is meant.

Flows in: the catalogue and what somebody wrote. Flows out: a movie. Case, accents,
punctuation, the year, the place of an article and a second title in parentheses do not matter.
"""

import difflib
import re
import unicodedata
from collections.abc import Sequence

from recsys.errors import UnknownTitleError

_ARTICLES = "the|a|an|la|le|les|il|el|der|die|das"
_SUGGESTION_COUNT = 3


class TitleIndex:
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

        Raises:
            UnknownTitleError: no movie has this id or a title like this.
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


def normalise(title: str) -> str:
    """Return a title without case, accents, punctuation, and with its article in front."""
    decomposed = unicodedata.normalize("NFKD", title.casefold().replace("&", " and "))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    in_front = re.sub(rf"^(.*), ({_ARTICLES})(\s*\(\d{{4}}\))?$", r"\2 \1\3", plain.strip())
    return " ".join(re.findall(r"\w+", in_front))


def _names(title: str) -> list[str]:
    """Return the forms of a title, the exactest first.

    'Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)' is also called by what stands
    before the parentheses, and by what they hold; each form also without its article.
    """
    short = re.sub(r"\s*\(\d{4}\)\s*$", "", title)
    outside = re.sub(r"\(.*?\)", " ", short)
    inside = [re.sub(r"^a\.?k\.?a\.?\s+", "", one) for one in re.findall(r"\((.*?)\)", short)]
    forms = [normalise(name) for name in (title, short, outside, *inside)]
    forms += [re.sub(rf"^({_ARTICLES}) ", "", name) for name in forms]
    return [name for name in dict.fromkeys(forms) if name]
