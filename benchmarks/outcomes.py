"""Hold what every method said of the test rows, and make the tables of the accuracy run.

In: predictions of every method, split seed and fit. Out: Markdown. Test rows are used here
and nowhere else, after everything has been chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from comparison import RANKED, ndcg, paired_bootstrap
from interactions import Index, Vector
from tables import markdown

from recsys.serving.metrics import mae, rmse

FITS = ("train", "train+valid")


@dataclass(frozen=True)
class TestRows:
    """User and real rating (stars) of each test row of one split."""

    user_id: Index
    rating: Vector


@dataclass(frozen=True)
class Outcome:
    """One method on one split.

    Args:
        method: its name.
        is_ours: it belongs to the product.
        has_metadata: it was told what is known of the movies.
        seed: of the split.
        predictions: for each of `FITS`, stars of the test rows.
        choice: what valid chose, in words.
        choice_seconds: of the search over the grid; None if it is part of the fit.
        fit_seconds: of one fit.
    """

    method: str
    is_ours: bool
    has_metadata: bool
    seed: int
    predictions: Mapping[str, Vector]
    choice: str
    choice_seconds: float | None
    fit_seconds: float


class Results:
    """Outcomes of all methods on the same test rows."""

    def __init__(self, outcomes: Sequence[Outcome], rows: Mapping[int, TestRows]) -> None:
        self.rows = rows
        self.seeds = list(rows)
        self.by_method: dict[str, dict[int, Outcome]] = {}
        for outcome in outcomes:
            self.by_method.setdefault(outcome.method, {})[outcome.seed] = outcome

    def any_of(self, method: str) -> Outcome:
        """Return one outcome of a method, for what is the same on every split."""
        return self.by_method[method][self.seeds[0]]

    def per_seed(self, method: str, fit: str, metric: Callable[..., float]) -> list[float]:
        """Return a metric of (predicted, actual) on each split."""
        return [
            metric(self.by_method[method][seed].predictions[fit], self.rows[seed].rating)
            for seed in self.seeds
        ]

    def mean(self, method: str, fit: str, metric: Callable[..., float]) -> float:
        """Return the mean over the splits of a metric."""
        return float(np.mean(self.per_seed(method, fit, metric)))

    def mean_ndcg(self, method: str, fit: str) -> float:
        """Return the mean over the splits of NDCG of the held-out movies."""
        return float(
            np.mean(
                [
                    ndcg(rows.user_id, self.by_method[method][seed].predictions[fit], rows.rating)
                    for seed, rows in self.rows.items()
                ]
            )
        )

    def errors(self, method: str, fit: str) -> Vector:
        """Return predicted − actual of the rows of all splits."""
        return np.concatenate(
            [self.by_method[method][s].predictions[fit] - self.rows[s].rating for s in self.seeds]
        )

    def best_peer(self, fit: str, *, with_metadata: bool) -> str:
        """Return the peer of the least mean RMSE, among all or among those without metadata."""
        peers = [
            method
            for method in self.by_method
            if not self.any_of(method).is_ours
            and (with_metadata or not self.any_of(method).has_metadata)
        ]
        return min(peers, key=lambda method: self.mean(method, fit, rmse))


def mean_table(results: Results) -> str:
    """Return RMSE, MAE and NDCG of both fits, means over the splits, and seconds."""
    lines = []
    for method, own in results.by_method.items():
        means = [results.mean(method, fit, one) for one, fit in product((rmse, mae), FITS)]
        means += [results.mean_ndcg(method, fit) for fit in FITS]
        searches = [o.choice_seconds for o in own.values() if o.choice_seconds is not None]
        fitting = float(np.mean([outcome.fit_seconds for outcome in own.values()]))
        searching = f"{np.mean(searches):.1f}" if searches else "in the fit"
        lines.append([method, *(f"{mean:.4f}" for mean in means), f"{fitting:.2f}", searching])
    measures = [f"{one} {fit}" for one, fit in product(("RMSE", "MAE", f"NDCG@{RANKED}"), FITS)]
    return markdown(["method", *measures, "fit s", "choice s"], lines)


def ratio_table(results: Results) -> str:
    """Return each of the product's networks as a share of the best peers."""
    lines = []
    for fit, is_free in product(FITS, (True, False)):
        peer = results.best_peer(fit, with_metadata=is_free)
        for method in (one for one in results.by_method if results.any_of(one).is_ours):
            ratios = [
                results.mean(method, fit, one) / results.mean(peer, fit, one) for one in (rmse, mae)
            ]
            ranking = results.mean_ndcg(method, fit) / results.mean_ndcg(peer, fit)
            among = "all" if is_free else "without metadata"
            cells = [f"{ratio:.4f}" for ratio in (*ratios, ranking)]
            lines.append([method, fit, among, peer, *cells])
    measures = [f"{one} ratio" for one in ("RMSE", "MAE", f"NDCG@{RANKED}")]
    return markdown(["network", "fitted on", "peers", "best of them", *measures], lines)


def difference_table(results: Results, methods: Sequence[str]) -> str:
    """Return the paired difference in RMSE of some methods to the best peers."""
    users = [rows.user_id for rows in results.rows.values()]
    user_ids, seeds = np.concatenate(users), np.repeat(results.seeds, list(map(len, users)))
    lines = []
    for fit, method in product(FITS, methods):
        best = [results.best_peer(fit, with_metadata=is_free) for is_free in (True, False)]
        for peer in dict.fromkeys(best):
            one = paired_bootstrap(
                user_ids, results.errors(method, fit), results.errors(peer, fit), seeds
            )
            interval = f"{one.ci_low:+.4f} … {one.ci_high:+.4f}"
            share = f"{one.share_below_zero:.3f}"
            lines.append([method, fit, peer, f"{one.value:+.4f}", interval, share])
    header = ["network", "fitted on", "peer", "RMSE − peer's", "95 %", "share below 0"]
    return markdown(header, lines)


def seed_table(results: Results, metric: Callable[..., float]) -> str:
    """Return a metric of every method, fit and split."""
    lines = [
        [method, fit, *(f"{value:.4f}" for value in results.per_seed(method, fit, metric))]
        for fit, method in product(FITS, results.by_method)
    ]
    return markdown(["method", "fitted on", *map(str, results.seeds)], lines)


def choice_table(results: Results) -> str:
    """Return what valid chose on each split."""
    lines = [
        [method, *(own[seed].choice for seed in results.seeds)]
        for method, own in results.by_method.items()
    ]
    return markdown(["method", *map(str, results.seeds)], lines)
