"""Sentences about the data, the learning curves and the errors, computed from the tables.

Flows in: records of `evidence.py`. Flows out: a title that states the finding and sentences
that give the numbers behind it. If the data say otherwise, so does the sentence. Pure numpy.
The next file is `tuning_explanation.py`, which does the same for trials and for the map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from recsys.evidence import Evidence, LearningCurve

Record = Mapping[str, Any]
Verdict = Literal["diverged", "overfitting", "improving", "flat", "levelled"]

# Below these shares a change of a curve is not worth a sentence.
_WORTH_MENTIONING = 0.01
_STILL_IMPROVING = 0.005
_LEARNT_BY_HEART = 0.05
_RESAMPLES = 2_000
_STARTS_FROM_TEACHER = (
    "A distilled network starts from its teacher's table of all ratings, so that its first epoch "
    "is already near its best; training adjusts what the table cannot say."
)


@dataclass(frozen=True)
class Finding:
    """What a figure shows, in one line, and the evidence for it."""

    title: str
    sentences: tuple[str, ...]


def judge_learning(curve: LearningCurve) -> Verdict:
    """Say what a learning curve shows.

    Returns:
        'diverged': the errors are not finite, or both end above where they began;
        'overfitting': valid rose after its lowest epoch while train went on falling;
        'improving': valid was still falling when training stopped;
        'flat': valid hardly ever moved; 'levelled': it fell and then stayed.
    """
    valid, train = curve.valid_rmse, curve.train_loss
    if not (np.isfinite(valid).all() and np.isfinite(train).all()):
        return "diverged"
    grows = 1 + _WORTH_MENTIONING
    if valid[-1] > grows * valid[0] and train[-1] > grows * train[0]:
        return "diverged"
    best = int(np.argmin(valid))
    rise = valid[-1] / valid[best] - 1
    if rise >= _WORTH_MENTIONING and _fall(train[best], train[-1]) >= _LEARNT_BY_HEART:
        return "overfitting"
    tail = max(1, len(valid) // 5)
    is_late = best >= len(valid) - max(1, len(valid) // 20)
    if is_late and len(valid) > 1 and _fall(valid[-1 - tail], valid[best]) >= _STILL_IMPROVING:
        return "improving"
    if _fall(valid[0], valid[best]) < _WORTH_MENTIONING:
        return "flat"
    return "levelled"


def explain_learning(curve: LearningCurve) -> Finding:
    """Explain one learning curve: when valid turned, how far train fell, what the gap is."""
    verdict = judge_learning(curve)
    name = curve.preset.capitalize()
    if verdict == "diverged":
        return Finding(
            f"{name}: training diverged",
            (_describe_divergence(curve), "Lower the learning rate and train again."),
        )
    best = int(np.argmin(curve.valid_rmse))
    titles = {
        "overfitting": f"{name}: validation turned at epoch {best + 1}, training fell on",
        "improving": f"{name}: still improving when it stopped",
        "flat": f"{name}: validation hardly moved",
        "levelled": f"{name}: validation fell, then levelled off",
    }
    describe = {
        "overfitting": _describe_overfitting,
        "improving": _describe_improving,
        "flat": _describe_flat,
        "levelled": _describe_levelled,
    }[verdict]
    return Finding(titles[verdict], (*describe(curve, best), _describe_kept(curve, best)))


def compare_learning(evidence: Evidence) -> Finding:
    """Say what sets the current model's curve apart from the reference's."""
    current, *others = evidence.curves
    own = explain_learning(current)
    if not others:
        return Finding(own.title, ())
    other = others[0]
    kept = [curve.valid_rmse[curve.kept_epoch - 1] for curve in (current, other)]
    gaps = [_gap(curve, curve.kept_epoch - 1) for curve in (current, other)]
    better = "lower" if kept[0] < kept[1] else "not lower"
    return Finding(
        _title_of_comparison(current, other),
        (
            f"At the epochs that were kept the valid RMSE of {current.preset} is "
            f"{kept[0]:.4f} stars, that of {other.preset} {kept[1]:.4f}: "
            f"{better} by {abs(kept[1] - kept[0]):.4f} stars.",
            f"The gap between valid and train is {gaps[0]:.2f} stars for {current.preset} "
            f"and {gaps[1]:.2f} for {other.preset}. A gap by itself costs nothing; what "
            "costs is a valid curve that rises.",
        ),
    )


def explain_funnel(evidence: Evidence) -> Finding:
    """Say how much of the data the model sees."""
    steps = evidence.funnel.records()
    everything, seen = steps[0], steps[-1]
    cells = seen["users"] * seen["movies"]
    return Finding(
        f"The model sees {seen['ratings'] / everything['ratings']:.1%} of the ratings",
        (
            f"Of {everything['ratings']:,} ratings by {everything['users']:,} users, "
            f"{steps[1]['ratings']:,} are on the {seen['movies']:,} movies with most ratings "
            f"and {seen['ratings']:,} of those come from the {seen['users']:,} active users.",
            f"They fill {seen['ratings'] / cells:.0%} of the table of {seen['users']:,} users "
            f"and {seen['movies']:,} movies; the model predicts the rest.",
        ),
    )


def explain_distribution(evidence: Evidence) -> Finding:
    """Compare the ratings that the model sees with all of them."""
    rows = evidence.distribution
    middle = np.array([(row["lowest"] + row["highest"]) / 2 for row in rows])
    every = np.array([row["all_count"] for row in rows], float)
    seen = np.array([row["filtered_count"] for row in rows], float)
    means = [float(np.average(middle, weights=counts)) for counts in (every, seen)]
    common = middle[int(np.argmax(seen))]
    shift = means[1] - means[0]
    title = f"{common:g} is the most common rating"
    if abs(shift) >= 0.1:
        title += f", and kept ratings are {'higher' if shift > 0 else 'lower'} than all"
    upper = middle > (middle[0] + middle[-1]) / 2
    return Finding(
        title,
        (
            f"The mean of the ratings that the model sees is {means[1]:.2f} stars, that of "
            f"all ratings {means[0]:.2f}.",
            f"{seen[upper].sum() / seen.sum():.0%} of them lie in the upper half of the scale: "
            "low ratings are rare, so the model has little to learn them from.",
        ),
    )


def explain_evaluation(evidence: Evidence) -> Finding:
    """Say how the model compares with the baselines on test, and how sure that is."""
    on_test = {row["model_id"]: row for row in evidence.evaluation if row["split"] == "test"}
    model = on_test[evidence.model["model_id"]]
    baseline = on_test["damped-bias"]
    gain, low, high = paired_gain(evidence.paired)
    if low > 0:
        title = f"On test the model errs by {model['rmse']:.3f} stars, less than the damped bias"
        certainty = "The interval excludes zero: other users would show the same."
    elif high < 0:
        title = f"On test the model errs by {model['rmse']:.3f} stars, more than the damped bias"
        certainty = "The interval excludes zero: the model should not be used."
    else:
        title = f"On test the model ({model['rmse']:.3f} stars) is no better than the damped bias"
        certainty = "The interval includes zero: the difference may be chance."
    sentences = [
        f"Its RMSE is {model['rmse']:.4f} stars (95 % interval {model['rmse_low']:.3f} to "
        f"{model['rmse_high']:.3f}), that of the damped bias {baseline['rmse']:.4f}.",
        f"On the same ratings it is better by {gain:.4f} stars, 95 % interval {low:.4f} to "
        f"{high:.4f} over users. {certainty}",
    ]
    for row in evidence.models[1:]:
        other = on_test.get(row["model_id"])
        if other:
            sentences.append(
                f"The {row['preset']} network reaches {other['rmse']:.4f} stars on test."
            )
    return Finding(title, tuple(sentences))


def explain_calibration(evidence: Evidence) -> Finding:
    """Say whether a prediction of x is x stars on average."""
    rows = evidence.calibration
    gaps = np.array([row["predicted"] - row["actual"] for row in rows])
    errors = np.array([max(row["actual_deviation"], 1e-9) for row in rows])
    worst = int(np.argmax(np.abs(gaps)))
    off = int((np.abs(gaps) > 2 * errors).sum())
    title = (
        f"Predictions are calibrated: off by at most {abs(gaps[worst]):.2f} stars"
        if off <= max(1, len(rows) // 10)
        else f"Predictions are not calibrated: {off} of {len(rows)} groups are off"
    )
    too = "high" if gaps[worst] > 0 else "low"
    return Finding(
        title,
        (
            f"Test ratings sorted by prediction, in {len(rows)} groups: {len(rows) - off} of "
            "them agree with the mean of what was given within two standard errors.",
            f"The largest gap is where {rows[worst]['predicted']:.2f} stars were predicted and "
            f"{rows[worst]['actual']:.2f} given: too {too} by {abs(gaps[worst]):.2f}, with a "
            f"standard error of {errors[worst]:.2f}.",
            f"Predictions range from {rows[0]['predicted']:.2f} to {rows[-1]['predicted']:.2f} "
            "stars on average over these groups.",
        ),
    )


def explain_buckets(evidence: Evidence, dimension: str) -> Finding:
    """Say where along one dimension the errors are large."""
    rows = [row for row in evidence.buckets if row["dimension"] == dimension]
    values = [bucket_rmse(row) for row in rows]
    worst, best = int(np.argmax(values)), int(np.argmin(values))
    ratio = values[worst] / values[best] if values[best] else np.inf
    noun = {
        "rating": "ratings of",
        "user activity": "users with",
        "movie popularity": "movies with",
    }
    unit = {
        "rating": "stars",
        "user activity": "train ratings",
        "movie popularity": "train ratings",
    }
    where = f"{noun[dimension]} {bucket_label(rows[worst])} {unit[dimension]}"
    if ratio < 1.1:
        title = f"Errors are much the same at every {dimension}"
    else:
        title = f"Errors are largest for {where}: {values[worst]:.2f} stars"
    total = sum(row["squared_error"] for row in rows)
    sentences = [
        f"{where.capitalize()}: RMSE {values[worst]:.3f} over {rows[worst]['rating_count']:,} test "
        f"ratings, {ratio:.1f} times that of the best bucket ({bucket_label(rows[best])}: "
        f"{values[best]:.3f}). They are {float(rows[worst]['squared_error'] / total):.0%} of all "
        "squared error.",
    ]
    return Finding(title, tuple(sentences))


def explain_predictions(evidence: Evidence) -> Finding:
    """Say how predictions follow the ratings that were given."""
    rows = [row for row in evidence.buckets if row["dimension"] == "rating"]
    lowest, highest = rows[0], rows[-1]
    reach = highest["predicted_middle"] - lowest["predicted_middle"]
    scale = highest["highest"] - lowest["lowest"]
    if lowest["bias"] > 0 > highest["bias"]:
        title = "Extreme ratings are predicted towards the middle"
        shape = (
            f"Ratings of {bucket_label(lowest)} are predicted {lowest['bias']:.2f} stars too high "
            f"and ratings of {bucket_label(highest)} are predicted {-highest['bias']:.2f} too low: "
            "where a model cannot know, staying near the mean errs least."
        )
    else:
        title = "Predictions do not shrink towards the middle"
        shape = (
            f"The bias is {lowest['bias']:+.2f} stars at ratings of {bucket_label(lowest)} and "
            f"{highest['bias']:+.2f} at {bucket_label(highest)}."
        )
    return Finding(
        title,
        (
            shape,
            f"From the lowest to the highest given rating, {scale:g} stars, the median prediction "
            f"moves by {reach:.2f}. Over all test ratings predictions are "
            f"{abs(evidence.test['bias']):.3f} stars too "
            f"{'high' if evidence.test['bias'] > 0 else 'low'}, the mean absolute error is "
            f"{evidence.test['mae']:.3f}.",
        ),
    )


def explain_verification(evidence: Evidence) -> Finding:
    """Say how the example's predictions compare with the ratings."""
    rows = evidence.verification
    errors = np.array([row["error"] for row in rows])
    close = int((np.abs(errors) <= 0.5).sum())
    worst = rows[int(np.argmax(np.abs(errors)))]
    return Finding(
        f"{close} of {len(rows)} predictions for user {evidence.user_id} are within half a star",
        (
            f"RMSE {np.sqrt(np.mean(errors**2)):.3f} stars on these, "
            f"{bucket_rmse(evidence.test):.3f} on all test ratings. Furthest off: "
            f"{worst['title']}, {worst['actual_rating']:g} given and "
            f"{worst['predicted_rating']:.2f} predicted.",
            f"Try another: python cli.py verify --user random. (User {evidence.user_id} has the "
            "most test ratings.)",
        ),
    )


