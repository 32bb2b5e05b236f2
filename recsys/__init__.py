"""Turn a ratings file into recommendations that live in SQL.

    import recsys

    recsys.build("warehouse.duckdb", source="auto")
    with recsys.open("warehouse.duckdb") as recommender:
        recommender.recommend(599, n=5)

What is named in `__all__` is public. Each name is imported when it is first used, so that
`import recsys` loads neither torch nor onnxruntime nor matplotlib.

A rating travels through the rooms in this order: data, learning, serving, report; `pipeline`
leads it, `tuning` and `cli` stand above.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys.config import TrainingOptions
    from recsys.data.rows import Rows
    from recsys.errors import RecsysError
    from recsys.pipeline import BuildResult, TrainingOutcome, build, train
    from recsys.serving.recommender import Recommender

    open = Recommender

__all__ = [
    "BuildResult",
    "Recommender",
    "RecsysError",
    "Rows",
    "TrainingOptions",
    "TrainingOutcome",
    "build",
    "open",
    "train",
]

_HOMES = {
    "BuildResult": "recsys.pipeline",
    "Recommender": "recsys.serving.recommender",
    "RecsysError": "recsys.errors",
    "Rows": "recsys.data.rows",
    "TrainingOptions": "recsys.config",
    "TrainingOutcome": "recsys.pipeline",
    "build": "recsys.pipeline",
    "train": "recsys.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name == "open":  # the builtin stays what it is inside the package
        name = "Recommender"
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from recsys.errors import missing_packages_named

    with missing_packages_named():
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
