"""Scoring: onnxruntime over a stored model."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import onnx
import onnxruntime
import pytest

from recsys.data.registry import StoredModel, current_model
from recsys.data.warehouse import open_for_reading
from recsys.errors import DeviceError, ModelDamagedError, UnknownIdError
from recsys.serving import scoring
from recsys.serving.scoring import ROWS_PER_CALL, LoadedModel, Scorer, cuda_problem, load_scorer

HAS_CUDA = cuda_problem() is None


@pytest.fixture
def model(built: Path) -> LoadedModel:
    with open_for_reading(built) as warehouse:
        return load_scorer(current_model(warehouse), "cpu")


@pytest.fixture
def stored(built: Path) -> StoredModel:
    with open_for_reading(built) as warehouse:
        return current_model(warehouse)


def all_pairs(model: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    shape = len(model.stored.users.ids), len(model.stored.movies.ids)
    users, movies = np.indices(shape).reshape(2, -1)
    return users, movies


def test_a_batch_equals_its_pairs_one_by_one(model):
    users, movies = (column[::97] for column in all_pairs(model))
    batch = model.scorer.predict(users, movies)
    single = [model.scorer.predict(users[k : k + 1], movies[k : k + 1]) for k in range(len(users))]
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch, np.concatenate(single), atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_CALL - 1, ROWS_PER_CALL, ROWS_PER_CALL + 1])
def test_nothing_is_lost_where_one_call_ends_and_the_next_begins(model, count):
    users, movies = all_pairs(model)
    expected = model.scorer.predict(users, movies)
    chosen = np.arange(count) % len(users)
    predicted = model.scorer.predict(users[chosen], movies[chosen])
    assert predicted.shape == (count,)
    np.testing.assert_allclose(predicted, expected[chosen], atol=1e-6, rtol=0)


def test_small_calls_say_the_same_as_large_ones(model, monkeypatch):
    users, movies = all_pairs(model)
    expected = model.scorer.predict(users, movies)
    monkeypatch.setattr(scoring, "ROWS_PER_CALL", 7)
    np.testing.assert_allclose(model.scorer.predict(users, movies), expected, atol=1e-6, rtol=0)


def test_a_table_has_a_row_per_user_and_a_column_per_movie(model):
    users = np.array([5, 0])
    table = model.predict_table(users)
    movies = np.arange(len(model.stored.movies.ids))
    assert table.shape == (2, len(movies))
    for row, user in zip(table, users, strict=True):
        expected = model.scorer.predict(np.full(len(movies), user), movies)
        np.testing.assert_allclose(row, expected, atol=1e-6, rtol=0)


def test_ids_are_those_of_the_data(model):
    stored = model.stored
    users, movies = np.array([3, 0, 3]), np.array([1, 2, 0])
    by_id = model.predict_ids(stored.users.ids[users], stored.movies.ids[movies])
    np.testing.assert_array_equal(by_id, model.scorer.predict(users, movies))


class Untouchable:
    """A session that must not be run."""

    def run(self, *arguments: object) -> None:
        pytest.fail("an unknown id reached the session")


@pytest.mark.parametrize("unknown", [-1, 0, 10**6, 2**62])
def test_unknown_ids_never_reach_the_session(model, monkeypatch, unknown):
    monkeypatch.setattr(model.scorer, "_session", Untouchable())
    user, movie = model.stored.users.ids[0], model.stored.movies.ids[0]
    assert unknown not in model.stored.users.ids
    assert unknown not in model.stored.movies.ids
    with pytest.raises(UnknownIdError, match=f"does not know user {unknown};"):
        model.predict_ids(np.array([user, unknown]), np.array([movie, movie]))
    with pytest.raises(UnknownIdError, match=f"does not know movie {unknown};"):
        model.predict_ids(np.array([user, user]), np.array([movie, unknown]))


def test_ratings_are_inside_the_scale_of_the_model(model):
    ratings = model.scorer.predict(*all_pairs(model))
    assert ratings.min() >= model.stored.lowest_rating
    assert ratings.max() <= model.stored.highest_rating


def test_the_provider_that_scored_is_recorded(built, model):
    with open_for_reading(built) as warehouse:
        recorded = list(warehouse.stream("select provider from models where is_current")[1])
    assert recorded == [(model.scorer.provider,)] == [("CPUExecutionProvider",)]


@pytest.mark.skipif(HAS_CUDA, reason="there is CUDA here")
def test_cuda_is_a_clear_error_where_there_is_none(model):
    with pytest.raises(DeviceError, match="CUDA cannot be used: ") as caught:
        Scorer(model.stored.onnx, "cuda")
    assert "--device cpu" in caught.value.remedy
    assert Scorer(model.stored.onnx, "auto").provider == "CPUExecutionProvider"


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: [scoring._CUDA, scoring._CPU]
    )
    monkeypatch.setattr(scoring, "_DRIVER", "libnothing.so.1")
    assert "libnothing.so.1 does not load" in str(cuda_problem())
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [scoring._CPU])
    assert cuda_problem() == "this onnxruntime was built without CUDA"


def test_falling_back_when_cuda_was_asked_for_is_an_error(model, monkeypatch):
    monkeypatch.setattr(scoring, "cuda_problem", lambda: None)
    session = onnxruntime.InferenceSession

    def fall_back(onnx: bytes, options: object, providers: list[str]) -> object:
        assert providers == [scoring._CUDA, scoring._CPU]
        return session(onnx, options, providers=[scoring._CPU])

    monkeypatch.setattr(onnxruntime, "InferenceSession", fall_back)
    with pytest.raises(DeviceError, match="fell back to the CPU"):
        Scorer(model.stored.onnx, "cuda")
    assert Scorer(model.stored.onnx, "auto").provider == scoring._CPU


def test_auto_says_nothing_on_stderr(built):
    code = """
