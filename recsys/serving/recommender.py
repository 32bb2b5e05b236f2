"""The recommender: one warehouse, open read-only, with its current model.

Flows in: the path of a warehouse, and questions. Flows out: rows. What the tables hold is read
from them; the network runs only for what they do not hold. A notebook, the command line and a
server all ask here.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from recsys.config import DEFAULT_DATABASE, RECOMMENDATION_COUNT
from recsys.data.output_file import write_output
from recsys.data.registry import StoredModel, current_model, warn_stale
from recsys.data.rows import Rows
from recsys.data.warehouse import Warehouse, open_for_reading
from recsys.errors import NoModelError
from recsys.serving import recommendation, verification
from recsys.serving.fold_in import Prior, fit_prior
from recsys.serving.own_ratings import OwnRatings, RatingsSource, read_own_ratings
from recsys.serving.scoring import LoadedModel, load_scorer

_log = logging.getLogger(__name__)


class Recommender:
    """Answer questions about one warehouse; any number of threads may ask at once.

    Use it as a context manager. The file is open read-only, so that other processes may read
    it too; nothing can write to it meanwhile.

    Args:
        path: the warehouse.
        device: 'auto', 'cpu' or 'cuda': where the network runs.

    Raises:
        WarehouseError: there is no warehouse at this path, or it cannot be used.
        DeviceError: 'cuda' was asked for and cannot be used.
    """

    def __init__(self, path: str | Path = DEFAULT_DATABASE, device: str = "auto") -> None:
        self.path = Path(path)
        self._device = device
        self._lock = threading.Lock()
        self._found: StoredModel | None = None
        self._loaded: LoadedModel | None = None
        self._fitted: Prior | None = None
        self._warehouse = open_for_reading(self.path)
        try:
            current = self._warehouse.rows("select_current_model")
            self._model_id: str | None = current[0]["model_id"] if current else None
            self.is_stale = bool(current and current[0]["is_stale"])
            if device == "cuda" and current:
                self._model()  # fail now rather than at the first question that needs it
        except BaseException:
            self.close()
            raise
        if self.is_stale:
            warn_stale(self.model_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._warehouse.close()

    @property
    def model_id(self) -> str:
        """Return the id of the current model.

        Raises:
            NoModelError: none is trained yet.
        """
        if self._model_id is None:
            raise NoModelError(self.path)
        return self._model_id

    def recommend(
        self, user: int, n: int = RECOMMENDATION_COUNT, by: str = "rating", *, why: bool = False
    ) -> Rows:
        """Recommend movies that a user of the model has not rated.

        Args:
            user: the user, as the data names it.
            n: movies at most.
            by: 'rating', 'movies' or 'users'; see `recommendation.recommend`.
            why: add `reasons`, the liked movies nearest to each movie, best first.

        Returns:
            Rows of table `recommendations`, best first.

        Raises:
            UnknownIdError: the model has never seen this user.
        """
        with self._serving() as warehouse:
            if n <= RECOMMENDATION_COUNT:
                found = warehouse.rows("select_recommendations", user_id=user, method=by, count=n)
            elif by == "rating":
                found = warehouse.rows("select_best_predictions", user_id=user, count=n)
            else:
                found = self._compute_recommendations(warehouse, user, n, by)
            if not found:
                self._stored().users.indices_of(np.array([user]))
            return _with_reasons(warehouse, user, found) if why else found

    def recommend_for(
        self,
        ratings: RatingsSource | OwnRatings,
        n: int = RECOMMENDATION_COUNT,
        by: str = "rating",
    ) -> Rows:
        """Recommend movies to somebody whom the model has never seen.

        Args:
            ratings: what they think of some movies: what `read_ratings` takes or gives.
            n: movies at most.
            by: 'rating' or 'movies'.

        Returns:
            Rows of table `recommendations`, best first; user_id is null.

        Raises:
            OwnRatingsError: the ratings cannot be used.
            UnknownTitleError: no movie is called like one of them.
        """
        model = self._model()
        own = ratings if isinstance(ratings, OwnRatings) else self.read_ratings(ratings)
        predicted = self._prior().expect(own.movie_index, own.rating)
        found = recommendation.recommend_for_ratings(
            model.stored, predicted, own.movie_index, own.rating, by, n
        )
        with self._cursor() as warehouse:
            titles = recommendation.movie_titles(warehouse, model.stored)
        rows = found.as_rows(model.stored, titles)
        return Rows.from_records(rows.columns, (row | {"user_id": None} for row in rows))

    def read_ratings(self, ratings: RatingsSource) -> OwnRatings:
        """Read ratings that a person gives of their own.

        Args:
            ratings: path of a CSV file with the columns movie_id (or title) and rating, a
                mapping from movie to rating, pairs of both, or a data frame.

        Raises:
            OwnRatingsError: the ratings cannot be used.
            UnknownTitleError: no movie is called like one of them.
        """
        stored = self._stored()
        with self._cursor() as warehouse:
            own = read_own_ratings(ratings, stored, warehouse.rows("select_catalogue").values)
        if own.unused:
            _log.warning(
                "%d of the movies are not among those of the model and do not count: %s",
                len(own.unused),
                "; ".join(own.unused[:5]),
            )
        return own

    def similar(self, movie: int, n: int = RECOMMENDATION_COUNT) -> Rows:
        """Return the movies nearest to one by the cosine of their embeddings.

        Returns:
            Rows of view `similar_movies`, nearest first, ties by similar_movie_id.

        Raises:
            UnknownIdError: the model has never seen this movie.
        """
        with self._serving() as warehouse:
            found = warehouse.rows("select_similar_movies", movie_id=movie, count=n)
        if not found:
            self._stored().movies.indices_of(np.array([movie]))
        return found

    def verify(self, user: int | None = None, n: int = 10, split: str = "test") -> Rows:
        """Compare predictions of the network with ratings that a user gave.

        Args:
            user: the user, as the data names it; None takes a random one.
            n: ratings at most; which ones depends on the split seed alone.
            split: 'train', 'valid' or 'test'.

        Returns:
            Rows of table `verifications`, highest rating first; nothing is stored.

        Raises:
            UnknownIdError: the model has never seen this user.
            NothingToVerifyError: there is no rating to compare with.
        """
        model = self._model()
        with self._cursor() as warehouse:
            if user is None:
                user = verification.choose_random_user(warehouse, self.model_id, split)
            return verification.verify_user(warehouse, model, user, n, split)

    def predict(self, pairs: Iterable[tuple[int, int]]) -> Rows:
        """Predict the ratings of (user, movie) pairs.

        Returns:
            Rows of table `predictions`, in the order of the pairs.

        Raises:
            UnknownIdError: the model has never seen one of the users or movies.
        """
        users, movies = np.array(list(pairs), np.int64).reshape(-1, 2).T
        with self._serving() as warehouse:
            found = warehouse.rows(
                "select_pair_predictions", user_ids=users.tolist(), movie_ids=movies.tolist()
            )
        if None in found.column("model_id"):
            stored = self._stored()
            stored.users.indices_of(users)
            stored.movies.indices_of(movies)
        return found

    def export(self, file: str | Path) -> int:
        """Write the current model as an ONNX file and return its size (bytes).

        Raises:
            OutputError: it is the warehouse itself, or cannot be written.
        """
        onnx = self._stored().onnx
        write_output(Path(file), onnx, self.path)
        return len(onnx)

    def users(self) -> Rows:
        """Return the users of the model: user_id, rating_count and mean_rating, by id."""
        with self._serving() as warehouse:
            return warehouse.rows("select_model_users")

    def movies(self) -> Rows:
        """Return the movies of the model: movie_id, title, year and genres, most rated first."""
        with self._serving() as warehouse:
            return warehouse.rows("select_model_movies", movie_id=None)

    def movie(self, movie: int) -> dict[str, Any]:
        """Return one movie of the model, as a row of `movies`.

        Raises:
            UnknownIdError: the model has never seen this movie.
        """
        with self._serving() as warehouse:
            found = warehouse.rows("select_model_movies", movie_id=movie)
        if not found:
            self._stored().movies.indices_of(np.array([movie]))
        return found[0]

    def sql(self, query: str) -> Rows:
        """Run a read-only query, which can reach no other file and no network.

        Raises:
            QueryError: it does not run.
        """
        with self._cursor() as warehouse:
            columns, values = warehouse.stream(query)
            return Rows(columns, values)

    @contextmanager
    def _cursor(self) -> Iterator[Warehouse]:
        """Open a cursor of its own for one question: threads cannot share one."""
        with self._warehouse.cursor() as warehouse:
            yield warehouse

    @contextmanager
    def _serving(self) -> Iterator[Warehouse]:
        """Open a cursor for a question that needs a current model."""
        if self._model_id is None:
            raise NoModelError(self.path)
        with self._cursor() as warehouse:
            yield warehouse

    def _stored(self) -> StoredModel:
        """Return the current model, read once."""
        with self._lock:
            if self._found is None:
                with self._serving() as warehouse:
                    self._found = current_model(warehouse)
            return self._found

    def _model(self) -> LoadedModel:
        """Return the current model with its session, made once."""
        stored = self._stored()
        with self._lock:
            if self._loaded is None:
                self._loaded = load_scorer(stored, self._device)
            return self._loaded

    def _prior(self) -> Prior:
        """Return what is expected of somebody new, fitted once."""
        model = self._model()
        with self._lock:
            if self._fitted is None:
                self._fitted = fit_prior(model)
            return self._fitted

    def _compute_recommendations(self, warehouse: Warehouse, user: int, n: int, by: str) -> Rows:
        model = self._model()
        found = recommendation.recommend_for_user(warehouse, model, user, by, n)
        return found.as_rows(model.stored, recommendation.movie_titles(warehouse, model.stored))


def _with_reasons(warehouse: Warehouse, user: int, found: Rows) -> Rows:
    """Add to each recommendation the liked movies nearest to it, as a list of rows."""
    movie_ids = found.column("movie_id")
    reasons: dict[int, list[dict[str, object]]] = {movie: [] for movie in movie_ids}
    for row in warehouse.rows("select_reasons", user_id=user, movie_ids=movie_ids):
        reasons[row.pop("movie_id")].append(row)
    return Rows(
        (*found.columns, "reasons"),
        [(*values, reasons[movie]) for values, movie in zip(found.values, movie_ids, strict=True)],
    )
