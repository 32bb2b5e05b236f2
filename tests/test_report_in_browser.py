"""The page as a browser shows it: nothing missing, nothing cut off, nothing on the console."""

import html
import json
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from recsys.data.warehouse import open_for_reading
from recsys.report.data import read_report_data
from recsys.report.page import write_report
from recsys.tuning.trial_log import TrialRecord, store_trials

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
OPTIONS = (
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
    "--window-size=1600,1200",
)
WIDTHS = (400, 1400)

# What is wider than its box, unless an ancestor scrolls, as wide tables and the map may.
MEASURE = """
function scrolls(one, view) {
  for (; one; one = one.parentElement)
    if (["auto", "scroll"].includes(view.getComputedStyle(one).overflowX)) return true;
  return false;
}
function measure(frame) {
  const view = frame.contentWindow, page = frame.contentDocument, root = page.documentElement;
  const box = one => one.getBoundingClientRect();
  return {
    width: root.clientWidth,
    content: root.scrollWidth,
    figures: [...page.querySelectorAll("figure")].map(one => [box(one).width, box(one).height]),
    pictures: [...page.querySelectorAll(".picture svg")].map(
      one => [box(one).width, box(one).height]),
    overflowing: [...page.body.querySelectorAll("*")]
      .filter(one => !one.closest("svg") && !scrolls(one, view))
      .filter(one => box(one).right > root.clientWidth + 1 || box(one).left < -1
        || (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0))
      .map(one => `${one.tagName} ${one.className}: ${one.textContent.slice(0, 60)}`),
    ink: view.getComputedStyle(page.querySelector(".picture svg text")).fill,
  };
}
window.onload = () => {
  const found = [...document.querySelectorAll("iframe")].map(measure);
  document.getElementById("measured").textContent = JSON.stringify(found);
};
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
]


@pytest.fixture
def page(built: Path, tmp_path: Path) -> str:
    """Return a page with every section filled."""
    with open_for_reading(built) as warehouse:
        fingerprint = read_report_data(warehouse).lineage["data_fingerprint"]
    records = [
        TrialRecord(
            number=number,
            state="complete",
            value=0.8 - number / 100,
            hyperparameters={"dropout": number / 20, "learning_rate": 10**-number},
            epochs=5,
            seconds=1.0,
            started_at=datetime(2024, 1, 1, 0, number),
        )
        for number in range(12)
    ]
    store_trials(built, fingerprint, "a-study", records)
    return write_report(built, tmp_path / "report.html").page.read_text("utf-8")


def look_at(page: str, folder: Path) -> tuple[list[dict[str, Any]], str]:
    """Show the page at every width; return what was measured, and the browser's log.

    A frame has the width that it is given, while a window has a smallest one. The page in
    it is untouched; what measures it stands outside.
    """
    frames = "".join(
        f'<iframe srcdoc="{html.escape(page)}" width="{width}" height="900" '
        'style="border: 0"></iframe>'
        for width in WIDTHS
    )
    file = folder / "frames.html"
    file.write_text(
        f"<!doctype html><meta charset=utf-8><link rel=icon href='data:,'>{frames}"
        f"<pre id=measured></pre><script>{MEASURE}</script>",
        encoding="utf-8",
    )
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, *OPTIONS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    return json.loads(html.unescape(found[1])), done.stderr


def test_the_page_fits_and_nothing_is_missing(page: str, tmp_path: Path) -> None:
    measured, log = look_at(page, tmp_path)
    assert "CONSOLE" not in log, log
    assert [one["width"] for one in measured] == list(WIDTHS)
    for one in measured:
        assert one["content"] <= one["width"], one["overflowing"]
        assert one["overflowing"] == []
        assert len(one["figures"]) >= 12
        assert len(one["pictures"]) == page.count('role="img"')
        assert all(width > 250 and height > 40 for width, height in one["figures"])
        assert all(width > 200 and height > 100 for width, height in one["pictures"])
        assert one["ink"].startswith("rgb"), "the colours of the page do not reach the pictures"


def test_what_is_measured_would_be_noticed(page: str, tmp_path: Path) -> None:
    wide = page.replace("</h1>", " " + "x" * 300 + "</h1>").replace("overflow-wrap: break-word", "")
    broken = wide.replace("<main>", "<main><img src='https://nowhere.invalid/x.png'>")
    measured, log = look_at(broken, tmp_path)
    assert "CONSOLE" in log
    assert measured[0]["content"] > measured[0]["width"]
    assert any(one.startswith("H1") for one in measured[0]["overflowing"])
