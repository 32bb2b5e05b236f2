"""Names of the array types that cross modules; shapes stand with each argument."""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]  # users or movies as the data names them
Indices = NDArray[np.int64]  # dense rows of a model, from 0
Vectors = NDArray[np.float32]  # embeddings and weights
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