def explain_recommendations(evidence: Evidence) -> Finding:
    """Say whether the three ways to recommend agree, and whether the model confirms them."""
    rows = evidence.recommendations
    if not rows:
        return Finding(
            f"User {evidence.user_id} has rated every movie that the model knows",
            ("There is nothing left to recommend.",),
        )
    methods = sorted({row["method"] for row in rows})
    picks = [{row["movie_id"] for row in rows if row["method"] == method} for method in methods]
    shared = set.intersection(*picks)
    confirmed = sum(row["is_confirmed"] for row in rows)
    agreement = {0: "No movie is", 1: "One movie is"}.get(len(shared), f"{len(shared)} movies are")
    return Finding(
        f"{confirmed} of {len(rows)} recommendations are predicted above the user's own mean",
        (
            f"{agreement} on the lists of all methods ({', '.join(methods)}): rating takes the "
            "highest predictions, movies what resembles the movies they liked, users what the "
            "most similar users liked.",
        ),
    )


def bucket_rmse(row: Record) -> float:
    """Return the root mean squared error of a bucket (stars)."""
    return float(np.sqrt(float(row["squared_error"]) / row["rating_count"]))


def bucket_label(row: Record) -> str:
    """Return the bounds of a bucket: '4', or '12–24'."""
    low, high = row["lowest"], row["highest"]
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"


