"""Measure how well the product serves people whom the model has never seen.

    python benchmarks/new_users.py --source data/ml-latest-small

For each group of ten active users a network is trained without them; each of them is then
folded in with half of their ratings (`recsys.serving.fold_in`), and the other half is predicted.
Beside it stand the damped bias from the same half, and a network that was trained on the
same half. Last comes the time that it takes. Tables go to stdout as Markdown.
"""

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from comparison import paired_bootstrap
from interactions import Ratings, Vector, split_of
from newcomers import (
    GROUP_SIZE,
    Newcomers,
    choose_newcomers,
    damped_bias,
    group_count,
    with_given,
    without,
)
from tables import circumstances, markdown
from warehouses import read_material

from recsys.config import RECOMMENDATION_COUNT, DataSettings
from recsys.data.registry import Entities, StoredModel
from recsys.learning.dataset import Dataset
from recsys.learning.export import export_network
from recsys.learning.training import Fit, adapt, choose_preset, fit
from recsys.serving.fold_in import fit_prior
from recsys.serving.metrics import rmse
from recsys.serving.recommendation import recommend_for_ratings
from recsys.serving.scoring import LoadedModel, load_scorer

SPLIT_SEED = 42
PACKAGES = ("torch", "numpy", "duckdb")
METHODS = ("damped bias", "folded in", "trained on")
TIMED_ROUNDS = 20


@dataclass(frozen=True)
class GroupResult:
    """Real ratings (stars) of the held halves of ten users, and each method's predictions."""

    newcomers: Newcomers
    predictions: dict[str, Vector]
    seconds: list[float]

    def errors(self, method: str) -> Vector:
        """Return predicted − actual (stars)."""
        return self.predictions[method] - self.newcomers.held.rating


def main() -> None:
    """Measure every group and print the tables."""
    options = _parse()
    dataset = read_material(options.source, SPLIT_SEED).dataset
    groups = options.groups or list(range(group_count(dataset)))
    results = []
    for group in groups:
        results.append(_measure(dataset, choose_newcomers(dataset, group)))
        print(f"group {group} of {len(groups)} measured", file=sys.stderr)
    print(circumstances(PACKAGES))
    print(
        f"{len(groups)} disjoint groups of {GROUP_SIZE} users, of {len(dataset.user_ids)}; "
        f"{sum(len(one.newcomers.given) for one in results)} ratings given, "
        f"{sum(len(one.newcomers.held) for one in results)} held."
    )
    print(f"\n## RMSE of the held halves (stars)\n\n{_error_table(groups, results)}")
    print(f"\n## Paired difference in RMSE, users as clusters\n\n{_difference_table(results)}")
    print(f"\n## Time to fold in and recommend, warm\n\n{_time_table(results)}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="as `build-warehouse` takes it")
    parser.add_argument(
        "--groups",
        type=lambda text: [int(group) for group in text.split(",")],
        metavar="0,1,…",
        help="which groups of ten (default: all there are)",
    )
    return parser.parse_args()


def _measure(dataset: Dataset, newcomers: Newcomers) -> GroupResult:
    others = without(dataset, newcomers)
    folded_in, seconds = _fold_in(_serve(_train(others), others), newcomers)
    bias = damped_bias(
        split_of(others).train,
        newcomers.given,
        newcomers.held.pairs,
        DataSettings().bias_damping,
    )
    predictions = {
        "damped bias": bias.clip(dataset.lowest_rating, dataset.highest_rating),
        "folded in": folded_in,
        "trained on": _predict(_train(with_given(dataset, newcomers)), newcomers.held),
    }
    return GroupResult(newcomers, predictions, seconds)


def _train(dataset: Dataset) -> Fit:
    preset = choose_preset(dataset)
    return fit(dataset, preset.network, adapt(preset.training, dataset))


def _serve(trained: Fit, dataset: Dataset) -> LoadedModel:
    """Return a trained network as `recommend --ratings` finds it."""
    network = trained.network
    stored = StoredModel(
        model_id="",
        onnx=export_network(network, {}),
        data_fingerprint=dataset.fingerprint,
        fit_on="train",
        valid_rmse=trained.valid_rmse,
        lowest_rating=dataset.lowest_rating,
        highest_rating=dataset.highest_rating,
        users=Entities("user", dataset.user_ids, network.user_embedding.weight.detach().numpy()),
        movies=Entities(
            "movie", dataset.movie_ids, network.movie_embedding.weight.detach().numpy()
        ),
    )
    return load_scorer(stored, "cpu")


def _fold_in(model: LoadedModel, newcomers: Newcomers) -> tuple[Vector, list[float]]:
    """Return the predictions of the held half, and the seconds of each request."""
    given, held = newcomers.given, newcomers.held
    scale = model.stored.lowest_rating, model.stored.highest_rating
    predicted = np.empty(len(held))
    seconds = []
    prior = fit_prior(model)
    for number in range(TIMED_ROUNDS):
        for user in newcomers.user_index:
            rows = given.pairs.user_index == user
            own = given.pairs.movie_index[rows], given.rating[rows]
            started = time.perf_counter()
            expected = prior.expect(*own)
            recommend_for_ratings(model.stored, expected, *own, "rating", RECOMMENDATION_COUNT)
            if number:  # the first round warms up
                seconds.append(time.perf_counter() - started)
            asked = held.pairs.user_index == user
            predicted[asked] = expected[held.pairs.movie_index[asked]].clip(*scale)
    return predicted, seconds


@torch.no_grad()
def _predict(trained: Fit, rows: Ratings) -> Vector:
    pairs = (rows.pairs.user_index, rows.pairs.movie_index)
    rated = trained.network(*(torch.from_numpy(index) for index in pairs))
    return rated.numpy().astype(np.float64)


def _error_table(groups: list[int], results: list[GroupResult]) -> str:
    lines = [
        [
            str(group),
            str(len(one.newcomers.held)),
            *(f"{rmse(one.predictions[m], one.newcomers.held.rating):.4f}" for m in METHODS),
        ]
        for group, one in zip(groups, results, strict=True)
    ]
    joined = {m: np.concatenate([one.errors(m) for one in results]) for m in METHODS}
    total = str(len(joined[METHODS[0]]))
    everyone = [f"{np.sqrt(np.mean(errors**2)):.4f}" for errors in joined.values()]
    return markdown(["group", "ratings", *METHODS], [*lines, ["all", total, *everyone]])


def _difference_table(results: list[GroupResult]) -> str:
    users = np.concatenate([one.newcomers.held.pairs.user_index for one in results])
    joined = {m: np.concatenate([one.errors(m) for one in results]) for m in METHODS}
    lines = []
    for other in ("damped bias", "trained on"):
        one = paired_bootstrap(users, joined["folded in"], joined[other])
        interval = f"{one.ci_low:+.4f} … {one.ci_high:+.4f}"
        lines.append([f"folded in − {other}", f"{one.value:+.4f}", interval])
    return markdown(["difference", "RMSE", "95 %"], lines)


def _time_table(results: list[GroupResult]) -> str:
    milliseconds = 1_000 * np.concatenate([one.seconds for one in results])
    median, late, worst = np.quantile(milliseconds, [0.5, 0.95, 1.0])
    cells = [str(len(milliseconds)), *(f"{value:.1f}" for value in (median, late, worst))]
    return markdown(["requests", "median ms", "95th percentile ms", "longest ms"], [cells])


if __name__ == "__main__":
    main()
