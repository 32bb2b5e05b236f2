"""Compare the accuracy of the product with that of today's libraries, on the same rows.

    python benchmarks/accuracy.py --source data/ml-latest-small

For each split seed a warehouse is built and every method reads its split: fitted on train,
everything chosen on valid, and fitted again on train + valid with what valid chose. Every
prediction is bounded by the rating scale. Tables go to stdout as Markdown, progress to
stderr. In the order of the run: `warehouses.py`, `networks.py`, `peers.py`, `outcomes.py`.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from interactions import features_of, split_of
from libraries import confine
from networks import (
    OURS,
    OURS_WITH_METADATA,
    Contender,
    contenders,
    fit_and_refit,
    without_metadata,
)
from outcomes import (
    FITS,
    Outcome,
    Results,
    TestRows,
    choice_table,
    difference_table,
    mean_table,
    ratio_table,
    seed_table,
)
from peers import Peer, peers, predict, select_on_valid
from tables import circumstances
from warehouses import Material, read_material

from recsys.learning.dataset import Dataset
from recsys.serving.metrics import mae, rmse

SPLIT_SEEDS = (42, 1, 2, 3, 4)
PACKAGES = ("torch", "numpy", "duckdb", "scikit-surprise", "myfm", "lenskit")


def main() -> None:
    """Run every method on every split and print the tables."""
    options = _parse()
    started = time.perf_counter()
    materials = {seed: read_material(options.source, seed) for seed in options.seeds}
    is_told = not options.without_metadata and not any(
        one.dataset.features.is_empty for one in materials.values()
    )
    # Networks first: LensKit sets torch's threads for the rest of the process.
    outcomes = [
        _run_network(contender, seed, material.dataset)
        for contender in contenders(is_told)
        for seed, material in materials.items()
    ]
    with TemporaryDirectory() as folder:
        confine(Path(folder))
        outcomes = _run_peers(materials, is_told) + outcomes

    rows = {seed: _test_rows(material.dataset) for seed, material in materials.items()}
    results = Results(outcomes, rows)
    ours = [one.name for one in (OURS, OURS_WITH_METADATA) if one.name in results.by_method]
    tables = {
        f"Mean of {len(rows)} splits": mean_table(results),
        "Networks against the best peers": ratio_table(results),
        "Paired difference in RMSE, users as clusters": difference_table(results, ours),
        "RMSE by split seed": seed_table(results, rmse),
        "MAE by split seed": seed_table(results, mae),
        "What valid chose": choice_table(results),
    }
    print(circumstances(PACKAGES))
    print(_describe(materials))
    for title, table in tables.items():
        print(f"\n## {title}\n\n{table}")
    print(f"\nWhole run: {time.perf_counter() - started:.0f} s.")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="as `build-warehouse` takes it")
    parser.add_argument(
        "--seeds",
        type=lambda text: [int(seed) for seed in text.split(",")],
        default=list(SPLIT_SEEDS),
        metavar="42,1,…",
        help="split seeds (default: %(default)s)",
    )
    parser.add_argument(
        "--without-metadata", action="store_true", help="tell no method anything of the movies"
    )
    return parser.parse_args()


def _run_network(contender: Contender, seed: int, dataset: Dataset) -> Outcome:
    fits = fit_and_refit(contender, dataset)
    print(f"seed {seed}: {contender.name}, {fits.seconds:.1f} s", file=sys.stderr)
    return Outcome(
        contender.name,
        is_ours=True,
        has_metadata=contender.has_metadata,
        seed=seed,
        predictions=dict(zip(FITS, (fits.train, fits.train_and_valid), strict=True)),
        choice=fits.choice,
        choice_seconds=None,
        fit_seconds=fits.seconds,
    )


def _run_peers(materials: dict[int, Material], is_told: bool) -> list[Outcome]:
    outcomes = []
    for seed, material in materials.items():
        known = material.dataset if is_told else without_metadata(material.dataset)
        for peer in peers(features_of(known, material.features)):
            outcomes.append(_run_peer(peer, seed, material.dataset))
    return outcomes


def _run_peer(peer: Peer, seed: int, dataset: Dataset) -> Outcome:
    split = split_of(dataset)
    choice = select_on_valid(peer, split)
    started = time.perf_counter()
    predictions = {
        fit: predict(peer, ratings, split.test.pairs, choice.params, split)
        for fit, ratings in zip(FITS, (split.train, split.train + split.valid), strict=True)
    }
    seconds = (time.perf_counter() - started) / len(FITS)
    print(f"seed {seed}: {peer.name} {dict(choice.params)}", file=sys.stderr)
    return Outcome(
        peer.name,
        is_ours=False,
        has_metadata=peer.has_metadata,
        seed=seed,
        predictions=predictions,
        choice=", ".join(f"{name} {value}" for name, value in choice.params.items()) or "–",
        choice_seconds=choice.seconds,
        fit_seconds=seconds,
    )


def _test_rows(dataset: Dataset) -> TestRows:
    split = split_of(dataset)
    return TestRows(dataset.user_ids[split.test.pairs.user_index], split.test.rating)


def _describe(materials: dict[int, Material]) -> str:
    dataset = next(iter(materials.values())).dataset
    return (
        f"{len(dataset.user_ids)} users, {len(dataset.movie_ids)} movies; per seed "
        f"{len(dataset.train)} ratings in train, {len(dataset.valid)} in valid, "
        f"{len(dataset.test)} in test."
    )


if __name__ == "__main__":
    main()
