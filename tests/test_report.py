"""The page: complete, self-contained, honest about sums, and the same every time."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import NoModelError, OutputError
from recsys.launcher import launcher
from recsys.report.commentary_accuracy import bucket_rmse
from recsys.report.data import ReportData, read_report_data
from recsys.report.page import render, write_report
from recsys.report.panels import build_panels
from recsys.tuning.trial_log import TrialRecord, store_trials

MADE_AT = datetime(2024, 5, 6, 7, 8, tzinfo=UTC)
SECTIONS = ["data", "learning", "evaluation", "errors", "examples", "map", "tuning", "lineage"]
VOID = {"meta", "link", "br", "path", "use", "rect", "circle", "line", "image"}


@pytest.fixture
def data(built: Path) -> ReportData:
    with open_for_reading(built) as warehouse:
        return read_report_data(warehouse)


@pytest.fixture
def page(data: ReportData) -> str:
    return render(data, build_panels(data), MADE_AT)


def change(path: Path, statement: str) -> None:
    file = path.with_name("change.sql")
    file.write_text(statement)
    with open_for_writing(path) as warehouse:
        warehouse.run_file(file)


def page_of(path: Path) -> str:
    with open_for_reading(path) as warehouse:
        found = read_report_data(warehouse)
    return render(found, build_panels(found), MADE_AT)


class Reader(HTMLParser):
    """Check that elements are closed in order, and collect attributes and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_every_section_is_there_and_linked(page: str) -> None:
    reader = read(page)
    identifiers = [value for name, value in reader.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    for section in SECTIONS:
        assert section in identifiers
        assert f'href="#{section}"' in page


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    loading = {"src", "href", "xlink:href", "data", "srcset", "action"}
    for name, value in read(page).attributes:
        if name in loading:
            assert value is not None
            assert value.startswith(("#", "data:")), value
    assert "<script" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_every_picture_says_in_words_what_it_shows(data: ReportData, page: str) -> None:
    pictures = [picture for panel in build_panels(data) for picture in panel.pictures]
    assert len(pictures) >= 10
    assert page.count('role="img" aria-label="') == len(pictures)
    assert len({picture.name for picture in pictures}) == len(pictures)
    assert page.count("<figcaption>") == page.count("<figure")
    assert page.count("<caption>") == page.count("<table")


def test_buckets_add_up_to_the_whole_exactly(data: ReportData) -> None:
    for dimension in ("rating", "user activity", "movie popularity"):
        rows = [row for row in data.buckets if row["dimension"] == dimension]
        assert len(rows) > 1
        assert sum(row["rating_count"] for row in rows) == data.test["rating_count"]
        assert sum(row["squared_error"] for row in rows) == data.test["squared_error"]


def test_the_whole_is_the_error_in_the_evaluation(data: ReportData) -> None:
    stored = next(
        row
        for row in data.evaluation
        if row["split"] == "test" and row["model_id"] == data.model["model_id"]
    )
    assert bucket_rmse(data.test) == pytest.approx(stored["rmse"], abs=1e-9)
    assert data.test["mae"] == pytest.approx(stored["mae"], abs=1e-6)


def test_the_same_warehouse_gives_the_same_page(built: Path, page: str) -> None:
    assert page_of(built) == page


def test_the_page_is_small(page: str) -> None:
    assert len(page.encode()) < 2_000_000


def test_titles_are_escaped(built: Path) -> None:
    change(
        built,
        "update raw_movies set title = '<script>alert(1)</script> & $5 (1999)';"
        "update predictions set title = '<img src=x onerror=y>';",
    )
    page = page_of(built)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_without_the_notebook_the_page_says_how_to_add_it(page: str) -> None:
    assert f"{launcher()} train --preset notebook --promote never" in page


def test_without_trials_the_page_says_how_to_get_them(page: str) -> None:
    assert "Nothing was tuned yet" in page
    assert f"{launcher()} tune --trials 30" in page


def test_the_notebook_stands_beside_the_current_model(built: Path) -> None:
    copied = """
        insert into models
        select * replace ('copy' as model_id, false as is_current, 'notebook' as preset)
        from models where is_current;
        insert into training_history
        select * replace ('copy' as model_id, valid_rmse + epoch / 10 as valid_rmse,
            valid_loss + epoch / 10 as valid_loss, train_loss / epoch as train_loss)
        from training_history;
    """
    change(built, copied)
    page = page_of(built)
    assert "The notebook network overfits" in page
    assert "Notebook: validation turned at epoch" in page
    assert "loss-reference" in page


def test_what_taught_the_network_is_told_if_anything_did(built: Path, page: str) -> None:
    assert "Gaussian models that were tried" in page
    assert "users by ratings alone" in page
    change(built, "delete from teacher_models")
    assert "Gaussian" not in page_of(built)


def test_trials_are_explained(built: Path, data: ReportData) -> None:
    records = [
        TrialRecord(
            number=number,
            state="pruned" if number % 4 == 3 else "complete",
            value=0.8 - number / 100 if number != 2 else float("nan"),
            hyperparameters={"dropout": number / 20, "hidden_sizes": "32"},
            epochs=5,
            seconds=1.0,
            started_at=datetime(2024, 1, 1, 0, number),
        )
        for number in range(12)
    ]
    store_trials(built, data.lineage["data_fingerprint"], "a-study", records)
    page = page_of(built)
    assert "The best of 11 trials is 0.1100 stars better than the first" in page
    assert "What mattered most: dropout" in page
    assert "Larger is better" in page
    assert "tuning-dropout" in page


def test_lineage_names_what_the_model_was_made_from(data: ReportData, page: str) -> None:
    text = "".join(read(page).texts)
    made = data.lineage
    for fact in (made["onnx_sha256"], made["data_fingerprint"], made["source_sha256"]):
        assert fact in text
    for name in ("split_seed", "top_movies", "torch", "learning_rate", made["provider"]):
        assert name in text


def test_generated_and_stale_data_are_announced(built: Path, page: str) -> None:
    assert "These ratings were generated" in page
    assert "changed since this model was trained" not in page
    change(built, "update settings set split_seed = 43;")
    assert "changed since this model was trained" in page_of(built)


def test_figures_are_written_as_png(built: Path, tmp_path: Path) -> None:
    written = write_report(built, tmp_path / "page.html", tmp_path / "figures")
    assert written.page.stat().st_size == written.size
    assert {file.suffix for file in written.figures} == {".png"}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in written.figures)


def test_a_page_that_cannot_be_written_is_foreseen(built: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_report(built, tmp_path / "nowhere" / "page.html")


def test_without_a_model_there_is_nothing_to_report(built: Path, tmp_path: Path) -> None:
    change(built, "delete from models;")
    with pytest.raises(NoModelError):
        write_report(built, tmp_path / "page.html")


def test_the_command_writes_the_page_without_torch_and_read_only(
    built: Path, recsys: Any, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked" / "torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('torch is not needed here')")
    built.chmod(0o444)
    before = built.read_bytes()
    done = recsys("--database", str(built), "report", PYTHONPATH=str(blocked.parent))
    assert done.exit_code == 0, done.stderr
    assert re.fullmatch(r"report\.html: \d+ kB\.\n", done.stdout)
    assert "train --preset notebook --promote never" in done.stderr
    assert Path("report.html").read_text().startswith("<!doctype html>")
    assert built.read_bytes() == before
