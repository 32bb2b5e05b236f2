"""The report: one HTML page that opens from disk and needs no network.

Flows in: a warehouse, opened read-only; nothing is trained and torch is not needed. Flows out:
the page, and PNG files of its pictures where they are wanted. The same warehouse gives the
same bytes, except for the time at its foot.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from recsys.data.warehouse import open_for_reading
from recsys.errors import OutputError
from recsys.report.accuracy import bucket_rmse, gain_over_baseline
from recsys.report.canvas import COLOURS, Picture
from recsys.report.data import Evidence, read_evidence
from recsys.report.exhibit import Exhibit, Grid, Section
from recsys.report.sections import arrange

_LARGE = 7.0  # inches: a picture that is wider takes a row of its own
_LAUNCHER = "python cli.py"


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
        evidence = read_evidence(warehouse)
    sections = arrange(evidence)
    text = render(evidence, sections, datetime.now(UTC))
    _write(page, text.encode())
    written = []
    if figures is not None:
        for picture in pictures_of(sections):
            written.append(figures / f"{picture.name}.png")
            _write(written[-1], picture.png(), makes_folder=True)
    return Report(page, page.stat().st_size, written, evidence.has_reference, bool(evidence.trials))


def pictures_of(sections: list[Section]) -> list[Picture]:
    """Return every picture of the report, in reading order."""
    return [
        picture
        for section in sections
        for exhibit in section.exhibits
        for picture in exhibit.pictures
    ]


def render(evidence: Evidence, sections: list[Section], made_at: datetime) -> str:
    """Return the page as HTML."""
    links = [*((one.name, one.heading) for one in sections), ("lineage", "Where it comes from")]
    navigation = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in links)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>recsys report: model {escape(evidence.model["model_id"])}</title>
<link rel="icon" href="data:,">
<style>
{_style_sheet()}</style>
</head>
<body>
<header>
<h1>What model {escape(evidence.model["model_id"])} learnt, and how well</h1>
<p class="muted">Errors are in stars: RMSE punishes large errors more than MAE. The network fits
<em>train</em>; <em>valid</em> chooses epochs and configurations; <em>test</em> only reports.</p>
{_render_warnings(evidence)}{_render_summary(evidence)}
</header>
<nav aria-label="Sections"><ul>{navigation}</ul></nav>
<main>
{"".join(_render_section(section) for section in sections)}
{_render_lineage(evidence)}
</main>
<footer>Made on <time datetime="{made_at:%Y-%m-%dT%H:%M:%SZ}">{made_at:%Y-%m-%d %H:%M} UTC</time>
by recsys {escape(version("recsys"))}, from the warehouse alone.</footer>
</body>
</html>
"""


def _style_sheet() -> str:
    text = files("recsys.report").joinpath("report.css").read_text("utf-8")
    light = " ".join(f"--{name}: {colour};" for name, colour, _ in COLOURS)
    dark = " ".join(f"--{name}: {colour};" for name, _, colour in COLOURS)
    return text.replace("@LIGHT@", light).replace("@DARK@", dark)


def _render_warnings(evidence: Evidence) -> str:
    notes = []
    if evidence.lineage["is_synthetic"]:
        notes.append("These ratings were generated, not given by people.")
    if evidence.lineage["is_stale"]:
        notes.append(
            "The data changed since this model was trained: run "
            f"<code>{_LAUNCHER} train</code> and make the report again."
        )
    return "".join(f'<p class="note">{note}</p>\n' for note in notes)


def _render_summary(evidence: Evidence) -> str:
    gain = gain_over_baseline(evidence)
    seen = evidence.funnel[-1]
    trials = [trial for trial in evidence.trials if trial["value"] is not None]
    cards = [
        ("RMSE on test", f"{bucket_rmse(evidence.test):.3f}", "stars"),
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
            f"{evidence.model['parameters']:,}",
            f"parameters, {evidence.model['preset']}, trained in {evidence.model['seconds']:.0f} s",
        ),
        ("Tuning", f"{len(trials)}", "trials" if trials else "trials: not tuned yet"),
    ]
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value} <small>{escape(note)}</small></dd></div>"
        for name, value, note in cards
    )
    return f'<dl class="cards">{items}</dl>'


def _render_section(section: Section) -> str:
    exhibits = "".join(_render_exhibit(exhibit) for exhibit in section.exhibits)
    return (
        f'<section id="{section.name}" aria-labelledby="{section.name}-heading">\n'
        f'<h2 id="{section.name}-heading">{escape(section.heading)}</h2>\n'
        f'<div class="exhibits">\n{exhibits}</div>\n</section>\n'
    )


def _render_exhibit(exhibit: Exhibit) -> str:
    is_large = any(picture.size[0] > _LARGE for picture in exhibit.pictures)
    is_single = len(exhibit.pictures) == 1 and not is_large
    has_open_grid = bool(exhibit.grids) and not exhibit.is_folded
    kinds = "exhibit"
    kinds += " single" if is_single else ""
    kinds += " wide" if has_open_grid or not is_single else ""
    several = len(exhibit.pictures) > 1
    pictures = "".join(_render_picture(one, exhibit, several) for one in exhibit.pictures)
    shown = f'<div class="pictures">{pictures}</div>\n' if pictures else ""
    grids = "".join(_render_grid(grid) for grid in exhibit.grids)
    if exhibit.is_folded:
        grids = f"<details><summary>The numbers</summary>{grids}</details>"
    sentences = "".join(f"<p>{escape(one)}</p>\n" for one in exhibit.finding.sentences)
    if exhibit.command:
        sentences += f"<p>Add it with <code>{_LAUNCHER} {escape(exhibit.command)}</code>.</p>\n"
    return (
        f'<figure class="{kinds}">\n'
        f"<h3>{escape(exhibit.finding.title)}</h3>\n{shown}"
        f"<figcaption>{sentences}"
        f"<small>From <code>{escape(exhibit.relations)}</code>.</small></figcaption>\n"
        f'<div class="grids">{grids}</div>\n</figure>\n'
    )


def _render_picture(picture: Picture, exhibit: Exhibit, several: bool) -> str:
    large = " large" if picture.size[0] > _LARGE else ""
    own = several and picture.title != exhibit.finding.title
    title = f"<strong>{escape(picture.title)}</strong>" if own else ""
    return (
        f'<div class="picture{large}" role="img" aria-label="{escape(picture.description)}">'
        f"{title}{picture.svg()}</div>\n"
    )


def _render_grid(grid: Grid) -> str:
    kinds = ["number" if name in grid.numbers else "" for name in grid.columns]
    classes = [f' class="{kind}"' if kind else "" for kind in kinds]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for name, kind in zip(grid.columns, classes, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{escape(value)}</td>" for value, kind in zip(row, classes, strict=True)
        )
        + "</tr>\n"
        for row in grid.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{escape(grid.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n"
    )


def _render_lineage(evidence: Evidence) -> str:
    made = evidence.lineage
    rows: list[tuple[str, object]] = [
        *((f"{one['name']} file", _describe_source(one)) for one in evidence.sources),
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
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>\n'
        for name, value in rows
    )
    return (
        '<section id="lineage" aria-labelledby="lineage-heading">\n'
        '<h2 id="lineage-heading">Where it comes from</h2>\n'
        '<div class="exhibit wide"><table class="lineage">'
        "<caption>From <code>model_lineage, sources</code>.</caption>"
        f"<tbody>{body}</tbody></table></div>\n</section>\n"
    )


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


def _write(path: Path, data: bytes, *, makes_folder: bool = False) -> None:
    try:
        if makes_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
