"""Sentences that follow the data: made-up histories, errors, trials and maps."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recsys.report.commentary_accuracy import (
    bucket_label,
    bucket_rmse,
    explain_buckets,
    explain_calibration,
    explain_evaluation,
    explain_predictions,
)
from recsys.report.commentary_learning import (
    compare_learning,
    explain_learning,
    explain_teacher,
    judge_learning,
)
from recsys.report.commentary_tuning import (
    Transfer,
    best_so_far,
    describe_direction,
    explain_history,
    explain_importance,
    name_direction,
)
from recsys.report.data import LearningCurve, Movies
from recsys.report.movie_map import draw_map, explain_map
from recsys.tuning.importance import measure_importance

EPOCHS = np.arange(40)


def curve(train: Any, valid: Any, kept: int | None = None, **changes: Any) -> LearningCurve:
    """Return a curve from train and valid loss (stars squared)."""
    train, valid = np.asarray(train, float), np.asarray(valid, float)
    best = int(np.argmin(np.where(np.isfinite(valid), valid, np.inf))) + 1
    made = LearningCurve(
        preset="direct",
        model_id="m",
        is_distilled=False,
        kept_epoch=best if kept is None else kept,
        train_loss=train,
        valid_loss=valid,
        valid_rmse=np.sqrt(valid),
        valid_mae=0.8 * np.sqrt(valid),
    )
    return replace(made, **changes)


OVERFITTING = curve(
    0.9 * 0.93**EPOCHS, np.where(EPOCHS < 10, 0.9 - 0.03 * EPOCHS, 0.6 + 0.01 * (EPOCHS - 10)), 40
)
IMPROVING = curve(0.9 * 0.98**EPOCHS, 0.9 * 0.985**EPOCHS)
FLAT = curve(np.full(40, 0.80), 0.9 - 0.0001 * EPOCHS)
MEMORISING = curve(0.9 * 0.9**EPOCHS, 0.9 + 0.001 * np.cos(EPOCHS))
LEVELLED = curve(0.4 + 0.5 * 0.7**EPOCHS, 0.5 + 0.4 * 0.7**EPOCHS)
GROWING = curve(0.9 * 1.05**EPOCHS, 0.9 * 1.05**EPOCHS)
BROKEN = curve(np.where(EPOCHS < 5, 0.9, np.nan), np.where(EPOCHS < 5, 0.9, np.inf), 5)


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        (OVERFITTING, "overfitting"),
        (IMPROVING, "improving"),
        (FLAT, "flat"),
        (MEMORISING, "flat"),
        (LEVELLED, "levelled"),
        (GROWING, "diverged"),
        (BROKEN, "diverged"),
        (curve([0.5], [0.6]), "flat"),
    ],
)
def test_each_shape_of_history_has_its_verdict(history: LearningCurve, verdict: str) -> None:
    assert judge_learning(history) == verdict


def test_overfitting_is_told_with_the_epoch_and_the_numbers() -> None:
    comment = explain_learning(OVERFITTING)
    text = " ".join(comment.sentences)
    assert comment.title == "Direct: validation turned at epoch 11, training fell on"
    fell = 1 - OVERFITTING.train_loss[-1] / OVERFITTING.train_loss[10]
    assert f"fell by another {fell:.0%}" in text
    rose = OVERFITTING.valid_rmse[-1] / OVERFITTING.valid_rmse[10] - 1
    assert f"rose by {rose:.1%}" in text
    cost = OVERFITTING.valid_rmse[-1] - OVERFITTING.valid_rmse[10]
    assert f"that costs {cost:.4f} stars" in text


def test_keeping_the_best_epoch_is_told_as_a_gain() -> None:
    text = " ".join(explain_learning(replace(OVERFITTING, kept_epoch=11)).sentences)
    assert "The weights of epoch 11 were kept" in text
    assert "better than those of the last epoch" in text


def test_a_distilled_network_follows_its_teacher_to_the_last_epoch() -> None:
    told = explain_learning(replace(OVERFITTING, is_distilled=True)).sentences[-1]
    assert "that costs" in told
    assert "say what the teacher says" in told
    assert "teacher" not in explain_learning(OVERFITTING).sentences[-1]


def test_a_curve_that_still_falls_asks_for_more_epochs() -> None:
    comment = explain_learning(IMPROVING)
    assert "still improving" in comment.title
    assert "more epochs" in comment.sentences[0]


def test_a_flat_curve_is_not_called_learning() -> None:
    assert "hardly moved" in explain_learning(FLAT).title
    assert "learning rate is too low" in explain_learning(FLAT).sentences[0]
    assert "does not carry over" in explain_learning(MEMORISING).sentences[0]


def test_a_distilled_network_may_be_flat_for_a_good_reason() -> None:
    text = explain_learning(replace(FLAT, is_distilled=True)).sentences[0]
    assert "teacher" in text
    assert "too low" not in text


def test_divergence_names_the_epoch_or_the_rise() -> None:
    assert "from epoch 6 on" in explain_learning(BROKEN).sentences[0]
    assert "above" in explain_learning(GROWING).sentences[0]


def test_two_curves_are_compared_by_what_each_does() -> None:
    found = compare_learning(data(curves=[LEVELLED, replace(OVERFITTING, preset="notebook")]))
    assert found.title == "The notebook network overfits; the current one levels off"
    same = compare_learning(data(curves=[LEVELLED, replace(LEVELLED, preset="notebook")]))
    assert same.title == "Both networks behave alike: validation levels off"


def gaussian(name: str, share: float, valid_rmse: float) -> dict[str, Any]:
    return {"name": name, "share": share, "steps": 5, "valid_rmse": valid_rmse}


@pytest.mark.parametrize(
    ("network", "verdict"), [(0.69, "less than any of them"), (0.71, "no less than the best")]
)
def test_a_network_is_compared_with_each_of_its_teachers(network: float, verdict: str) -> None:
    comment = explain_teacher(
        [
            gaussian("movies", 0.7, 0.70),
            gaussian("users", 0.3, 0.72),
            gaussian("a third", 0.0, 0.78),
            gaussian("a fourth", 0.0, 0.76),
        ],
        network,
    )
    assert comment.title == f"The network learnt from 2 Gaussian models, and errs {verdict}"
    assert "RMSE of 0.7000 and 0.7200 stars" in comment.sentences[0]
    assert f"has {network:.4f}" in comment.sentences[0]
    assert comment.sentences[1].endswith("0.7600 (a fourth) to 0.7800 (a third).")


def test_a_single_teacher_is_named() -> None:
    comment = explain_teacher([gaussian("users by ratings alone", 1.0, 0.7)], 0.7)
    assert comment.title.endswith("a Gaussian model of users by ratings alone")
    assert len(comment.sentences) == 1
    rejected = gaussian("movies", 0.0, 0.8)
    both = explain_teacher([gaussian("users", 1.0, 0.7), rejected], 0.7)
    assert both.sentences[1] == "Tried and not taken: 0.8000 (movies)."


def data(**parts: Any) -> Any:
    """Return something that has the parts of `ReportData` that a test needs."""
    return SimpleNamespace(**parts)


def errors(rows: list[dict[str, Any]], **parts: Any) -> Any:
    """Return report data with these errors in buckets."""
    return data(
        buckets_of=lambda dimension: [row for row in rows if row["dimension"] == dimension], **parts
    )


# Errors


def bucket(dimension: str, low: float, high: float, errors: list[float]) -> dict[str, Any]:
    return {
        "dimension": dimension,
        "lowest": low,
        "highest": high,
        "rating_count": len(errors),
        "squared_error": sum((Decimal(str(error)) ** 2 for error in errors), Decimal(0)),
        "bias": float(np.mean(errors)),
        "bias_deviation": 0.1,
        "predicted_low": low,
        "predicted_middle": low + float(np.mean(errors)),
        "predicted_high": high,
    }


def test_the_worst_bucket_is_named_with_its_numbers() -> None:
    rows = [bucket("user activity", 5, 9, [1.0, -1.0]), bucket("user activity", 10, 30, [0.5])]
    comment = explain_buckets(errors(rows), "user activity")
    assert comment.title == "Errors are largest for users with 5–9 train ratings: 1.00 stars"
    assert "2.0 times" in comment.sentences[0]
    assert "89% of all squared error" in comment.sentences[0]


def test_equal_buckets_are_called_equal() -> None:
    rows = [bucket("movie popularity", 1, 2, [0.7]), bucket("movie popularity", 3, 4, [-0.7])]
    assert "much the same" in explain_buckets(errors(rows), "movie popularity").title


def test_buckets_have_short_labels() -> None:
    assert bucket_label(bucket("rating", 4.0, 4.0, [1.0])) == "4"
    assert bucket_label(bucket("rating", 0.5, 1.0, [1.0])) == "0.5–1"
    assert bucket_rmse(bucket("rating", 1, 1, [3.0, 4.0])) == pytest.approx(12.5**0.5)


def test_shrinkage_is_told_only_where_it_is() -> None:
    test = {"bias": 0.0, "mae": 0.5}
    shrunk = [bucket("rating", 1, 1, [1.0]), bucket("rating", 5, 5, [-1.0])]
    stretched = [bucket("rating", 1, 1, [-1.0]), bucket("rating", 5, 5, [1.0])]
    assert "towards the middle" in explain_predictions(errors(shrunk, test=test)).title
    other = explain_predictions(errors(stretched, test=test))
    assert other.title == "Predictions do not shrink towards the middle"


@pytest.mark.parametrize(("shift", "word"), [(0.0, "are calibrated"), (0.5, "not calibrated")])
def test_calibration_is_judged_by_its_own_errors(shift: float, word: str) -> None:
    rows = [
        {"rating_count": 50, "predicted": x + shift, "actual": x, "actual_deviation": 0.05}
        for x in np.linspace(2, 4, 10)
    ]
    comment = explain_calibration(data(calibration=rows))
    assert word in comment.title


@pytest.mark.parametrize(
    ("model_square", "word"), [(1.0, "less than"), (4.0, "no better than"), (9.0, "more than")]
)
def test_the_model_is_compared_with_the_damped_bias(model_square: float, word: str) -> None:
    generator = np.random.default_rng(0)
    noise = generator.uniform(-0.5, 0.5, 40) if model_square == 4.0 else np.zeros(40)
    paired = [
        {"rating_count": 10, "model_square": model_square + one, "baseline_square": 4.0}
        for one in noise - noise.mean()
    ]
    row = {"split": "test", "rmse": 0.5, "rmse_low": 0.4, "rmse_high": 0.6}
    found = explain_evaluation(
        data(
            models=[{"model_id": "m", "preset": "direct"}],
            model={"model_id": "m"},
            evaluation=[row | {"model_id": "m"}, row | {"model_id": "damped-bias"}],
            paired=paired,
        )
    )
    assert word in found.title


# Tuning


def trials(value: Any, count: int = 40, seed: int = 0) -> list[dict[str, Any]]:
    """Return trials over two numbers and a word, with a value computed from them."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        settings = {
            "dropout": float(generator.uniform(0, 0.6)),
            "hidden_sizes": str(generator.choice(["32", "64-32"])),
            "learning_rate": float(10 ** generator.uniform(-4, -2)),
        }
        noise = float(generator.normal(0, 0.001))
        made.append(
            {
                "study": "s",
                "number": number,
                "state": "complete",
                "value": value(settings) + noise,
                "hyperparameters": settings,
                "epochs": 10,
                "seconds": 1.0,
            }
        )
    return made


