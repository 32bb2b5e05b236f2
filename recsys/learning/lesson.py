"""The lesson of a network: the ratings that it is to reproduce, known or expected by a teacher.

Flows in: a `Dataset`. Flows out: a `Lesson`, pairs of user and movie with the value to learn.
The next file is `training.py`.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.teacher import (
    OnModel,
    Teacher,
    affordable_sides,
    fit_teacher,
    refit_table,
    unheard,
)

_MOST_CELLS = 4_000_000  # of a teacher's table


@dataclass(frozen=True)
class Lesson:
    """What the network is to reproduce, and where it starts.

    Args:
        cells: pairs with the value to learn: known ratings, or a teacher's for all pairs.
        teacher: who said so; None without one.
    """

    cells: Interactions
    teacher: Teacher | None = None


def can_distil(dataset: Dataset) -> bool:
    """Say whether a teacher for these data fits memory and a few minutes."""
    users, movies = len(dataset.user_ids), len(dataset.movie_ids)
    if users * movies > _MOST_CELLS:
        return False
    return bool(
        affordable_sides(
            dataset.train.user_index.bincount(minlength=users).cpu().numpy(),
            dataset.train.movie_index.bincount(minlength=movies).cpu().numpy(),
        )
    )


def teach(dataset: Dataset, on_model: OnModel = unheard) -> Teacher:
    """Fit a teacher to train; it depends on the data alone, so that trainings can share it."""
    known, held_out = (_as_table(dataset, part) for part in (dataset.train, dataset.valid))
    return fit_teacher(known, held_out, dataset.description, on_model=on_model)


def prepare_lesson(dataset: Dataset, teacher: Teacher | None) -> Lesson:
    """Return the known ratings, or what a teacher fitted to them says of every pair."""
    if teacher is None:
        return Lesson(dataset.train)
    users, movies = np.indices(teacher.table.shape).reshape(2, -1)
    device = dataset.train.rating.device
    return Lesson(
        Interactions(
            torch.from_numpy(users).to(device),
            torch.from_numpy(movies).to(device),
            torch.from_numpy(teacher.table.ravel()).to(device, torch.float32),
        ),
        teacher,
    )


def teach_more(teacher: Teacher | None, dataset: Dataset) -> Teacher | None:
    """Return the same teacher, fitted to more train ratings."""
    if teacher is None:
        return None
    return replace(teacher, table=refit_table(teacher, _as_table(dataset, dataset.train)))


def _as_table(dataset: Dataset, ratings: Interactions) -> NDArray[np.float64]:
    """Return ratings as a table, shape (users, movies), NaN where there is none."""
    table = np.full((len(dataset.user_ids), len(dataset.movie_ids)), np.nan)
    rows, columns = ratings.user_index.cpu().numpy(), ratings.movie_index.cpu().numpy()
    table[rows, columns] = ratings.rating.cpu().numpy()
    return table
