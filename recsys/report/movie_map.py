"""The map of movies: what the embeddings put near to each other, in two dimensions.

Flows in: the movies of a model with their embeddings. Flows out: coordinates, one label a
movie, and a comment that says whether neighbours are alike.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.report.data import Comment, Movies

Floats = NDArray[np.float64]

_NEIGHBOURS = 5
_MOST_LABELS = 6
_PERMUTATIONS = 200
_OTHER = "other"
_MOST_COMPARED = 2_000


@dataclass(frozen=True)
class MovieMap:
    """Where movies lie, and what they are coloured by.

    Args:
        x: first principal component of each movie, shape (movies,).
        y: second.
        shares: of the variance that each of the two axes holds.
        kind: 'genre' or 'decade'.
        labels: one word a movie.
        agreement: share of neighbours with the same label.
        chance: the same for labels dealt at random: the 95 % quantile.
        expected: their mean.
        axis: what the first axis goes with, and the correlation.
    """

    x: Floats
    y: Floats
    shares: tuple[float, float]
    kind: str
    labels: list[str]
    agreement: float
    chance: float
    expected: float
    axis: tuple[str, float]


def draw_map(movies: Movies) -> MovieMap:
    """Project embeddings on their first two principal components (Pearson 1901).

    Movies are coloured by genre or by decade, whichever their neighbours share more often
    beyond chance.
    """
    points = np.asarray(movies.embeddings, np.float64)
    points = points - points.mean(axis=0)
    left, values, _ = np.linalg.svd(points, full_matrices=False)
    left, values = _padded(left, values)
    # An axis has no sign of its own: let the longer tail point to the right and up.
    signs = np.where((left[:, :2] ** 3).sum(axis=0) < 0, -1.0, 1.0)
    x, y = (left[:, :2] * values[:2] * signs).T
    variance = values**2 / max(float((values**2).sum()), 1e-12)
    neighbours = _nearest(movies.embeddings)
    candidates = {"genre": _genres(movies), "decade": _decades(movies)}
    scored = {
        kind: (labels, *_agreement(neighbours, labels)) for kind, labels in candidates.items()
    }
    kind = max(scored, key=lambda one: scored[one][1] - scored[one][2])
    labels, agreement, chance, expected = scored[kind]
    return MovieMap(
        x=x,
        y=y,
        shares=(float(variance[0]), float(variance[1])),
        kind=kind,
        labels=labels,
        agreement=agreement,
        chance=chance,
        expected=expected,
        axis=_meaning(x, movies),
    )


def explain_map(drawn: MovieMap) -> Comment:
    """Say whether the model put like movies near to each other without being told."""
    if drawn.agreement > drawn.chance:
        title = f"Movies that the model puts close share their {drawn.kind} more often than chance"
    else:
        title = "Movies that the model puts close share neither genre nor decade beyond chance"
    name, correlation = drawn.axis
    sentences = [
        f"Of the {_NEIGHBOURS} movies nearest to a movie in the whole embedding, "
        f"{drawn.agreement:.0%} have its {drawn.kind}; labels dealt at random would give "
        f"{drawn.expected:.0%} (at most {drawn.chance:.0%} in nineteen of twenty cases).",
        f"The two axes hold {sum(drawn.shares):.0%} of the variance of the embeddings "
        f"({drawn.shares[0]:.0%} and {drawn.shares[1]:.0%}); the rest cannot be seen here.",
    ]
    if abs(correlation) >= 0.3:
        more = "rises" if correlation > 0 else "falls"
        sentences.append(
            f"Along the horizontal axis the {name} {more} (correlation {correlation:+.2f})."
        )
    else:
        sentences.append(
            "The horizontal axis follows neither year, popularity nor mean rating closely "
            f"(the nearest is {name}, correlation {correlation:+.2f})."
        )
    return Comment(title, tuple(sentences))


def _padded(left: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Give an embedding of one dimension a second axis of zeros."""
    missing = max(0, 2 - len(values))
    return np.pad(left, ((0, 0), (0, missing))), np.pad(values, (0, missing))


def _nearest(embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest movies by cosine of the first (most rated) movies, among these."""
    points = embeddings[:_MOST_COMPARED]
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    count = min(_NEIGHBOURS, len(unit) - 1)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]


def _agreement(neighbours: NDArray[np.int64], labels: Sequence[str]) -> tuple[float, float, float]:
    """Return how often neighbours share a label, and the same by chance: 95 % and mean.

    Movies without a label of their own ('other') are left out as the ones that look.
    """
    words, codes = np.unique(labels[: len(neighbours)], return_inverse=True)
    asked = words[codes] != _OTHER
    if not asked.any() or len(words) < 2:
        return 0.0, 0.0, 0.0

    def share(dealt: NDArray[np.int64]) -> float:
        return float((dealt[neighbours[asked]] == dealt[asked][:, None]).mean())

    generator = np.random.default_rng(0)
    others = codes.copy()
    by_chance = []
    for _ in range(_PERMUTATIONS):
        others[asked] = generator.permutation(codes[asked])
        by_chance.append(share(others))
    return share(codes), float(np.quantile(by_chance, 0.95)), float(np.mean(by_chance))


def _genres(movies: Movies) -> list[str]:
    """Give each movie the rarest of its genres among the most common ones."""
    counts = Counter(genre for movie in movies.records for genre in movie["genres"])
    common = dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_MOST_LABELS])
    return [
        min(
            (genre for genre in movie["genres"] if genre in common),
            key=common.__getitem__,
            default=_OTHER,
        )
        for movie in movies.records
    ]


def _decades(movies: Movies) -> list[str]:
    """Give each movie its decade; those before the last few are together."""
    decades = [movie["year"] // 10 * 10 if movie["year"] else None for movie in movies.records]
    known = sorted({decade for decade in decades if decade is not None})
    if not known:
        return [_OTHER] * len(decades)
    first = known[-_MOST_LABELS:][0]
    earlier = len(known) > _MOST_LABELS
    return [
        _OTHER
        if decade is None
        else f"to {first + 9}"
        if earlier and decade <= first
        else f"{decade}s"
        for decade in decades
    ]


def _meaning(x: Floats, movies: Movies) -> tuple[str, float]:
    """Return what the first axis goes with most: its name and the correlation."""
    columns = {
        "year": [movie["year"] or np.nan for movie in movies.records],
        "number of ratings": [movie["rating_count"] for movie in movies.records],
        "mean rating": [movie["mean_rating"] or np.nan for movie in movies.records],
    }
    found = [(name, _correlation(x, np.array(values, float))) for name, values in columns.items()]
    return max(found, key=lambda one: abs(one[1]))


def _correlation(x: Floats, values: Floats) -> float:
    known = np.isfinite(values)
    if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(x[known]) == 0:
        return 0.0
    return float(np.corrcoef(x[known], values[known])[0, 1])
