"""The data set: the views of a warehouse as tensors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from recsys import pipeline
from recsys.data.warehouse import open_for_reading
from recsys.errors import DeviceError, TooFewRatingsError
from recsys.learning.dataset import Dataset, Interactions, choose_device, load_dataset

CPU = torch.device("cpu")


@pytest.fixture
def dataset(built: Path) -> Dataset:
    with open_for_reading(built) as warehouse:
        return load_dataset(warehouse, CPU)


def ask(path: Path, query: str) -> list[tuple]:
    with open_for_reading(path) as warehouse:
        return list(warehouse.stream(query)[1])


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_split_holds_the_rows_of_the_view_in_order(built, dataset, split):
    rows = ask(
        built,
        "select user_index, movie_index, rating from split_ratings "
        f"where split = '{split}' order by user_index, movie_index",
    )
    held = getattr(dataset, split)
    columns = (held.user_index, held.movie_index, held.rating)
    assert [column.dtype for column in columns] == [torch.int64, torch.int64, torch.float32]
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == rows
    assert len(held) == len(rows) > 0


def test_ids_stand_in_the_order_of_their_index(built, dataset):
    users = ask(built, "select user_id from active_users order by user_index")
    movies = ask(built, "select movie_id from top_movies order by movie_index")
    assert dataset.user_ids.tolist() == [user for (user,) in users]
    assert dataset.movie_ids.tolist() == [movie for (movie,) in movies]


def test_it_knows_the_scale_the_fingerprint_and_the_features(built, dataset):
    (scale,) = ask(built, "select lowest_rating, highest_rating from rating_scale")
    (fingerprint,) = ask(built, "select fingerprint from data_fingerprint")
    assert (dataset.lowest_rating, dataset.highest_rating) == scale
    assert (dataset.fingerprint,) == fingerprint
    assert not dataset.features.is_empty
    assert dataset.features.eigenfeatures(3).shape == (len(dataset.movie_ids), 3)


def test_without_a_movies_file_nothing_is_known_of_movies(write_csv, tmp_path):
    rows = [(user, movie, 1 + (user * movie) % 5) for user in range(8) for movie in range(8)]
    path = build_from(write_csv, tmp_path, rows)
    with open_for_reading(path) as warehouse:
        assert load_dataset(warehouse, CPU).features.is_empty


def test_an_empty_split_is_an_error_that_counts(write_csv, tmp_path):
    path = build_from(write_csv, tmp_path, [(1, 1, 3), (1, 2, 4)])
    with (
        open_for_reading(path) as warehouse,
        pytest.raises(TooFewRatingsError, match=r"0 train, 1 valid, 1 test"),
    ):
        load_dataset(warehouse, CPU)


def build_from(write_csv: Callable[..., Path], folder: Path, rows: list[tuple]) -> Path:
    """Return a warehouse without a model, of these ratings."""
    ratings = write_csv("ratings.csv", ("user_id", "movie_id", "rating"), rows)
    pipeline.build(folder / "tiny.duckdb", str(ratings), min_ratings=1, training=None)
    return folder / "tiny.duckdb"


def test_interactions_extend_each_other_in_order():
    one = Interactions(torch.tensor([1]), torch.tensor([2]), torch.tensor([3.0]))
    two = Interactions(torch.tensor([4, 5]), torch.tensor([6, 7]), torch.tensor([1.0, 2.0]))
    both = one.extended_by(two)
    assert both.user_index.tolist() == [1, 4, 5]
    assert both.movie_index.tolist() == [2, 6, 7]
    assert both.rating.tolist() == [3.0, 1.0, 2.0]
    assert (len(one), len(both)) == (1, 3)


def test_other_train_ratings_leave_the_rest(dataset):
    other = dataset.with_train(dataset.train.extended_by(dataset.valid))
    assert len(other.train) == len(dataset.train) + len(dataset.valid)
    assert other.valid is dataset.valid
    np.testing.assert_array_equal(other.user_ids, dataset.user_ids)


def test_ratings_as_a_table_stand_in_their_cells(dataset):
    table = dataset.table_of(dataset.valid)
    assert table.shape == (len(dataset.user_ids), len(dataset.movie_ids))
    cells = dataset.valid.user_index.numpy(), dataset.valid.movie_index.numpy()
    np.testing.assert_array_equal(table[cells], dataset.valid.rating.numpy())
    assert np.isnan(table).sum() == table.size - len(dataset.valid)


def test_the_cpu_is_always_there():
    assert choose_device("cpu") == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_cuda_is_an_error_where_there_is_none():
    assert choose_device("auto") == CPU
    with pytest.raises(DeviceError) as caught:
        choose_device("cuda")
    assert "--device cpu" in caught.value.remedy


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
def test_tensors_are_on_the_gpu_where_there_is_one(built):
    with open_for_reading(built) as warehouse:
        held = load_dataset(warehouse, choose_device("auto")).train
    assert {held.user_index.device.type, held.rating.device.type} == {"cuda"}
