"""Export: a trained network as ONNX bytes that provably compute the same.

Flows in: a `Fit`. Flows out: a `NewModel` for the registry. The next file is
`registry.py`.
"""

import contextlib
import copy
import hashlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from recsys.arrays import Ids
from recsys.config import NetworkConfig, TrainingConfig
from recsys.data.registry import Entities, NewModel, Parity, Residuals, TeacherModel
from recsys.errors import ExportMismatchError
from recsys.learning.dataset import Dataset
from recsys.learning.network import FoldedNetwork, RatingNetwork, weights_of
from recsys.learning.teacher import Teacher
from recsys.learning.training import Fit
from recsys.serving.scoring import Scorer, cuda_problem

TOLERANCE = 1e-5  # stars
CUDA_TOLERANCE = 1e-4  # stars; CUDA multiplies in another order and precision
_ROWS_AT_ONCE = 65_536
_BATCH_SIZES = (1, 2, 7, 4096)
Predict = Callable[[Ids, Ids], NDArray[np.float32]]

_PACKAGES = ("recsys", "duckdb", "torch", "onnx", "onnxruntime-gpu", "numpy")


def export_model(
    fit: Fit,
    dataset: Dataset,
    network_config: NetworkConfig,
    config: TrainingConfig,
    preset: str,
    fit_on: str,
) -> NewModel:
    """Return a trained network as the registry stores it.

    Raises:
        ExportMismatchError: onnxruntime and torch differ by more than TOLERANCE.
    """
    device = str(fit.network.lowest.device.type)
    network = copy.deepcopy(fit.network).cpu()
    hyperparameters = _hyperparameters(fit, dataset, network_config, config)
    model_id = _identify(network, hyperparameters, dataset.fingerprint, fit_on)
    onnx_bytes = export_network(
        network,
        {
            "model_id": model_id,
            "data_fingerprint": dataset.fingerprint,
            "lowest_rating": str(dataset.lowest_rating),
            "highest_rating": str(dataset.highest_rating),
            "user_count": str(len(dataset.user_ids)),
            "movie_count": str(len(dataset.movie_ids)),
        },
    )
    parity = verify_export(network, onnx_bytes, dataset)
    return NewModel(
        model_id=model_id,
        preset=preset,
        onnx=onnx_bytes,
        onnx_sha256=hashlib.sha256(onnx_bytes).hexdigest(),
        data_fingerprint=dataset.fingerprint,
        hyperparameters=hyperparameters,
        seed=config.seed,
        fit_on=fit_on,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        best_epoch=fit.best_epoch,
        valid_rmse=fit.valid_rmse,
        lowest_rating=dataset.lowest_rating,
        highest_rating=dataset.highest_rating,
        training_device=device,
        seconds=fit.seconds,
        versions=_package_versions(),
        history=fit.history,
        teacher_models=_teacher_models(fit.teacher),
        users=Entities("user", dataset.user_ids, network.user_embedding.weight.detach().numpy()),
        movies=Entities(
            "movie", dataset.movie_ids, network.movie_embedding.weight.detach().numpy()
        ),
        weights=weights_of(FoldedNetwork(network)),
        residuals=Residuals(
            dataset.user_ids[dataset.valid.user_index.cpu().numpy()],
            dataset.movie_ids[dataset.valid.movie_index.cpu().numpy()],
            fit.valid_residuals,
        ),
        parity=parity,
    )


