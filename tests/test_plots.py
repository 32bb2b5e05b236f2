"""Pictures: as SVG that follows the page, and as PNG; the same data give the same bytes."""

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import partial

import numpy as np
import pytest

from recsys.report import model_charts, tuning_charts
from recsys.report.canvas import COLOURS, Picture
from recsys.report.data import LearningCurve
from recsys.tuning.importance import measure_importance


def curve(valid: list[float], kept: int) -> LearningCurve:
    rmse = np.array(valid)
    return LearningCurve("direct", "m", False, kept, rmse**2 / 2, rmse**2, rmse, rmse * 0.8)


def losses(name: str = "loss", title: str = "It fell") -> Picture:
    draw = partial(model_charts.draw_losses, curve=curve([1.0, 0.8, 0.9], 3), top=1.1)
    return Picture(name, title, "Lines.", draw)


def trials() -> list[dict[str, object]]:
    return [
        {
            "number": number,
            "state": ("complete", "pruned", "failed")[number % 3],
            "value": 0.7 + number / 1000,
            "hyperparameters": {"size": number + 1, "kind": "ab"[number % 2]},
        }
        for number in range(12)
    ]


def test_an_svg_is_well_formed_and_has_no_size_of_its_own() -> None:
    root = ElementTree.fromstring(losses().svg())
    assert root.tag.endswith("svg")
    assert "width" not in root.attrib
    assert root.attrib["viewBox"]


def test_an_svg_takes_its_colours_from_the_page() -> None:
    svg = losses().svg()
    known = {f"var(--{name})" for name, *_ in COLOURS}
    assert {"var(--ink)", "var(--blue)", "var(--orange)"} <= set(re.findall(r"var\(--\w+\)", svg))
    assert set(re.findall(r"var\(--\w+\)", svg)) <= known
    assert not re.search(r"(fill|stroke): #(?!f{6}|0{6})[0-9a-f]{6}", svg)


def test_texts_stay_texts_and_dollars_are_no_formulas() -> None:
    def draw(axes) -> None:
        axes.plot([0, 1])
        axes.set_xlabel("$5 a Day & <b> costs $5")

    svg = Picture("dollars", "t", "d", draw).svg()
    assert "$5 a Day &amp; &lt;b&gt; costs $5" in svg


def test_two_pictures_share_no_identifier() -> None:
    first, second = (set(re.findall(r'\bid="([^"]+)"', losses(n).svg())) for n in ("a", "b"))
    assert first
    assert not first & second


def test_references_inside_a_picture_resolve() -> None:
    svg = losses().svg()
    known = set(re.findall(r'\bid="([^"]+)"', svg))
    used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
    assert used <= known


def test_the_same_data_give_the_same_bytes() -> None:
    assert losses().svg() == losses().svg()
    assert losses().png() == losses().png()


def test_a_png_has_the_size_that_was_asked_for() -> None:
    data = losses().png()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (int(5.6 * 144), int(3.7 * 144))


def test_a_title_without_a_glyph_warns_nobody() -> None:
    assert losses(title="七人の侍").png()


def test_the_settings_of_the_user_stay_as_they_are() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    losses().svg()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("values", [[1.0, np.inf, np.nan], [0.9], [0.7, 0.7, 0.7]])
def test_unusual_histories_can_be_drawn(values: list[float]) -> None:
    for draw, limit in ((model_charts.draw_losses, "top"), (model_charts.draw_errors, "limits")):
        value = 1.5 if limit == "top" else (0.5, 1.5)
        drawn = partial(draw, curve=curve(values, 1), **{limit: value})
        assert Picture("x", "t", "d", drawn).svg()


def test_trials_can_be_drawn_by_number_and_by_word() -> None:
    importances = measure_importance(trials())
    assert importances is not None
    for one in importances.ranked:
        drawn = partial(tuning_charts.draw_slice, trials=trials(), importance=one)
        assert "pruned" in Picture("slice", "t", "d", drawn).svg()
    drawn = partial(tuning_charts.draw_importances, importances=importances)
    assert "chance" in Picture("bars", "t", "d", drawn).svg()
    drawn = partial(tuning_charts.draw_history, trials=trials())
    assert "best so far" in Picture("history", "t", "d", drawn).svg()


def test_a_logarithmic_axis_has_plain_numbers() -> None:
    made = [
        trial | {"hyperparameters": {"rate": 10.0 ** -(number % 4)}}
        for number, trial in enumerate(trials())
    ]
    importances = measure_importance(made)
    assert importances is not None
    drawn = partial(tuning_charts.draw_slice, trials=made, importance=importances.ranked[0])
    svg = Picture("slice", "t", "d", drawn).svg()
    assert "mathdefault" not in svg
    assert ">0.001<" in svg


def test_one_trial_can_be_drawn() -> None:
    drawn = partial(tuning_charts.draw_history, trials=trials()[:1])
    assert Picture("history", "t", "d", drawn).svg()


def test_pictures_need_neither_torch_nor_a_display() -> None:
    code = (
        "import sys, recsys.report.page; "
        "assert not {'torch', 'optuna', 'onnxruntime', 'tkinter'} & set(sys.modules); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
