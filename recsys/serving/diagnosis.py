"""What is installed, what works, and what to do about what does not.

Flows in: the path of a warehouse. Flows out: findings, one per thing looked at. Never
imports torch: it only asks for its version.
"""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from recsys.data.registry import find_model, is_trained_on
from recsys.data.warehouse import open_for_reading
from recsys.errors import RecsysError
from recsys.serving.scoring import cuda_problem

_PACKAGES = (
    "recsys",
    "duckdb",
    "torch",
    "onnx",
    "onnxruntime-gpu",
    "numpy",
    "matplotlib",
    "optuna",
    "click",
)

Finding = dict[str, str | bool]


def diagnose(database: Path) -> list[Finding]:
    """Return what was looked at, what was found, whether it is well and what to do."""
    packages = [_diagnose_package(name) for name in _PACKAGES]
    python = _finding("python", platform.python_version())
    return [python, *packages, _diagnose_cuda(), *_diagnose_warehouse(database)]


def _finding(subject: str, found: str, remedy: str = "") -> Finding:
    return {"subject": subject, "found": found, "is_ok": not remedy, "remedy": remedy}


def _diagnose_package(name: str) -> Finding:
    try:
        return _finding(name, version(name))
    except PackageNotFoundError:
        return _finding(name, "missing", "pip install -c constraints.txt -e .")


def _diagnose_cuda() -> Finding:
    problem = cuda_problem()
    if problem is None:
        return _finding("device", "CUDA works in onnxruntime")
    # A machine without CUDA is well: everything runs on the CPU.
    return _finding("device", f"CPU: {problem}")


def _diagnose_warehouse(database: Path) -> list[Finding]:
    try:
        with open_for_reading(database) as warehouse:
            source = warehouse.row("select_ratings_source")
            model = find_model(warehouse)
            is_fresh = model is not None and is_trained_on(warehouse, model.data_fingerprint)
    except RecsysError as error:
        return [_finding("warehouse", error.what, error.remedy)]
    kind = "synthetic" if source["is_synthetic"] else "real"
    ratings = f"{source['rows']} {kind} ratings from {source['uri']}"
    if model is None:
        trained = _finding("model", "none", "python cli.py train")
    elif not is_fresh:
        trained = _finding("model", f"{model.model_id} is stale", "python cli.py train")
    else:
        trained = _finding("model", f"{model.model_id} fits the data")
    return [_finding("warehouse", str(database)), _finding("source", ratings), trained]
