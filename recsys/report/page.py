"""The page: one HTML file that opens from disk and needs no network.

Flows in: a warehouse, open read-only. Flows out: the page, and PNG files of its pictures where
they are wanted. The same warehouse gives the same bytes, except for the time at its foot.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from recsys.config import DISTRIBUTION
from recsys.data.output_file import write_output
from recsys.data.warehouse import open_for_reading
from recsys.errors import OutputError
from recsys.launcher import launcher
from recsys.report.canvas import COLOURS
from recsys.report.commentary_accuracy import bucket_rmse, gain_over_baseline
from recsys.report.data import ReportData, read_report_data
from recsys.report.panel import Panel
from recsys.report.panels import SECTIONS, build_panels
from recsys.tuning.importance import with_value


@dataclass(frozen=True)
class Report:
    """What was written.

    Args:
        page: where.
        size: of the page (bytes).
        figures: PNG files.
        has_reference: whether the notebook network is beside the current model.
        has_trials: whether there was a study to show.
    """

    page: Path
    size: int
    figures: list[Path]
    has_reference: bool
    has_trials: bool


def write_report(database: Path, page: Path, figures: Path | None = None) -> Report:
    """Write the page and, if a folder is named, its pictures as PNG files.

    Raises:
        NoModelError: there is no model to report on.
        OutputError: a file cannot be written.
    """
    with open_for_reading(database) as warehouse:
        data = read_report_data(warehouse)
    panels = build_panels(data)
    content = render(data, panels, datetime.now(UTC)).encode()
    write_output(page, content, database)
    written = []
    if figures is not None:
        _make_folder(figures)
        for picture in (picture for panel in panels for picture in panel.pictures):
            written.append(figures / f"{picture.name}.png")
            write_output(written[-1], picture.png(), database)
    return Report(page, len(content), written, data.has_reference, bool(data.trials))


def render(data: ReportData, panels: list[Panel], made_at: datetime) -> str:
    """Return the page as HTML; every text in it is escaped by the template engine."""
    environment = Environment(
        loader=PackageLoader("recsys.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = environment.get_template("report.css").render(colours=COLOURS)
    return environment.get_template("report.html").render(
        model=data.model,
        lineage=data.lineage,
        cards=_cards(data),
        sections=SECTIONS,
        panels=panels,
        origins=_origins(data),
        style_sheet=style,
        launcher=launcher(),
        made_at=made_at,
        version=version(DISTRIBUTION),
    )


def _cards(data: ReportData) -> list[tuple[str, str, str]]:
    """Return name, value and note of each figure at the top."""
    gain = gain_over_baseline(data)
    seen, model = data.funnel[-1], data.model
    trial_count = len(with_value(data.trials))
    return [
        ("RMSE on test", f"{bucket_rmse(data.test):.3f}", "stars"),
        (
            "Better than the damped bias by",
            f"{gain.value:.3f}",
            f"stars, 95 %: {gain.low:.3f} to {gain.high:.3f}",
        ),
        (
            "Ratings it sees",
            f"{seen['ratings']:,}",
            f"by {seen['users']:,} users on {seen['movies']:,} movies: train, valid and test",
        ),
        (
            "Network",
            f"{model['parameters']:,}",
            f"parameters, {model['preset']}, trained in {model['seconds']:.0f} s",
        ),
        ("Tuning", str(trial_count), "trials" if trial_count else "trials: not tuned yet"),
    ]


def _origins(data: ReportData) -> list[tuple[str, str]]:
    """Return what the model was made from, as names and values."""
    made = data.lineage
    return [
        *((f"{one['name']} file", _describe_source(one)) for one in data.sources),
        ("settings", _describe(made["settings"])),
        ("data fingerprint", made["data_fingerprint"]),
        ("SHA-256 of the SQL files", made["sql_sha256"]),
        ("model", f"{made['model_id']}, trained {made['created_at']:%Y-%m-%d %H:%M} UTC"),
        ("preset and seed", f"{made['preset']}, seed {made['seed']}, fitted on {made['fit_on']}"),
        ("study", made["study"] or "none: the preset's own configuration"),
        *(
            (f"hyperparameters, {name}", _describe(values))
            for name, values in json.loads(made["hyperparameters"]).items()
        ),
        ("trained on", f"{made['training_device']}, {made['seconds']:.1f} s"),
        ("scored by", made["provider"] or "not scored yet"),
        ("SHA-256 of the network", made["onnx_sha256"]),
        ("versions", _describe(made["versions"])),
    ]


def _describe_source(source: Mapping[str, Any]) -> str:
    kind = "generated" if source["is_synthetic"] else "read"
    return (
        f"{source['uri']}: {source['rows']:,} rows, {kind} {source['loaded_at']:%Y-%m-%d %H:%M} "
        f"UTC, SHA-256 {source['sha256']}"
    )


def _describe(values: str | Mapping[str, Any]) -> str:
    """Return a mapping, or JSON of one, as 'name value, name value'."""
    known = json.loads(values) if isinstance(values, str) else values
    return ", ".join(f"{name} {_plain(value)}" for name, value in known.items())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "-".join(str(one) for one in value)
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
