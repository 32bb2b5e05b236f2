"""Charts of a study: how the search went, and what mattered."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from recsys.report.canvas import BLUE, GREEN, MUTED, ORANGE, VERMILLION
from recsys.report.commentary_tuning import best_so_far
from recsys.tuning.importance import Importance, Importances, with_value

Trial = Mapping[str, Any]

_STATES = (
    ("complete", BLUE, "o"),
    ("pruned", ORANGE, "x"),
    ("failed", MUTED, "v"),
    ("running", MUTED, "."),
)
# The worst tenth of trials would squeeze all others into a line.
_SHOWN_SHARE = 0.9
_LOGARITHMIC_RATIO = 20


def draw_history(axes: Axes, trials: Sequence[Trial]) -> None:
    """Draw the value of each trial and the best so far."""
    usable = with_value(trials)
    _draw_states(axes, usable, [trial["number"] for trial in usable])
    numbers, lowest = best_so_far(trials)
    axes.step(numbers, lowest, where="post", color=VERMILLION, label="best so far")
    axes.axhline(
        usable[0]["value"], color=GREEN, linestyle=":", linewidth=1.4, label="the preset itself"
    )
    axes.set_xlabel("trial (number)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="best", fontsize=9)


def draw_importances(axes: Axes, importances: Importances) -> None:
    """Draw the importance of each hyperparameter beside what chance reaches."""
    ranked = importances.ranked[::-1]
    places = range(len(ranked))
    colours = [BLUE if one in importances.real else MUTED for one in ranked]
    axes.barh(places, [one.strength for one in ranked], 0.65, color=colours)
    axes.axvline(1, color=VERMILLION, linestyle="--", label="what chance reaches")
    axes.set_yticks(places, [one.name.replace("_", " ") for one in ranked])
    axes.set_xlim(0, max(1.0, *(one.strength for one in ranked)) * 1.1)
    axes.set_xlabel("importance (multiples of what chance reaches)")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower right")


def draw_slice(axes: Axes, trials: Sequence[Trial], importance: Importance) -> None:
    """Draw the value of each trial against one hyperparameter, with medians of its groups."""
    usable = [trial for trial in with_value(trials) if importance.name in trial["hyperparameters"]]
    settings = [trial["hyperparameters"][importance.name] for trial in usable]
    if all(isinstance(setting, int | float) for setting in settings):
        _draw_states(axes, usable, settings)
        positive = [setting for setting in settings if setting > 0]
        if len(positive) == len(settings) and max(settings) / min(settings) > _LOGARITHMIC_RATIO:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        words = sorted({str(setting) for setting in settings}, key=lambda word: (len(word), word))
        places = [words.index(str(setting)) for setting in settings]
        # Points with the same word would hide one another.
        shifts = np.linspace(-0.15, 0.15, len(places)) if len(places) > 1 else [0.0]
        _draw_states(
            axes, usable, [place + shift for place, shift in zip(places, shifts, strict=True)]
        )
        axes.set_xticks(range(len(words)), words)
    axes.set_xlabel(importance.name.replace("_", " "))
    axes.legend(loc="best", fontsize=9)


def _draw_states(axes: Axes, trials: Sequence[Trial], places: Sequence[float]) -> None:
    """Draw trials at given places, each state with its own colour and marker."""
    values = np.array([trial["value"] for trial in trials])
    for state, colour, marker in _STATES:
        chosen = np.array([trial["state"] == state for trial in trials])
        if chosen.any():
            x, y = np.asarray(places)[chosen], values[chosen]
            axes.scatter(x, y, s=30, color=colour, marker=marker, label=state)
    lowest, shown = values.min(), np.quantile(values, _SHOWN_SHARE)
    room = max(1.6 * (shown - lowest), 1e-4)
    if values.max() > lowest + 2 * room:
        axes.set_ylim(lowest - 0.1 * room, lowest + room)
    axes.set_ylabel("valid RMSE of the best epoch (stars)")
