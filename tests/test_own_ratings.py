"""Ratings that a person wrote down, and the movies that they mean."""

import numpy as np
import pytest

from recsys.data.registry import Entities, StoredModel
from recsys.errors import OwnRatingsError, UnknownTitleError
from recsys.serving.own_ratings import read_own_ratings
from recsys.serving.titles import normalise

CATALOGUE = [
    (1, "Toy Story (1995)"),
    (10, "GoldenEye (1995)"),
    (47, "Seven (a.k.a. Se7en) (1995)"),
    (260, "Star Wars: Episode IV - A New Hope (1977)"),
    (300, "Quiz Show (1994)"),
    (318, "Shawshank Redemption, The (1994)"),
    (915, "Sabrina (1954)"),
    (7, "Sabrina (1995)"),
    (2858, "American Beauty (1999)"),
    (4973, "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)"),
    (5679, "Ring, The (2002)"),
    (6440, "Ring (Ringu) (1998)"),
    (51662, "300 (2007)"),
    (79132, "Inception (2010)"),
    (500000, "Lock, Stock & Two Smoking Barrels (1998)"),
]
OUTSIDE_THE_MODEL = 79132


@pytest.fixture
def stored() -> StoredModel:
    """Return a model of every movie of the catalogue but one, on the scale 0.5 to 5."""
    ids = np.array([movie for movie, _ in CATALOGUE if movie != OUTSIDE_THE_MODEL])
    nothing = np.zeros((len(ids), 2), np.float32)
    return StoredModel(
        model_id="small",
        onnx=b"",
        data_fingerprint="",
        fit_on="train",
        valid_rmse=0.7,
        lowest_rating=0.5,
        highest_rating=5.0,
        users=Entities("user", np.array([1]), nothing[:1]),
        movies=Entities("movie", ids, nothing),
    )


@pytest.fixture
def read(stored, tmp_path):
    """Return a function that reads text as a file: movie id → rating."""

    def read_text(text: str, encoding: str = "utf-8") -> dict[int, float]:
        file = tmp_path / "mine.csv"
        file.write_bytes(text.encode(encoding))
        own = read_own_ratings(file, stored, CATALOGUE)
        return dict(zip(stored.movies.ids[own.movie_index].tolist(), own.rating, strict=True))

    return read_text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Toy Story (1995)", 1),
        ("Toy Story", 1),
        ("  toy   STORY ", 1),
        ("Toy-Story!", 1),
        ("Shawshank Redemption, The (1994)", 318),
        ("The Shawshank Redemption", 318),
        ("the shawshank redemption (1994)", 318),
        ("Shawshank Redemption", 318),
        ("Amelie", 4973),
        ("Amélie", 4973),
        ("Le Fabuleux Destin d'Amélie Poulain", 4973),
        ("Fabuleux destin d'Amelie Poulain", 4973),
        ("Seven", 47),
        ("Se7en", 47),
        ("Lock, Stock and Two Smoking Barrels", 500000),
        ("Ring", 6440),
        ("The Ring", 5679),
        ("Ring, The", 5679),
        ("Ringu", 6440),
        ("318", 318),
    ],
)
def test_a_title_is_matched_forgivingly(read, written, meant):
    assert read(f'title,rating\n"{written}",4\n') == {meant: 4.0}


def test_the_year_tells_two_movies_apart_and_without_it_the_lower_id_is_meant(read):
    assert read("title,rating\nSabrina (1954),4\nSabrina (1995),2\n") == {915: 4.0, 7: 2.0}
    assert read("title,rating\nSabrina,4\n") == {7: 4.0}


def test_a_number_is_a_title_among_titles_and_an_id_among_ids(read):
    assert read("title,rating\n300,4\n") == {51662: 4.0}
    assert read("movie_id,rating\n300,4\n") == {300: 4.0}
    assert read("movie,rating\n300,4\n318,5\n") == {300: 4.0, 318: 5.0}
    assert read("movie,rating\n300,4\nToy Story,5\n") == {51662: 4.0, 1: 5.0}


@pytest.mark.parametrize(
    "header", ["movie_id,rating", "movieId,Rating", " ID , stars ", "id,score"]
)
def test_columns_are_found_by_their_usual_names(read, header):
    assert read(f"{header}\n318,4.5\n") == {318: 4.5}


def test_other_columns_do_not_matter_and_an_id_comes_before_a_title(read):
    assert read("when,title,rating,movie_id\n2020,nonsense,4,318\n") == {318: 4.0}


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(read):
    assert read("title,rating\r\nToy Story,4\r\n", "utf-8-sig") == {1: 4.0}


