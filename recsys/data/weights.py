"""The weights of a network as rows, which SQL runs.

Flows in: a folded network as arrays. Flows out: the network_* tables.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Ids, Vectors
from recsys.data.warehouse import Warehouse


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
        key = {"model_id": model_id, "kind": kind}
        factors = components(ids, side.factors)
        factors["bias"] = np.repeat(side.bias, side.factors.shape[1])
        warehouse.append("insert_network_factors", "new_factors", factors, **key)
        warehouse.append("insert_network_units", "new_units", components(ids, side.units), **key)
    for number, layer in enumerate(weights.layers, start=2):
        units, inputs = layer.weights.shape
        columns = components(np.arange(1, units + 1), layer.weights)
        columns["bias"] = np.repeat(layer.bias, inputs)
        warehouse.append(
            "insert_network_layers",
            "new_layers",
            columns,
            model_id=model_id,
            layer=number,
            lowest_value=0.0 if layer.is_rectified else float("-inf"),
        )


def components(ids: Ids, vectors: Vectors) -> dict[str, NDArray[Any]]:
    """Return vectors as columns with one row per component.

    Args:
        ids: what each vector belongs to, shape (count,).
        vectors: shape (count, width).

    Returns:
        `id`, `position` in the vector from 1, and `value`; each of shape (count * width,).
    """
    count, width = vectors.shape
    return {
        "id": np.repeat(ids, width),
        "position": np.tile(np.arange(1, width + 1), count),
        "value": vectors.ravel(),
    }