def test_the_hyperparameter_that_matters_is_found_with_its_direction() -> None:
    made = trials(lambda settings: 0.7 + 0.1 * settings["dropout"])
    importances = measure_importance(made)
    assert importances is not None
    assert [one.name for one in importances.real] == ["dropout"]
    assert name_direction(importances.real[0]) == "Smaller is better"
    comment = explain_importance(importances, len(made))
    assert comment.title == "What mattered most: dropout"
    assert "Smaller is better" in comment.sentences[0]


def test_the_opposite_data_give_the_opposite_sentence() -> None:
    made = trials(lambda settings: 0.7 - 0.1 * settings["dropout"])
    importances = measure_importance(made)
    assert importances is not None
    assert name_direction(importances.real[0]) == "Larger is better"


def test_an_optimum_in_the_middle_is_not_called_a_direction() -> None:
    made = trials(lambda settings: 0.7 + abs(np.log10(settings["learning_rate"]) + 3) / 10)
    importances = measure_importance(made)
    assert importances is not None
    assert importances.ranked[0].name == "learning_rate"
    assert name_direction(importances.ranked[0]).startswith("Best at")


def test_a_word_can_matter() -> None:
    made = trials(lambda settings: 0.7 if settings["hidden_sizes"] == "32" else 0.8)
    importances = measure_importance(made)
    assert importances is not None
    assert importances.ranked[0].name == "hidden_sizes"
    assert importances.ranked[0].strength > 1 >= importances.ranked[1].strength
    assert "at 32 (" in describe_direction(importances.ranked[0])


