"""The log of tuning: trials as rows of the warehouse.

Flows in: records of trials. Flows out: rows of `trials`, written in one short transaction, so
that others can read during a long search.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from recsys.data.registry import is_trained_on
from recsys.data.warehouse import open_for_writing
from recsys.errors import WarehouseChangedError


@dataclass(frozen=True)
class TrialRecord:
    """One row of `trials`; what is not known yet is not a finite number."""

    number: int
    state: str
    value: float
    hyperparameters: Mapping[str, Any]
    epochs: int
    seconds: float
    started_at: datetime


def store_trials(
    path: Path, data_fingerprint: str, study: str, records: Sequence[TrialRecord]
) -> None:
    """Replace the rows of a study.

    Raises:
        WarehouseLockedError: somebody has the warehouse open.
        WarehouseChangedError: the data are not those that were tuned on any more.
    """
    with open_for_writing(path) as warehouse:
        if not is_trained_on(warehouse, data_fingerprint):
            raise WarehouseChangedError(path)
        with warehouse.transaction():
            warehouse.run("delete_trials", study=study)
            if records:
                warehouse.append("insert_trials", "new_trials", _as_columns(study, records))


def utc(local: datetime | None) -> datetime:
    """Return a moment of this machine's clock in UTC; a trial that never began begins now."""
    return (local or datetime.now()).astimezone(UTC).replace(tzinfo=None)


def _as_columns(study: str, records: Sequence[TrialRecord]) -> dict[str, Any]:
    settings = [json.dumps(one.hyperparameters, sort_keys=True) for one in records]
    return {
        "study": np.full(len(records), study),
        "number": np.array([one.number for one in records]),
        "state": np.array([one.state for one in records]),
        "value": np.array([one.value for one in records], np.float64),
        "hyperparameters": np.array(settings),
        "epochs": np.array([one.epochs for one in records]),
        "seconds": np.array([one.seconds for one in records], np.float64),
        "started_at": np.array([one.started_at for one in records], "datetime64[us]"),
    }