def test_of_a_movie_rated_twice_the_last_rating_counts(read):
    assert read("title,rating\nToy Story,2\nInception,3\ntoy story (1995),5\n") == {1: 5.0}


def test_movies_outside_the_model_are_named(stored, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("title,rating\nToy Story,4\nInception,5\n")
    own = read_own_ratings(file, stored, CATALOGUE)
    assert own.unused == ("Inception (2010)",)
    assert own.movie_index.tolist() == [0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title,rating\nToy Story,6\n", "'6' is not a rating from 0.5 to 5"),
        ("title,rating\nToy Story,0\n", "'0' is not a rating from 0.5 to 5"),
        ("title,rating\nToy Story,good\n", "'good' is not a rating"),
        ("title,rating\nToy Story,nan\n", "'nan' is not a rating"),
        ("title,rating\nToy Story\n", "'' is not a rating"),
        ("film,opinion\nToy Story,4\n", "its columns are film, opinion"),
        ("", "its columns are none"),
        ("title,rating\n", "the model knows none of its 0 movies"),
        ("title,rating\nInception,4\n", "the model knows none of its 1 movies"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(read, text, reason):
    with pytest.raises(OwnRatingsError) as caught:
        read(text)
    assert reason in caught.value.what


def test_a_file_in_another_encoding_or_none_at_all_is_a_foreseen_error(read, stored, tmp_path):
    with pytest.raises(OwnRatingsError):
        read("title,rating\nAmélie,4\n", "latin-1")
    with pytest.raises(OwnRatingsError):
        read_own_ratings(tmp_path / "absent.csv", stored, CATALOGUE)


@pytest.mark.parametrize(
    ("written", "suggested"),
    [
        ("Toy Storey", "Toy Story (1995)"),
        ("Star Wars", "Star Wars: Episode IV - A New Hope (1977)"),
        ("The Shawshank Redemtion", "Shawshank Redemption, The (1994)"),
        ("American Beuaty 1999", "American Beauty (1999)"),
    ],
)
def test_an_unknown_title_comes_with_suggestions(read, written, suggested):
    with pytest.raises(UnknownTitleError) as caught:
        read(f"title,rating\n{written},4\n")
    assert written in caught.value.what
    assert suggested in caught.value.remedy


@pytest.mark.parametrize("written", ["", "Zzyzx Qqq", "99999"])
def test_where_nothing_is_alike_there_is_another_way(read, written):
    with pytest.raises(UnknownTitleError) as caught:
        read(f"title,rating\n{written},4\n")
    assert caught.value.remedy == "Use its id from table movies."


def test_a_normal_title_is_normal_already():
    for _, title in CATALOGUE:
        assert normalise(normalise(title)) == normalise(title)


@pytest.mark.parametrize(
    "given",
    [
        {1: 4, 318: 5},
        {"Toy Story": 4, "The Shawshank Redemption": 5.0},
        [(1, 4), (318, 5)],
        (("toy story", "4"), ("318", 5)),
        iter([(np.int64(1), np.float32(4)), (318, 5)]),
    ],
    ids=["ids", "titles", "pairs", "texts", "iterator"],
)
def test_ratings_need_not_be_in_a_file(stored, given):
    own = read_own_ratings(given, stored, CATALOGUE)
    assert stored.movies.ids[own.movie_index].tolist() == [1, 318]
    assert own.rating.tolist() == [4.0, 5.0]
    assert len(own) == 2


@pytest.mark.parametrize("package", ["pandas", "polars"])
@pytest.mark.parametrize(
    "columns", [{"movieId": [1, 318], "stars": [4, 5]}, {"rating": [4, 5], "title": ["1", "318"]}]
)
def test_ratings_may_be_a_data_frame(stored, package, columns):
    frame = pytest.importorskip(package).DataFrame(columns)
    own = read_own_ratings(frame, stored, CATALOGUE)
    assert stored.movies.ids[own.movie_index].tolist() == [1, 318]
    assert own.rating.tolist() == [4.0, 5.0]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({1: 6}, "'6' is not a rating from 0.5 to 5"),
        ({1: None}, "'' is not a rating"),
        ({}, "the model knows none of its 0 movies"),
        ([1, 2], "not pairs"),
        (5, "not pairs"),
    ],
)
def test_what_is_no_ratings_says_why(stored, given, reason):
    with pytest.raises(OwnRatingsError) as caught:
        read_own_ratings(given, stored, CATALOGUE)
    assert reason in caught.value.what


def test_a_data_frame_without_the_columns_names_those_that_it_has(stored):
    frame = pytest.importorskip("pandas").DataFrame({"film": [1], "opinion": [4]})
    with pytest.raises(OwnRatingsError, match="its columns are film, opinion"):
        read_own_ratings(frame, stored, CATALOGUE)
