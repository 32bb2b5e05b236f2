"""Charts of the data, of training, of errors and of the map of movies."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from recsys.report.canvas import (
    BLUE,
    GREEN,
    INK,
    MARKERS,
    MUTED,
    ORANGE,
    PAPER,
    SERIES,
    VERMILLION,
)
from recsys.report.commentary_accuracy import bucket_label, bucket_rmse
from recsys.report.data import LearningCurve
from recsys.report.movie_map import MovieMap

Record = Mapping[str, Any]

_ROWS_THAT_ARE_PIXELS = 2_000
_MOST_NAMES = 14
_ROOM_FOR_A_NOTE = 0.14  # of the highest bar
_FEW_BARS = 6
_FEW_MOVIES = 600
_LONGEST_NAME = 28
_YEAR_OR_OTHER_TITLE = re.compile(r"\s+\(.*$")


def draw_funnel(axes: Axes, steps: Sequence[Record]) -> None:
    """Draw how many ratings each filter leaves."""
    counts = [step["ratings"] for step in steps]
    places = range(len(steps))
    axes.barh(places, counts, color=BLUE, height=0.6)
    axes.set_yticks(places, [step["step"] for step in steps])
    axes.invert_yaxis()
    for place, step in zip(places, steps, strict=True):
        note = f"{step['ratings']:,} by {step['users']:,} users\non {step['movies']:,} movies"
        inside = step["ratings"] > 0.6 * counts[0]
        axes.annotate(
            note,
            (step["ratings"], place),
            xytext=(-6 if inside else 6, 0),
            textcoords="offset points",
            va="center",
            ha="right" if inside else "left",
            color=PAPER if inside else INK,
        )
    axes.set_xlabel("ratings (count)")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", visible=False)


def draw_distribution(axes: Axes, rows: Sequence[Record]) -> None:
    """Draw the share of each rating, in all the data and in what the model sees."""
    places = np.arange(len(rows))
    for shift, column, label, colour in (
        (-0.2, "all_count", "all ratings", MUTED),
        (0.2, "filtered_count", "seen by the model", BLUE),
    ):
        counts = np.array([row[column] for row in rows], float)
        axes.bar(places + shift, 100 * counts / counts.sum(), 0.4, color=colour, label=label)
    axes.set_xticks(places, [bucket_label(row) for row in rows])
    axes.set_xlabel("rating (stars)")
    axes.set_ylabel("share of ratings (%)")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left")


def draw_losses(axes: Axes, curve: LearningCurve, top: float) -> None:
    """Draw train and valid loss by epoch, with the epoch whose weights were kept."""
    epochs = np.arange(1, len(curve.train_loss) + 1)
    axes.plot(epochs, curve.train_loss, color=ORANGE, linestyle="--", label="train loss")
    axes.plot(epochs, curve.valid_loss, color=BLUE, label="valid loss")
    _mark_epochs(axes, curve, curve.valid_loss)
    axes.set_ylim(0, top)
    axes.set_ylabel("mean squared error (stars²)")
    axes.legend(loc="best")


def draw_errors(axes: Axes, curve: LearningCurve, limits: tuple[float, float]) -> None:
    """Draw RMSE and MAE on valid by epoch, with the epoch whose weights were kept."""
    epochs = np.arange(1, len(curve.valid_rmse) + 1)
    axes.plot(epochs, curve.valid_rmse, color=BLUE, label="valid RMSE")
    axes.plot(epochs, curve.valid_mae, color=GREEN, linestyle="-.", label="valid MAE")
    _mark_epochs(axes, curve, curve.valid_rmse)
    axes.set_ylim(*limits)
    axes.set_ylabel("error on valid (stars)")
    axes.legend(loc="best")


def _mark_epochs(axes: Axes, curve: LearningCurve, values: np.ndarray) -> None:
    """Mark the epoch of the lowest valid RMSE and, if it is another one, the kept epoch."""
    best = int(np.argmin(np.where(np.isfinite(curve.valid_rmse), curve.valid_rmse, np.inf)))
    kept = curve.kept_epoch - 1
    label = f"best and kept: epoch {best + 1}" if best == kept else f"best: epoch {best + 1}"
    axes.axvline(best + 1, color=MUTED, linestyle=":", linewidth=1.2)
    axes.plot(best + 1, values[best], "o", color=VERMILLION, markersize=7, label=label)
    if best != kept:
        axes.plot(
            kept + 1,
            values[kept],
            "s",
            color=VERMILLION,
            markersize=7,
            label=f"kept: epoch {kept + 1}",
        )
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_evaluation(axes: Axes, rows: Sequence[Record], names: Mapping[str, str]) -> None:
    """Draw the RMSE on test of models and baselines with their 95 % intervals."""
    ordered = sorted(rows, key=lambda row: row["rmse"], reverse=True)
    for place, row in enumerate(ordered):
        reach = [[row["rmse"] - row["rmse_low"]], [row["rmse_high"] - row["rmse"]]]
        colour = BLUE if place == len(ordered) - 1 else MUTED
        axes.errorbar(row["rmse"], place, xerr=reach, fmt="o", color=colour, capsize=4)
        axes.annotate(
            f"{row['rmse']:.3f}",
            (row["rmse"], place),
            (0, 7),
            textcoords="offset points",
            ha="center",
        )
    axes.set_yticks(
        range(len(ordered)), [names.get(row["model_id"], row["model_id"]) for row in ordered]
    )
    axes.set_ylim(-0.5, len(ordered) - 0.3)
    axes.set_xlabel("RMSE on test (stars), with 95 % interval over users")
    axes.grid(axis="y", visible=False)


def draw_calibration(axes: Axes, rows: Sequence[Record]) -> None:
    """Draw the mean given rating against the mean predicted one, by groups of predictions."""
    predicted = np.array([row["predicted"] for row in rows])
    actual = np.array([row["actual"] for row in rows])
    reach = 2 * np.array([row["actual_deviation"] for row in rows])
    low, high = min(*predicted, *(actual - reach)), max(*predicted, *(actual + reach))
    axes.plot([low, high], [low, high], color=MUTED, linestyle="--", label="perfect calibration")
    axes.errorbar(
        predicted,
        actual,
        yerr=reach,
        fmt="o",
        color=BLUE,
        capsize=3,
        label="tenth of the test ratings",
    )
    axes.set_xlabel("mean predicted rating (stars)")
    axes.set_ylabel("mean given rating ± 2 s.e. (stars)")
    axes.legend(loc="upper left")


def draw_predictions(axes: Axes, rows: Sequence[Record]) -> None:
    """Draw what is predicted for each rating that was given."""
    actual = np.array([(row["lowest"] + row["highest"]) / 2 for row in rows])
    low, middle, high = (
        np.array([row[name] for row in rows])
        for name in ("predicted_low", "predicted_middle", "predicted_high")
    )
    axes.plot(actual, actual, color=MUTED, linestyle="--", label="predicted = given")
    axes.fill_between(actual, low, high, color=BLUE, alpha=0.25, linewidth=0, label="middle 80 %")
    axes.plot(actual, middle, color=BLUE, marker="o", label="median prediction")
    axes.set_xlabel("rating given on test (stars)")
    axes.set_ylabel("predicted rating (stars)")
    axes.legend(loc="upper left")


def draw_buckets(axes: Axes, rows: Sequence[Record], rmse: float, label: str) -> None:
    """Draw the RMSE of each bucket beside that of all test ratings."""
    places = range(len(rows))
    values = [bucket_rmse(row) for row in rows]
    axes.bar(places, values, 0.8, color=BLUE)
    axes.axhline(
        rmse, color=VERMILLION, linestyle="--", zorder=0.8, label=f"all test ratings: {rmse:.3f}"
    )
    for place, row, value in zip(places, rows, values, strict=True):
        inside = value > _ROOM_FOR_A_NOTE * max(values)
        axes.annotate(
            f"{value:.2f}\nn={row['rating_count']:,}",
            (place, value),
            (0, -4 if inside else 4),
            textcoords="offset points",
            ha="center",
            va="top" if inside else "bottom",
            color=PAPER if inside else INK,
            fontsize=7 if len(rows) > _FEW_BARS else 9,
        )
    axes.set_xticks(places, [bucket_label(row) for row in rows])
    axes.set_ylim(0, max(*values, rmse) * 1.2)
    axes.set_xlabel(label)
    axes.set_ylabel("RMSE on test (stars)")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper right")


def draw_movies(axes: Axes, drawn: MovieMap, movies: Sequence[Record]) -> None:
    """Draw every movie where its embedding lies, and name the most rated ones."""
    labels = np.array(drawn.labels)
    known = [label for label in sorted(set(drawn.labels)) if label != "other"]
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.axvline(0, color=MUTED, linewidth=0.6)
    styles = list(zip(known, SERIES, MARKERS, strict=False))
    for label, colour, marker in [*styles, ("other", MUTED, ".")]:
        chosen = labels == label
        if chosen.any():
            axes.scatter(
                drawn.x[chosen],
                drawn.y[chosen],
                s=26 if len(labels) <= _FEW_MOVIES else 9,
                color=colour,
                marker=marker,
                alpha=0.85,
                linewidths=0,
                label=label,
                rasterized=len(labels) > _ROWS_THAT_ARE_PIXELS,
            )
    axes.set_xlabel(f"first principal component ({drawn.shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second ({drawn.shares[1]:.0%})")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title=drawn.kind, fontsize=9)
    _name_movies(axes, drawn, movies)


def _name_movies(axes: Axes, drawn: MovieMap, movies: Sequence[Record]) -> None:
    """Name movies, most rated first, wherever a name does not cover another one."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    figure.set_layout_engine("none")  # what is measured now must stay where it is
    border = axes.get_window_extent()
    placed: list[Text] = []
    for place in sorted(range(len(movies)), key=lambda one: -movies[one]["rating_count"]):
        title = _YEAR_OR_OTHER_TITLE.sub("", movies[place]["title"])
        name = title if len(title) <= _LONGEST_NAME else title[: _LONGEST_NAME - 1].rstrip() + "…"
        text = axes.annotate(
            name,
            (drawn.x[place], drawn.y[place]),
            (4, 3),
            textcoords="offset points",
            fontsize=8,
            bbox={"facecolor": PAPER, "alpha": 0.6, "linewidth": 0, "pad": 0.8},
        )
        box = text.get_window_extent()
        is_inside = box.x1 < border.x1 and box.y1 < border.y1 and box.y0 > border.y0
        if not is_inside or any(box.overlaps(other.get_window_extent()) for other in placed):
            text.remove()
            continue
        placed.append(text)
        if len(placed) == _MOST_NAMES:
            return
