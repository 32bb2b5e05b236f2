"""What the current network learnt from: the Gaussian models that were tried, and their shares.

Flows in: rows of `teacher_models`, those with a share first. Flows out: a finding. The next file
is `learning.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from recsys.report.data import Finding


def explain_teacher(models: Sequence[Mapping[str, Any]], network_rmse: float) -> Finding:
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
    return Finding(title, tuple(sentences))
