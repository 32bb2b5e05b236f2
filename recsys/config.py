"""Every choice with a default, as frozen dataclasses.

Flows in: options of the command line. Flows out: what each stage is told. The next file
is `sources.py`. Defaults are written here and nowhere else.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recsys.errors import NetworkShapeError

DEFAULT_DATABASE = Path("warehouse.duckdb")
DATABASE_VARIABLE = "RECSYS_DATABASE"
SOURCE_VARIABLE = "RECSYS_SOURCE"
RECOMMENDATION_COUNT = 10
# As many as the view live_predictions runs.
MOST_HIDDEN_LAYERS = 3
RECOMMENDATION_METHODS = ("rating", "movies", "users")


@dataclass(frozen=True)
class DataSettings:
    """Which ratings the model sees: the row of table `settings`.

    Args:
        top_movies: movies with the most ratings that are kept (count).
        min_ratings: ratings on those movies that make a user active (count).
        test_share: share of the filtered ratings held out for test, rounded up.
        valid_share: share of the rest held out for valid, rounded up.
        split_seed: seed of the md5 order that deals the ratings.
        bias_damping: ratings' worth of pull to zero in the bias baseline.
    """

    top_movies: int = 200
    min_ratings: int = 100
    test_share: float = 0.20
    valid_share: float = 0.15
    split_seed: int = 42
    bias_damping: float = 5.0


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network.

    Args:
        user_dimension: size of the user embedding.
        movie_dimension: size of the movie embedding; the same as user_dimension if the
            network has interaction terms.
        hidden_sizes: units of each hidden layer.
        has_interaction_terms: add the mean rating, a bias per user and movie and the
            dot product of the two embeddings to what the layers say.
        description_dimension: size of z, what is known of a movie besides its ratings.
        dropout: share of hidden units dropped in training.
        embedding_dropout: share of the first layer's inputs dropped in training.
    """

    user_dimension: int = 48
    movie_dimension: int = 48
    hidden_sizes: tuple[int, ...] = (64, 32)
    has_interaction_terms: bool = True
    description_dimension: int = 0
    dropout: float = 0.0
    embedding_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a network that SQL could not run.

        Raises:
            NetworkShapeError: too few or too many hidden layers.
        """
        if not 1 <= len(self.hidden_sizes) <= MOST_HIDDEN_LAYERS:
            raise NetworkShapeError(len(self.hidden_sizes), MOST_HIDDEN_LAYERS)


@dataclass(frozen=True)
class TrainingConfig:
    """How the network learns.

    Args:
        is_distilled: learn a teacher's expectation of every rating (see `teacher.py`)
            instead of the known ratings themselves.
        optimizer: 'adamw' (Loshchilov and Hutter 2019), or 'adam' whose decay is a
            penalty (Kingma and Ba 2015).
        learning_rate: its step; the peak where the schedule is one cycle.
        has_one_cycle: warm the learning rate up and anneal it to nothing (Smith and
            Topin 2018).
        warm_up: share of the cycle in which the rate rises.
        weight_decay: of the weights of the layers.
        embedding_decay: of embeddings and biases.
        embedding_penalty: weight in the loss of the squared length of the embeddings of
            a batch; unlike decay it grows with how often a user or movie occurs.
        bias_penalty: the same for biases.
        taste_penalty: the same for tastes.
        batch_size: cells a step.
        steps_per_epoch: where there are many ratings, enlarge batches, within reason, to
            take about so many steps, and make fewer passes; None does neither.
        epochs: passes over the cells at most.
        patience: epochs without a better valid RMSE before it stops; None never stops.
        keeps_best_epoch: end with the weights of the best epoch on valid, not the last.
        seed: of initialisation, order of batches and dropout.
    """

    is_distilled: bool = True
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 3e-3
    has_one_cycle: bool = True
    warm_up: float = 0.3
    weight_decay: float = 1e-2
    embedding_decay: float = 1e-2
    embedding_penalty: float = 0.0
    bias_penalty: float = 0.0
    taste_penalty: float = 0.0
    batch_size: int = 512
    steps_per_epoch: int | None = None
    epochs: int = 60
    patience: int | None = None
    keeps_best_epoch: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Preset:
    """A named network with the way it learns."""

    name: str
    network: NetworkConfig
    training: TrainingConfig


# The network of a textbook, which overfits: the reference that the others must beat.
_NOTEBOOK = Preset(
    "notebook",
    NetworkConfig(
        user_dimension=8,
        movie_dimension=14,
        hidden_sizes=(200, 100),
        has_interaction_terms=False,
    ),
    TrainingConfig(
        is_distilled=False,
        optimizer="adam",
        learning_rate=1e-3,
        has_one_cycle=False,
        weight_decay=1e-5,
        embedding_decay=1e-5,
        batch_size=64,
        epochs=100,
    ),
)
# Learns from the known ratings alone: for catalogues too large for a teacher.
_DIRECT = Preset(
    "direct",
    NetworkConfig(
        user_dimension=16,
        movie_dimension=16,
        description_dimension=150,
        dropout=0.1,
        embedding_dropout=0.2,
    ),
    TrainingConfig(
        is_distilled=False,
        learning_rate=5e-3,
        warm_up=0.15,
        weight_decay=1.0,
        embedding_decay=0.0,
        embedding_penalty=0.13,
        bias_penalty=0.02,
        taste_penalty=0.03,
        batch_size=128,
        steps_per_epoch=45,
        epochs=40,
        patience=8,
        keeps_best_epoch=True,
    ),
)
# Distilled from a teacher that fills the whole table of users and movies.
_DISTILLED = Preset("distilled", NetworkConfig(), TrainingConfig())

PRESETS = {preset.name: preset for preset in (_DISTILLED, _DIRECT, _NOTEBOOK)}
