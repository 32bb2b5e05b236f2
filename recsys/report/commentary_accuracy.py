"""Commentary on the data and on the errors: titles and sentences computed from the tables.

Flows in: `ReportData`. Flows out: comments. If the data say otherwise, so does the sentence.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from recsys.launcher import launcher
from recsys.report.data import Comment, ReportData
from recsys.serving.metrics import Estimate, Ratio, paired_gain

Record = Mapping[str, Any]


def explain_funnel(data: ReportData) -> Comment:
    """Say how much of the data the model sees."""
    steps = data.funnel
    everything, seen = steps[0], steps[-1]
    cells = seen["users"] * seen["movies"]
    return Comment(
        f"The model sees {seen['ratings'] / everything['ratings']:.1%} of the ratings",
        (
            f"Of {everything['ratings']:,} ratings by {everything['users']:,} users, "
            f"{steps[1]['ratings']:,} are on the {seen['movies']:,} movies with most ratings "
            f"and {seen['ratings']:,} of those come from the {seen['users']:,} active users.",
            f"They fill {seen['ratings'] / cells:.0%} of the table of {seen['users']:,} users "
            f"and {seen['movies']:,} movies; the model predicts the rest.",
        ),
    )


def explain_distribution(data: ReportData) -> Comment:
    """Compare the ratings that the model sees with all of them."""
    rows = data.distribution
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
    return Comment(
        title,
        (
            f"The mean of the ratings that the model sees is {means[1]:.2f} stars, that of "
            f"all ratings {means[0]:.2f}.",
            f"{seen[upper].sum() / seen.sum():.0%} of them lie in the upper half of the scale: "
            "low ratings are rare, so the model has little to learn them from.",
        ),
    )


def explain_evaluation(data: ReportData) -> Comment:
    """Say how the model compares with the baselines on test, and how sure that is."""
    on_test = {row["model_id"]: row for row in data.evaluation if row["split"] == "test"}
    model = on_test[data.model["model_id"]]
    baseline = on_test["damped-bias"]
    gain = gain_over_baseline(data)
    if gain.low > 0:
        title = f"On test the model errs by {model['rmse']:.3f} stars, less than the damped bias"
        certainty = "The interval excludes zero: the difference is hardly chance."
    elif gain.high < 0:
        title = f"On test the model errs by {model['rmse']:.3f} stars, more than the damped bias"
        certainty = "The interval excludes zero: the model should not be used."
    else:
        title = f"On test the model ({model['rmse']:.3f} stars) is no better than the damped bias"
        certainty = "The interval includes zero: the difference may be chance."
    sentences = [
        f"Its RMSE is {model['rmse']:.4f} stars (95 % interval {model['rmse_low']:.3f} to "
        f"{model['rmse_high']:.3f}), that of the damped bias {baseline['rmse']:.4f}.",
        f"On the same ratings it is better by {gain.value:.4f} stars, 95 % interval {gain.low:.4f} "
        f"to {gain.high:.4f} over users. {certainty}",
    ]
    for row in data.models[1:]:
        other = on_test.get(row["model_id"])
        if other:
            sentences.append(
                f"The {row['preset']} network reaches {other['rmse']:.4f} stars on test."
            )
    return Comment(title, tuple(sentences))


def explain_calibration(data: ReportData) -> Comment:
    """Say whether a prediction of x is x stars on average."""
    rows = data.calibration
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
    return Comment(
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


def explain_buckets(data: ReportData, dimension: str) -> Comment:
    """Say where along one dimension the errors are large."""
    rows = data.buckets_of(dimension)
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
    return Comment(title, tuple(sentences))


def explain_predictions(data: ReportData) -> Comment:
    """Say how predictions follow the ratings that were given."""
    rows = data.buckets_of("rating")
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
    return Comment(
        title,
        (
            shape,
            f"From the lowest to the highest given rating, {scale:g} stars, the median prediction "
            f"moves by {reach:.2f}. Over all test ratings predictions are "
            f"{abs(data.test['bias']):.3f} stars too "
            f"{'high' if data.test['bias'] > 0 else 'low'}, the mean absolute error is "
            f"{data.test['mae']:.3f}.",
        ),
    )


def explain_verification(data: ReportData) -> Comment:
    """Say how the example's predictions compare with the ratings."""
    rows = data.verification
    errors = np.array([row["error"] for row in rows])
    close = int((np.abs(errors) <= 0.5).sum())
    worst = rows[int(np.argmax(np.abs(errors)))]
    return Comment(
        f"{close} of {len(rows)} predictions for user {data.user_id} are within half a star",
        (
            f"RMSE {np.sqrt(np.mean(errors**2)):.3f} stars on these, "
            f"{bucket_rmse(data.test):.3f} on all test ratings. Furthest off: "
            f"{worst['title']}, {worst['actual_rating']:g} given and "
            f"{worst['predicted_rating']:.2f} predicted.",
            f"Try another: {launcher()} verify --user random. (User {data.user_id} has the "
            "most test ratings.)",
        ),
    )


def explain_recommendations(data: ReportData) -> Comment:
    """Say whether the three ways to recommend agree, and whether the model confirms them."""
    rows = data.recommendations
    if not rows:
        return Comment(
            f"User {data.user_id} has rated every movie that the model knows",
            ("There is nothing left to recommend.",),
        )
    methods = sorted({row["method"] for row in rows})
    picks = [{row["movie_id"] for row in rows if row["method"] == method} for method in methods]
    shared = set.intersection(*picks)
    confirmed = sum(row["is_confirmed"] for row in rows)
    agreement = {0: "No movie is", 1: "One movie is"}.get(len(shared), f"{len(shared)} movies are")
    return Comment(
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


def gain_over_baseline(data: ReportData) -> Estimate:
    """Return by how much the model's RMSE on test is below the damped bias's (stars)."""
    counts, model, baseline = (
        np.array([row[name] for row in data.paired], float)
        for name in ("rating_count", "model_square", "baseline_square")
    )
    return paired_gain(Ratio(model, counts, is_root=True), Ratio(baseline, counts, is_root=True))
