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
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import onnx
import torch

from recsys.config import NetworkConfig, TrainingConfig
from recsys.dataset import Dataset
from recsys.errors import ExportMismatchError
from recsys.model import FoldedNetwork, RatingNetwork
from recsys.registry import Entities, NewModel
from recsys.scoring import Scorer
from recsys.training import Fit

TOLERANCE = 1e-5  # stars
_BATCH_SIZES = (1, 2, 7, 4096)
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
    hyperparameters = {"network": asdict(network_config), "training": asdict(config)}
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
    verify_export(network, onnx_bytes, dataset)
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
        users=Entities("user", dataset.user_ids, network.user_embedding.weight.detach().numpy()),
        movies=Entities(
            "movie", dataset.movie_ids, network.movie_embedding.weight.detach().numpy()
        ),
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


def verify_export(network: RatingNetwork, onnx_bytes: bytes, dataset: Dataset) -> None:
    """Compare onnxruntime with torch on every rating and at several batch sizes.

    Raises:
        ExportMismatchError: they differ by more than TOLERANCE somewhere.
    """
    scorer = Scorer(onnx_bytes, "cpu")
    for name in ("train", "valid", "test"):
        rows = getattr(dataset, name)
        _compare(network, scorer, rows.user_index, rows.movie_index, f"the {name} rows")
    generator = torch.Generator().manual_seed(0)
    for size in _BATCH_SIZES:
        users = torch.randint(len(dataset.user_ids), (size,), generator=generator)
        movies = torch.randint(len(dataset.movie_ids), (size,), generator=generator)
        _compare(network, scorer, users, movies, f"a batch of {size}")


@torch.no_grad()
def _compare(
    network: RatingNetwork,
    scorer: Scorer,
    user_index: torch.Tensor,
    movie_index: torch.Tensor,
    where: str,
) -> None:
    users, movies = user_index.cpu(), movie_index.cpu()
    expected = torch.cat(
        [network(*rows) for rows in zip(users.split(65_536), movies.split(65_536), strict=True)]
    ).numpy()
    predicted = scorer.predict(users.numpy(), movies.numpy())
    difference = float(np.abs(predicted - expected).max())
    if not difference <= TOLERANCE:
        raise ExportMismatchError(difference, TOLERANCE, where)


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