def test_a_word_of_one_trial_is_no_group_of_its_own() -> None:
    made = trials(lambda settings: 0.7)
    made[0]["hyperparameters"]["hidden_sizes"] = "odd"
    made[0]["value"] = 0.1
    importances = measure_importance(made)
    assert importances is not None
    (words,) = (one for one in importances.ranked if one.name == "hidden_sizes")
    assert [group.label for group in words.groups] == ["32", "64-32", "another"]
    assert sum(group.trials for group in words.groups) == len(made)


def test_noise_matters_in_one_of_twenty_searches() -> None:
    found = 0
    for seed in range(60):
        importances = measure_importance(trials(lambda settings: 0.7, count=24, seed=seed))
        assert importances is not None
        found += bool(importances.real)
    assert found <= 7, "5 % of 60 is 3; 8 or more have a chance of one in a hundred"


def test_no_importance_is_called_none() -> None:
    made = trials(lambda settings: 0.7, seed=3)
    comment = explain_importance(measure_importance(made), len(made))
    assert comment.title == "No hyperparameter mattered more than chance"


def test_the_metric_agrees_with_the_ranking_of_two_effects() -> None:
    made = trials(
        lambda settings: (
            0.7 + 0.1 * settings["dropout"] + (0.02 if settings["hidden_sizes"] == "32" else 0.0)
        )
    )
    importances = measure_importance(made)
    assert importances is not None
    assert [one.name for one in importances.ranked[:2]] == ["dropout", "hidden_sizes"]


