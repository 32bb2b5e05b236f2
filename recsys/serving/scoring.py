"""Predicted ratings from a stored model, by onnxruntime on CUDA or CPU.

Flows in: a model of the registry and pairs of its rows. Flows out: ratings in stars. The
only module that imports onnxruntime.
"""

import contextlib
import ctypes
import io
import os
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Ids, Indices, Vectors
from recsys.data.registry import StoredModel
from recsys.errors import DeviceError, ModelDamagedError, RecsysError

# Throughput peaks where inputs and activations of one call fit the cache.
ROWS_PER_CALL = 8_192
_FATAL_ONLY = 4
_INPUTS = {"user_index": "tensor(int64)", "movie_index": "tensor(int64)"}
_OUTPUTS = {"rating": "tensor(float)"}
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_DRIVER = "libcuda.so.1"
_CUDNN = "libcudnn.so.9"


class Scorer:
    """An onnxruntime session over one network.

    Args:
        onnx: the network; inputs user_index and movie_index, output rating.
        device: 'auto', 'cpu' or 'cuda'. 'auto' uses CUDA only where it really loads.

    Raises:
        DeviceError: 'cuda' was asked for and cannot be used.
        ValueError: it has other inputs or outputs.
    """

    def __init__(self, onnx: bytes, device: str = "auto") -> None:
        onnxruntime = _import_onnxruntime()
        wanted = _wanted_provider(device)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL_ONLY
        # Spinning threads cost the other processes of this machine more than they gain.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [_CUDA, _CPU] if wanted == _CUDA else [_CPU]
        self._session = onnxruntime.InferenceSession(onnx, options, providers=providers)
        inputs = {one.name: one.type for one in self._session.get_inputs()}
        outputs = {one.name: one.type for one in self._session.get_outputs()}
        if (inputs, outputs) != (_INPUTS, _OUTPUTS):
            raise ValueError(f"its inputs and outputs are {inputs} and {outputs}")
        self.provider: str = self._session.get_providers()[0]
        if device == "cuda" and self.provider != _CUDA:
            raise DeviceError("onnxruntime fell back to the CPU")

    def predict(
        self, user_index: NDArray[np.integer], movie_index: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """Return the predicted rating (stars) of each pair of model rows.

        Args:
            user_index: rows of the user embedding, shape (rows,).
            movie_index: rows of the movie embedding, shape (rows,).

        Returns:
            Ratings inside the model's scale, shape (rows,). Every index must be one that
            the model has: take them from `Entities.indices_of`.
        """
        users = np.ascontiguousarray(user_index, np.int64)
        movies = np.ascontiguousarray(movie_index, np.int64)
        ratings = np.empty(len(users), np.float32)
        for start in range(0, len(users), ROWS_PER_CALL):
            rows = slice(start, start + ROWS_PER_CALL)
            feed = {"user_index": users[rows], "movie_index": movies[rows]}
            ratings[rows] = self._session.run(["rating"], feed)[0]
        return ratings


@dataclass(frozen=True)
class LoadedModel:
    """A stored model with the session that scores for it."""

    stored: StoredModel
    scorer: Scorer

    def predict_ids(self, user_ids: Ids, movie_ids: Ids) -> Vectors:
        """Return the predicted rating (stars) of each (user, movie) pair, shape (rows,).

        Raises:
            UnknownIdError: the model has never seen a user or a movie.
        """
        return self.scorer.predict(
            self.stored.users.indices_of(user_ids),
            self.stored.movies.indices_of(movie_ids),
        )

    def predict_table(self, user_index: Indices) -> Vectors:
        """Return the ratings (stars) of some users for all movies of the model.

        Args:
            user_index: rows of the user embedding, shape (users,).

        Returns:
            Shape (users, movies), columns in the order of the movie index.
        """
        movie_count = len(self.stored.movies.ids)
        users = np.repeat(user_index, movie_count)
        movies = np.tile(np.arange(movie_count), len(user_index))
        return self.scorer.predict(users, movies).reshape(len(user_index), movie_count)


def load_scorer(model: StoredModel, device: str = "auto") -> LoadedModel:
    """Open a stored model for scoring.

    Raises:
        DeviceError: 'cuda' was asked for and cannot be used.
        ModelDamagedError: it is no network that predicts ratings.
    """
    try:
        return LoadedModel(model, Scorer(model.onnx, device))
    except RecsysError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelDamagedError(model.model_id, reason) from error


def _import_onnxruntime() -> ModuleType:
    """Import onnxruntime when it is needed: what the tables hold is served without it.

    It would send telemetry to its maker; only the environment, before its first import, stops
    that. Whoever has set the variable is left alone.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    module: ModuleType = onnxruntime
    return module


def _wanted_provider(device: str) -> str:
    if device == "cpu":
        return _CPU
    problem = cuda_problem()
    if problem is None:
        return _CUDA
    if device == "cuda":
        raise DeviceError(problem)
    return _CPU


def cuda_problem() -> str | None:
    """Say why onnxruntime cannot use CUDA here; None if it can.

    The libraries are tried before onnxruntime is asked: asking it in vain prints errors.
    """
    onnxruntime = _import_onnxruntime()
    if _CUDA not in onnxruntime.get_available_providers():
        return "this onnxruntime was built without CUDA"
    if not _loads(_DRIVER):
        return f"there is no NVIDIA driver ({_DRIVER} does not load)"
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        onnxruntime.preload_dlls()
    failures = [line for line in said.getvalue().splitlines() if "Failed" in line]
    if failures:
        return failures[0]
    return None if _loads(_CUDNN) else f"cuDNN is missing ({_CUDNN} does not load)"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
