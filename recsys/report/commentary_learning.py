"""Commentary on what the network learnt from and how: sentences computed from the data.

Flows in: learning curves and rows of `teacher_models`. Flows out: comments. If the curve says
otherwise, so does the sentence.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from recsys.report.data import Comment, LearningCurve, ReportData

Verdict = Literal["diverged", "overfitting", "improving", "flat", "levelled"]

# Below these shares a change of a curve is not worth a sentence.
_WORTH_MENTIONING = 0.01
_STILL_IMPROVING = 0.005
_LEARNT_BY_HEART = 0.05
_STARTS_FROM_TEACHER = (
    "A distilled network starts from its teacher's table of all ratings, so that its first epoch "
    "is already near its best; training adjusts what the table cannot say."
)

_FOLLOWS_TEACHER = (
    "That is meant: valid chose the teacher, the network is to say what the teacher says, and "
    "to choose an epoch by the same ratings once more would fit their noise."
)


def explain_teacher(models: Sequence[Mapping[str, Any]], network_rmse: float) -> Comment:
    """Say which Gaussian models were taken, and what the choice brought on valid.

    Args:
        models: rows of `teacher_models` of one network, at least one with a share.
        network_rmse: RMSE on valid of the network that learnt from them (stars).
    """
    taken = [model for model in models if model["share"] > 0]
    errors = [float(model["valid_rmse"]) for model in taken]
    alone = " and ".join(f"{error:.4f}" for error in errors)
    learnt = (
        "the network, which learnt what is expected of every user and movie, has "
        f"{network_rmse:.4f}."
    )
    if len(taken) == 1:
        title = f"The network learnt from a Gaussian model of {taken[0]['name']}"
        sentences = [f"That model has a valid RMSE of {alone} stars; {learnt}"]
    else:
        verdict = "less than any of them" if network_rmse < min(errors) else "no less than the best"
        title = f"The network learnt from {len(taken)} Gaussian models, and errs {verdict}"
        sentences = [f"Alone they have a valid RMSE of {alone} stars; {learnt}"]
    others = sorted(
        (model for model in models if model["share"] == 0),
        key=lambda model: float(model["valid_rmse"]),
    )
    if others:
        ends = {model["name"]: f"{model['valid_rmse']:.4f}" for model in (others[0], others[-1])}
        sentences.append(
            "Tried and not taken: "
            + " to ".join(f"{error} ({name})" for name, error in ends.items())
            + "."
        )
    return Comment(title, tuple(sentences))


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


def explain_learning(curve: LearningCurve) -> Comment:
    """Explain one learning curve: when valid turned, how far train fell, what the gap is."""
    verdict = judge_learning(curve)
    name = curve.preset.capitalize()
    if verdict == "diverged":
        return Comment(
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
    return Comment(titles[verdict], (*describe(curve, best), _describe_kept(curve, best)))


def compare_learning(data: ReportData) -> Comment:
    """Say what sets the current model's curve apart from the reference's."""
    current, *others = data.curves
    own = explain_learning(current)
    if not others:
        return Comment(own.title, ())
    other = others[0]
    kept = [curve.valid_rmse[curve.kept_epoch - 1] for curve in (current, other)]
    gaps = [_gap(curve, curve.kept_epoch - 1) for curve in (current, other)]
    better = "lower" if kept[0] < kept[1] else "not lower"
    return Comment(
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
    cost = (
        f"The weights of epoch {kept + 1} were kept, not those of epoch {best + 1}: that costs "
        f"{curve.valid_rmse[kept] - curve.valid_rmse[best]:.4f} stars; {mae}."
    )
    return f"{cost} {_FOLLOWS_TEACHER}" if curve.is_distilled else cost


def _gap(curve: LearningCurve, epoch: int) -> float:
    """Return valid RMSE minus train RMSE at a position of the curve (stars)."""
    return float(np.sqrt(curve.valid_loss[epoch]) - np.sqrt(curve.train_loss[epoch]))


def _fall(before: float, after: float) -> float:
    """Return the share by which a value fell; negative if it rose."""
    return float(1 - after / before) if before else 0.0