def paired_gain(rows: Sequence[Record], seed: int = 0) -> tuple[float, float, float]:
    """Return by how much the model's RMSE is below the baseline's, with a 95 % interval.

    Whole users are drawn with replacement, and both are judged on the same draw.
    """
    counts, model, baseline = (
        np.array([row[name] for row in rows], float)
        for name in ("rating_count", "model_square", "baseline_square")
    )
    even = np.full(len(rows), 1 / len(rows))
    weights = np.random.default_rng(seed).multinomial(len(rows), even, size=_RESAMPLES)
    weights = np.vstack([np.ones(len(rows), int), weights])
    gains = np.sqrt(weights @ baseline / (weights @ counts)) - np.sqrt(
        weights @ model / (weights @ counts)
    )
    low, high = np.quantile(gains[1:], [0.025, 0.975])
    return float(gains[0]), float(low), float(high)


def _title_of_comparison(current: LearningCurve, other: LearningCurve) -> str:
    verdicts = judge_learning(current), judge_learning(other)
    words = {
        "diverged": "diverges",
        "overfitting": "overfits",
        "improving": "is still improving",
        "flat": "hardly moves",
        "levelled": "levels off",
    }
    if verdicts[0] == verdicts[1]:
        return f"Both networks behave alike: validation {words[verdicts[0]]}"
    return f"The {other.preset} network {words[verdicts[1]]}; the current one {words[verdicts[0]]}"