def export_network(network: RatingNetwork, metadata: dict[str, str]) -> bytes:
    """Return a network, on the CPU, as an ONNX file with a dynamic batch.

    Inputs are user_index and movie_index, int64 of shape (batch,); the output is rating,
    float32 of shape (batch,), in stars. The same network gives the same bytes.
    """
    folded = FoldedNetwork(network).eval()
    batch = torch.export.Dim("batch")
    # Two different tensors of two rows: equal ones would be merged into one input, and a
    # batch of one would be compiled in.
    example = (torch.tensor([0, 0]), torch.tensor([0, 0]))
    with _silenced():
        program = torch.onnx.export(
            folded,
            example,
            input_names=["user_index", "movie_index"],
            output_names=["rating"],
            dynamic_shapes=({0: batch}, {0: batch}),
            dynamo=True,
            external_data=False,
            optimize=True,
            verbose=False,
        )
    assert program is not None  # it is None only where dynamo is off
    model = program.model_proto
    _forget_origins(model)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def verify_export(network: RatingNetwork, onnx_bytes: bytes, dataset: Dataset) -> list[Parity]:
    """Compare what will be served with the trained network, on every rating and batch size.

    Returns:
        How closely the folded network and each provider of onnxruntime reproduce it.

    Raises:
        ExportMismatchError: one differs by more than is allowed somewhere.
    """
    folded = FoldedNetwork(network)
    runtimes: dict[str, tuple[Predict, float]] = {
        "torch": (lambda users, movies: _run(folded, users, movies), TOLERANCE),
        "onnxruntime-cpu": (Scorer(onnx_bytes, "cpu").predict, TOLERANCE),
    }
    if cuda_problem() is None:
        runtimes["onnxruntime-cuda"] = (Scorer(onnx_bytes, "cuda").predict, CUDA_TOLERANCE)
    batches = list(_batches(dataset))
    return [
        _compare(network, runtime, predict, tolerance, batches)
        for runtime, (predict, tolerance) in runtimes.items()
    ]


def _batches(dataset: Dataset) -> Iterator[tuple[str, Ids, Ids]]:
    """Yield what to compare on: a name, user indices, movie indices."""
    for name in ("train", "valid", "test"):
        rows = getattr(dataset, name)
        yield f"the {name} rows", rows.user_index.cpu().numpy(), rows.movie_index.cpu().numpy()
    generator = np.random.default_rng(0)
    for size in _BATCH_SIZES:
        users = generator.integers(len(dataset.user_ids), size=size)
        yield f"a batch of {size}", users, generator.integers(len(dataset.movie_ids), size=size)


def _compare(
    network: RatingNetwork,
    runtime: str,
    predict: Predict,
    tolerance: float,
    batches: list[tuple[str, Ids, Ids]],
) -> Parity:
    pairs, largest = 0, 0.0
    for where, users, movies in batches:
        difference = float(np.abs(predict(users, movies) - _run(network, users, movies)).max())
        if not difference <= tolerance:
            raise ExportMismatchError(runtime, difference, tolerance, where)
        pairs, largest = pairs + len(users), max(largest, difference)
    return Parity(runtime, "trained network", pairs, largest, tolerance)


@torch.no_grad()
def _run(network: torch.nn.Module, users: Ids, movies: Ids) -> NDArray[np.float32]:
    """Return what a network says of many pairs, a batch at a time."""
    pairs = zip(
        torch.from_numpy(users).split(_ROWS_AT_ONCE),
        torch.from_numpy(movies).split(_ROWS_AT_ONCE),
        strict=True,
    )
    ratings: NDArray[np.float32] = torch.cat([network(*pair) for pair in pairs]).numpy()
    return ratings


def _identify(
    network: RatingNetwork, hyperparameters: object, fingerprint: str, fit_on: str
) -> str:
    """Return the model's id: the same weights from the same data have the same one."""
    digest = hashlib.sha256()
    text = json.dumps([hyperparameters, fingerprint, fit_on], sort_keys=True)
    digest.update(text.encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:12]


def _hyperparameters(
    fit: Fit, dataset: Dataset, network_config: NetworkConfig, config: TrainingConfig
) -> dict[str, dict[str, Any]]:
    """Return all that was set and had a part in this network, by group and name."""
    groups = {"network": asdict(network_config), "training": asdict(config)}
    if fit.teacher is not None:
        teacher = asdict(fit.teacher.config)
        groups |= {"gaussian": teacher.pop("gaussian"), "teacher": teacher}
    is_told = fit.teacher is not None or network_config.description_dimension > 0
    if is_told and not dataset.description.is_empty:
        groups["features"] = asdict(dataset.description.config)
    return groups


def _teacher_models(teacher: Teacher | None) -> list[TeacherModel]:
    if teacher is None:
        return []
    shares = {model.form.name: share for model, share in teacher.models}
    return [
        TeacherModel(one.form.name, shares.get(one.form.name, 0.0), one.steps, one.valid_rmse)
        for one in teacher.tried
    ]


def _forget_origins(model: onnx.ModelProto) -> None:
    """Remove what names this machine: stack traces and paths of the exporter."""
    model.ClearField("doc_string")
    model.graph.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    for part in (
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
    ):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep the exporter's progress reports off the terminal; errors still raise."""
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _package_versions() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}