def test_too_few_trials_say_so() -> None:
    made = trials(lambda settings: 0.7, count=5)
    assert measure_importance(made) is None
    assert "Too few" in explain_importance(None, 5).title


def test_a_word_that_the_search_favours_hides_nothing() -> None:
    generator = np.random.default_rng(0)
    made = trials(lambda settings: 0.7 + 0.1 * settings["dropout"])
    for trial in made:
        trial["hyperparameters"]["hidden_sizes"] = str(
            generator.choice(["32", "64", "64-32"], p=[0.8, 0.1, 0.1])
        )
    importances = measure_importance(made)
    assert importances is not None
    assert [one.name for one in importances.real] == ["dropout"]


def test_three_numbers_have_a_direction() -> None:
    made = trials(lambda settings: 0.7)
    for number, trial in enumerate(made):
        size = (8, 16, 32)[number % 3]
        trial["hyperparameters"]["size"] = size
        trial["value"] -= size / 100
    importances = measure_importance(made)
    assert importances is not None
    assert importances.ranked[0].name == "size"
    assert name_direction(importances.ranked[0]) == "Larger is better"


def test_equal_errors_are_nobodys_merit() -> None:
    made = trials(lambda settings: 0.7)
    for trial in made:
        trial["value"] = 0.7
    importances = measure_importance(made)
    assert importances is not None
    assert importances.real == ()


def test_a_trial_that_failed_badly_does_not_decide() -> None:
    made = trials(lambda settings: 0.7 + 0.1 * settings["dropout"])
    made[0] |= {"value": 1e6}
    importances = measure_importance(made)
    assert importances is not None
    assert [one.name for one in importances.real] == ["dropout"]


def test_the_history_of_a_search_that_found_nothing_says_so() -> None:
    made = trials(lambda settings: 0.7)
    made[0] |= {"value": 0.5}
    assert explain_history(made).title == "None of 39 trials is better than the first"