def _describe_divergence(curve: LearningCurve) -> str:
    wrong = np.flatnonzero(~(np.isfinite(curve.valid_rmse) & np.isfinite(curve.train_loss)))
    if len(wrong):
        return f"The error is not finite from epoch {wrong[0] + 1} on."
    return (
        f"The train loss ends at {curve.train_loss[-1]:.3f}, above the {curve.train_loss[0]:.3f} "
        f"of the first epoch, and the valid RMSE at {curve.valid_rmse[-1]:.3f} instead of "
        f"{curve.valid_rmse[0]:.3f} stars."
    )


def _describe_overfitting(curve: LearningCurve, best: int) -> tuple[str, ...]:
    train, valid = curve.train_loss, curve.valid_rmse
    return (
        f"The valid RMSE is lowest at epoch {best + 1}: {valid[best]:.4f} stars. From there to "
        f"epoch {len(valid)} the train loss fell by another {_fall(train[best], train[-1]):.0%} "
        f"({train[best]:.3f} to {train[-1]:.3f}), while the valid RMSE rose by "
        f"{valid[-1] / valid[best] - 1:.1%} to {valid[-1]:.4f}.",
        f"The gap between valid and train widened from {_gap(curve, best):.2f} to "
        f"{_gap(curve, -1):.2f} stars: after epoch {best + 1} the network learns the train "
        "ratings by heart, and what it learns does not hold for others.",
    )


