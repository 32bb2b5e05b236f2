"""What is installed, what works, and what to do about what does not.

Flows in: the path of a warehouse. Flows out: one row per thing looked at. It asks for the
version of torch and never imports it.
"""

import platform
from pathlib import Path

from recsys.config import DISTRIBUTION
from recsys.data.registry import find_model, is_trained_on
from recsys.data.rows import Rows
from recsys.data.versions import installed_versions
from recsys.data.warehouse import open_for_reading
from recsys.errors import RecsysError
from recsys.launcher import launcher
from recsys.serving.scoring import cuda_problem

_PACKAGES = (DISTRIBUTION, "click", "duckdb", "numpy", "onnxruntime")
# The base install serves without these.
_PACKAGES_OF_EXTRAS = {
    "matplotlib": "report",
    "onnx": "train",
    "optuna": "train",
    "torch": "train",
}

Row = dict[str, str | bool]
_COLUMNS = ("subject", "found", "is_ok", "remedy")


def diagnose(database: Path) -> Rows:
    """Return what was looked at, what was found, whether it is well and what to do."""
    packages = [_diagnose_package(name) for name in (*_PACKAGES, *_PACKAGES_OF_EXTRAS)]
    python = _row("python", platform.python_version())
    rows = [python, *packages, _diagnose_cuda(), *_diagnose_warehouse(database)]
    return Rows.from_records(_COLUMNS, rows)


def _row(subject: str, found: str, remedy: str = "") -> Row:
    return {"subject": subject, "found": found, "is_ok": not remedy, "remedy": remedy}


def _diagnose_package(name: str) -> Row:
    for distribution, version in installed_versions([name]).items():
        return _row(distribution, version)
    if name in _PACKAGES_OF_EXTRAS:
        return _row(name, f"not installed: only [{_PACKAGES_OF_EXTRAS[name]}] needs it")
    return _row(name, "missing", f"pip install {DISTRIBUTION}")


def _diagnose_cuda() -> Row:
    problem = cuda_problem()
    if problem is None:
        return _row("device", "CUDA works in onnxruntime")
    # A machine without CUDA is well: everything runs on the CPU.
    return _row("device", f"CPU: {problem}")


def _diagnose_warehouse(database: Path) -> list[Row]:
    try:
        with open_for_reading(database) as warehouse:
            source = warehouse.row("select_ratings_source")
            model = find_model(warehouse)
            is_fresh = model is not None and is_trained_on(warehouse, model.data_fingerprint)
    except RecsysError as error:
        return [_row("warehouse", error.what, error.remedy)]
    kind = "synthetic" if source["is_synthetic"] else "real"
    ratings = f"{source['rows']} {kind} ratings from {source['uri']}"
    if model is None:
        trained = _row("model", "none", f"{launcher()} train")
    elif not is_fresh:
        trained = _row("model", f"{model.model_id} is stale", f"{launcher()} train")
    else:
        trained = _row("model", f"{model.model_id} fits the data")
    return [_row("warehouse", str(database)), _row("source", ratings), trained]