def test_a_late_improvement_asks_for_more_trials() -> None:
    made = trials(lambda settings: 0.7)
    made[-1] |= {"value": 0.5}
    comment = explain_history(made)
    assert "more trials may find better" in comment.sentences[0]
    made[-1]["value"], made[3]["value"] = 0.7, 0.5
    assert "found nothing better" in explain_history(made).sentences[0]


def test_the_history_counts_what_was_pruned_and_failed() -> None:
    made = trials(lambda settings: 0.7)
    made[1] |= {"state": "pruned"}
    made[2] |= {"state": "failed", "value": None}
    text = " ".join(explain_history(made).sentences)
    assert "1 of 40 trials were ended early" in text
    assert "1 failed" in text


def test_the_current_model_is_said_to_come_from_the_study_only_if_it_does() -> None:
    made = trials(lambda settings: 0.7)
    assert "has the best configuration" in explain_history(made, "s").sentences[-1]
    assert "does not come from" in explain_history(made, "another").sentences[-1]


@pytest.mark.parametrize(
    ("untuned", "verdict"), [(0.75, "carried over"), (0.65, "did not carry over")]
)
def test_a_gain_on_valid_is_compared_with_test(untuned: float, verdict: str) -> None:
    made = trials(lambda settings: 0.7)
    text = explain_history(made, "s", Transfer(0.7, untuned)).sentences[-1]
    assert f"the gain {verdict}" in text
    assert f"{untuned:.4f}" in text
    assert verdict not in explain_history(made, "s").sentences[-1]


def test_the_best_so_far_never_rises() -> None:
    made = trials(lambda settings: 0.7)
    numbers, values = best_so_far(made)
    assert numbers == list(range(40))
    assert values == sorted(values, reverse=True)


# The map


def movies(embeddings: Any, genres: list[str], years: list[int | None]) -> Movies:
    return Movies(
        [
            {
                "movie_id": place,
                "title": f"movie {place}",
                "year": years[place],
                "genres": [genres[place]] if genres[place] else [],
                "rating_count": 10,
                "mean_rating": 3.0,
            }
            for place in range(len(genres))
        ],
        np.asarray(embeddings, np.float32),
    )


def test_genres_that_lie_apart_are_seen() -> None:
    generator = np.random.default_rng(0)
    centres = np.repeat([[3.0, 0, 0], [0, 3.0, 0]], 20, axis=0)
    genres = ["Drama"] * 20 + ["Comedy"] * 20
    years: list[int | None] = [1990 + place % 20 for place in range(40)]
    drawn = draw_map(movies(centres + generator.normal(0, 0.3, (40, 3)), genres, years))
    assert drawn.kind == "genre"
    assert "share their genre" in explain_map(drawn).title


def test_decades_that_lie_apart_are_seen() -> None:
    generator = np.random.default_rng(0)
    years: list[int | None] = [1985] * 20 + [1999] * 20
    centres = np.repeat([[3.0, 0, 0], [0, 3.0, 0]], 20, axis=0)
    genres = ["Drama", "Comedy"] * 20
    drawn = draw_map(movies(centres + generator.normal(0, 0.3, (40, 3)), genres, years))
    assert drawn.kind == "decade"
    assert set(drawn.labels) == {"1980s", "1990s"}
    assert "year" in explain_map(drawn).sentences[-1]


def test_no_structure_is_called_none() -> None:
    generator = np.random.default_rng(1)
    genres = [str(one) for one in generator.choice(["Drama", "Comedy"], 60)]
    drawn = draw_map(movies(generator.normal(0, 1, (60, 8)), genres, [None] * 60))
    assert "neither genre nor decade" in explain_map(drawn).title


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_a_map_needs_no_description_and_few_movies(dimension: int) -> None:
    embeddings = np.random.default_rng(2).normal(0, 1, (3, dimension))
    drawn = draw_map(movies(embeddings, ["", "", ""], [None, None, None]))
    assert len(drawn.x) == len(drawn.y) == 3
    assert np.isfinite(drawn.x).all()
    assert explain_map(drawn).title
