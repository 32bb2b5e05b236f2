"""Every number that can be set, as frozen dataclasses with their defaults."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from recsys.errors import (
    DistillationShapeError,
    EmbeddingDimensionsError,
    NetworkShapeError,
)

DISTRIBUTION = "recsys-duckdb"  # its name on the package index
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
        bias_damping: ratings' worth of shrinkage to zero in the bias baseline.
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
        has_interaction_terms: add the mean rating, a bias per user and movie, the dot
            product of the two embeddings and that of a user's feature weights with the
            movie's features to the output of the layers.
        feature_dimension: size of z, the features of a movie.
        dropout: share of hidden units dropped in training.
        embedding_dropout: share of the first layer's inputs dropped in training.
    """

    user_dimension: int = 48
    movie_dimension: int = 48
    hidden_sizes: tuple[int, ...] = (64, 32)
    has_interaction_terms: bool = True
    feature_dimension: int = 0
    dropout: float = 0.0
    embedding_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a network that cannot be built, or that SQL could not run.

        Raises:
            NetworkShapeError: too few or too many hidden layers.
            EmbeddingDimensionsError: interaction terms of embeddings of two sizes.
        """
        if not 1 <= len(self.hidden_sizes) <= MOST_HIDDEN_LAYERS:
            raise NetworkShapeError(len(self.hidden_sizes), MOST_HIDDEN_LAYERS)
        if self.has_interaction_terms and self.user_dimension != self.movie_dimension:
            raise EmbeddingDimensionsError(self.user_dimension, self.movie_dimension)


@dataclass(frozen=True)
class TrainingConfig:
    """How the network learns.

    Args:
        is_distilled: learn what a teacher expects of every user and movie (see
            `TeacherConfig`) instead of the known ratings.
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
        feature_weight_penalty: the same for the feature weights of users.
        batch_size: rows a step.
        steps_per_epoch: where there are many ratings, enlarge batches to take about so many
            steps, and make fewer passes; None does neither.
        max_batch_size: to which batches are enlarged at most.
        epochs: passes over the rows at most.
        max_rows_seen: rows of all passes together after which fewer epochs are enough.
        min_epochs: passes that are made however many rows there are.
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
    feature_weight_penalty: float = 0.0
    batch_size: int = 512
    steps_per_epoch: int | None = None
    max_batch_size: int = 2_048
    epochs: int = 60
    max_rows_seen: int = 4_000_000
    min_epochs: int = 8
    patience: int | None = None
    keeps_best_epoch: bool = False
    seed: int = 0


@dataclass(frozen=True)
class FeatureConfig:
    """How the features of movies become a kernel.

    Args:
        genre_weight: of the cosine of two movies' genres.
        year_weight: of exp(-|difference in years| / year_scale).
        word_weight: of the cosine of their title words.
        year_scale: years after which the similarity has fallen to 1/e.
        max_words: most frequent words that are kept; bounds the factors.
    """

    genre_weight: float = 0.35
    year_weight: float = 0.3
    word_weight: float = 1.0
    year_scale: float = 30.0
    max_words: int = 500


@dataclass(frozen=True)
class GaussianConfig:
    """The prior of one Gaussian; variances are shares of the variance of the ratings.

    Args:
        offset_variance: of the means of the columns.
        noise_variance: of a rating.
        prior_strength: rows that the prior of the covariance is worth, per column.
        noise_strength: ratings that the prior of a row's or column's noise is worth.
        feature_variance: of a column of features in the prior covariance.
        implicit_components: principal components of who rated what (implicit feedback) that
            become columns too; 0 takes nothing of it.
        implicit_scale: standard deviation of such a column.
    """

    offset_variance: float = 0.3
    noise_variance: float = 0.6
    prior_strength: float = 0.3
    noise_strength: float = 40.0
    feature_variance: float = 0.4
    implicit_components: int = 5
    implicit_scale: float = 0.5


@dataclass(frozen=True)
class TeacherConfig:
    """Which Gaussians are tried; variances are shares of the variance of the ratings.

    Args:
        level_variance: of a row's level over all columns.
        column_variance: of a column besides.
        smaller_variance: tried as well, where there are movie features.
        feature_components: principal components of genres and years that the Gaussian over
            users has as columns.
        feature_scale: standard deviations of the ratings to a unit of such a component.
        users_share: of the Gaussian over users in the mean of the two.
        gaussian: prior of each.
        max_steps: of EM.
        patience: steps without a lower valid RMSE before EM stops.
        max_operations: of an EM step; a side that needs more gets no Gaussian.
        max_cells: of the table of users and movies; a larger one gets no teacher.
    """

    level_variance: float = 0.2
    column_variance: float = 0.4
    smaller_variance: float = 0.05
    feature_components: int = 20
    feature_scale: float = 6.0
    users_share: float = 0.3
    gaussian: GaussianConfig = field(default_factory=GaussianConfig)
    max_steps: int = 30
    patience: int = 3
    max_operations: float = 1e10
    max_cells: int = 4_000_000


@dataclass(frozen=True)
class Preset:
    """A named network with the way it learns."""

    name: str
    network: NetworkConfig
    training: TrainingConfig

    def __post_init__(self) -> None:
        """Refuse to distil into a network that has nothing to start from a teacher.

        Raises:
            DistillationShapeError: there are no interaction terms.
        """
        if self.training.is_distilled and not self.network.has_interaction_terms:
            raise DistillationShapeError(self.name)


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
        feature_dimension=150,
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
        feature_weight_penalty=0.03,
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

Promote = Literal["better", "always", "never"]
FitOn = Literal["train", "train+valid"]


@dataclass(frozen=True)
class TrainingOptions:
    """What `train` was asked for.

    Args:
        preset: name of a configuration; None takes the best that the data can afford.
        seed: of initialisation, order of batches and dropout.
        device: 'auto', 'cpu' or 'cuda'.
        promote: when the new model becomes the current one.
        fit_on: splits whose ratings fit the final weights.
    """

    preset: str | None = None
    seed: int = 0
    device: str = "auto"
    promote: Promote = "better"
    fit_on: FitOn = "train"