def _describe_improving(curve: LearningCurve, best: int) -> tuple[str, ...]:
    valid = curve.valid_rmse
    tail = max(1, len(valid) // 5)
    return (
        f"The valid RMSE is lowest at epoch {best + 1} of {len(valid)} ({valid[best]:.4f} stars) "
        f"and fell by {_fall(valid[-1 - tail], valid[best]):.1%} over the last {tail} epochs: "
        "more epochs would probably lower it further.",
    )


def _describe_flat(curve: LearningCurve, best: int) -> tuple[str, ...]:
    valid, train = curve.valid_rmse, curve.train_loss
    fall = _fall(train[0], train[-1])
    if curve.is_distilled:
        reason = _STARTS_FROM_TEACHER
    elif fall >= _LEARNT_BY_HEART:
        reason = f"The train loss fell by {fall:.0%}: what is learnt there does not carry over."
    else:
        reason = (
            "The train loss did not move much either: either the network began near its best, "
            "or its learning rate is too low."
        )
    return (
        f"The valid RMSE went from {valid[0]:.4f} stars after the first epoch to {valid[best]:.4f} "
        f"at epoch {best + 1}, {_fall(valid[0], valid[best]):.1%} lower. {reason}",
    )


def _describe_levelled(curve: LearningCurve, best: int) -> tuple[str, ...]:
    valid, train = curve.valid_rmse, curve.train_loss
    near = int(np.flatnonzero(valid <= valid[best] * (1 + _WORTH_MENTIONING))[0])
    sentence = (
        f"The valid RMSE fell from {valid[0]:.4f} to {valid[best]:.4f} stars at epoch {best + 1}; "
        f"it was within {_WORTH_MENTIONING:.0%} of that from epoch {near + 1} on, and ends "
        f"{valid[-1] / valid[best] - 1:.1%} above. Over the same epochs the train loss went from "
        f"{train[0]:.3f} to {train[-1]:.3f}."
    )
    if curve.is_distilled and valid[0] / valid[best] - 1 < _LEARNT_BY_HEART:
        return sentence, _STARTS_FROM_TEACHER
    return (sentence,)


def _describe_kept(curve: LearningCurve, best: int) -> str:
    """Say what the choice of the epoch costs or saves."""
    kept = curve.kept_epoch - 1
    mae = f"its valid MAE is {curve.valid_mae[kept]:.4f} stars"
    if kept == best:
        saved = curve.valid_rmse[-1] - curve.valid_rmse[best]
        return (
            f"The weights of epoch {best + 1} were kept, which is {saved:.4f} stars better than "
            f"those of the last epoch; {mae}."
            if saved > 0
            else f"The weights of epoch {best + 1}, the last one, were kept; {mae}."
        )
    return (
        f"The weights of epoch {kept + 1} were kept, not those of epoch {best + 1}: that costs "
        f"{curve.valid_rmse[kept] - curve.valid_rmse[best]:.4f} stars; {mae}."
    )


def _gap(curve: LearningCurve, epoch: int) -> float:
    """Return valid RMSE minus train RMSE at a position of the curve (stars)."""
    return float(np.sqrt(curve.valid_loss[epoch]) - np.sqrt(curve.train_loss[epoch]))


def _fall(before: float, after: float) -> float:
    """Return the share by which a value fell; negative if it rose."""
    return float(1 - after / before) if before else 0.0
