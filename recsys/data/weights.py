"""The weights of a network as rows: what SQL runs, and what a new user is folded into.

Flows in: a folded network as arrays. Flows out: the network_* tables, and the same arrays read
back. Never imports torch. The next file is `registry.py`, which stores them with their model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.warehouse import Columns, Warehouse

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A layer after the first: weights of shape (units, inputs), bias of shape (units,)."""

    weights: Vectors
    bias: Vectors
    is_rectified: bool


@dataclass(frozen=True)
class SideWeights:
    """What a folded network holds for each user, or for each movie.

    Args:
        bias: shape (count,).
        factors: for the dot product, shape (count, factors).
        units: part of the first layer, shape (count, units).
    """

    bias: Vectors
    factors: Vectors
    units: Vectors


@dataclass(frozen=True)
class NetworkWeights:
    """A folded network as arrays: the content of the network_* tables."""

    users: SideWeights
    movies: SideWeights
    layers: tuple[Layer, ...]


def store_weights(
    warehouse: Warehouse, model_id: str, user_ids: Ids, movie_ids: Ids, weights: NetworkWeights
) -> None:
    """Write the network as rows, so that SQL can run it."""
    sides = (("user", user_ids, weights.users), ("movie", movie_ids, weights.movies))
    for kind, ids, side in sides:
        count, width = side.factors.shape
        warehouse.append(
            f"insert_network_{kind}s",
            "new_factors",
            {
                "id": np.repeat(ids, width),
                "bias": np.repeat(side.bias, width),
                "position": np.tile(np.arange(width), count),
                "value": side.factors.ravel(),
            },
            model_id=model_id,
        )
        count, width = side.units.shape
        warehouse.append(
            f"insert_network_{kind}_units",
            "new_units",
            {
                "id": np.repeat(ids, width),
                "unit": np.tile(np.arange(1, width + 1), count),
                "value": side.units.ravel(),
            },
            model_id=model_id,
        )
    for number, layer in enumerate(weights.layers, start=2):
        units, inputs = layer.weights.shape
        warehouse.append(
            "insert_network_layers",
            "new_layers",
            {
                "unit": np.repeat(np.arange(1, units + 1), inputs),
                "position": np.tile(np.arange(inputs), units),
                "weight": layer.weights.ravel(),
                "bias": np.repeat(layer.bias, inputs),
            },
            model_id=model_id,
            layer=number,
            lowest_value=0.0 if layer.is_rectified else float("-inf"),
        )


def load_weights(warehouse: Warehouse, model_id: str) -> NetworkWeights:
    """Return the network of a model as arrays."""
    layers = warehouse.columns("select_network_layers", model_id=model_id)
    numbers = layers["layer"]
    return NetworkWeights(
        _read_side(warehouse, model_id, "user"),
        _read_side(warehouse, model_id, "movie"),
        tuple(_read_layer(layers, numbers == number) for number in np.unique(numbers)),
    )


def _read_layer(columns: Columns, mask: NDArray[np.bool_]) -> Layer:
    inputs = int(columns["position"][mask].max())
    return Layer(
        columns["weight"][mask].reshape(-1, inputs),
        columns["bias"][mask][::inputs],
        is_rectified=bool(columns["lowest_value"][mask][0] == 0),
    )


def _read_side(warehouse: Warehouse, model_id: str, kind: str) -> SideWeights:
    factors = warehouse.columns(f"select_network_{kind}s", model_id=model_id)
    units = warehouse.columns(f"select_network_{kind}_units", model_id=model_id)
    width = int(factors["position"].max())
    return SideWeights(
        factors["bias"][::width],
        factors["value"].reshape(-1, width),
        units["value"].reshape(-1, int(units["unit"].max())),
    )