import sys
from pathlib import Path
from recsys.data.registry import current_model
from recsys.serving.scoring import load_scorer
from recsys.data.warehouse import open_for_reading
with open_for_reading(Path(sys.argv[1])) as warehouse:
    print(load_scorer(current_model(warehouse), "auto").scorer.provider)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(built)], capture_output=True, text=True, check=True
    )
    expected = "CUDAExecutionProvider" if HAS_CUDA else "CPUExecutionProvider"
    assert (done.stdout.strip(), done.stderr) == (expected, "")


@pytest.mark.cuda
@pytest.mark.skipif(not HAS_CUDA, reason="there is no CUDA here")
def test_cuda_computes_what_the_cpu_does(model):
    on_gpu = load_scorer(replace(model.stored), "cuda")
    assert on_gpu.scorer.provider == "CUDAExecutionProvider"
    users, movies = all_pairs(model)
    np.testing.assert_allclose(
        on_gpu.scorer.predict(users, movies), model.scorer.predict(users, movies), atol=1e-3
    )


@pytest.mark.parametrize("content", [b"", b"junk", b"\x08\x0a" * 500])
def test_bytes_that_are_no_network_are_a_foreseen_error(stored, content):
    with pytest.raises(ModelDamagedError, match=f"model {stored.model_id} cannot be used"):
        load_scorer(replace(stored, onnx=content), "cpu")


def test_a_network_of_something_else_is_refused(stored):
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, kind, [None]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(ModelDamagedError, match="inputs and outputs"):
        load_scorer(replace(stored, onnx=model.SerializeToString()), "cpu")


def test_a_network_that_was_changed_in_the_file_is_refused(built):
    with duckdb.connect(built) as connection:
        connection.execute("update models set onnx = onnx || '\\x00'::blob")
    with open_for_reading(built) as warehouse, pytest.raises(ModelDamagedError, match="SHA-256"):
        current_model(warehouse)
