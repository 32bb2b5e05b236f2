"""movies, movie_features: what is known of a movie besides its ratings."""

from math import log

import pytest

MOVIES = "select movie_id, title, year, genres from movies order by movie_id"
FEATURES = "select movie_id, feature, weight from movie_features order by all"


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Toy Story (1995)", 1995),
        ("Trailing space (1995) ", 1995),
        ("City of Lost Children, The (Cité des enfants perdus, La) (1995)", 1995),
        ('"Great Performances" Cats (1998)', 1998),
        ("2001: A Space Odyssey (1968)", 1968),
        ("Death Note: Desu nôto (2006–2007)", None),
        ("Hyena Road", None),
        ("Blade Runner 2049", None),
        ("(1984) made in 1985", None),
        ("", None),
    ],
)
def test_the_year_is_at_the_end_of_the_title(given, select, title, year):
    warehouse = given([], [(1, title, "Drama")])
    assert select(warehouse, MOVIES) == [(1, title, year, ["Drama"])]


@pytest.mark.parametrize(
    ("genres", "listed"),
    [
        ("Action|Sci-Fi|IMAX", ["Action", "Sci-Fi", "IMAX"]),
        ("Film-Noir", ["Film-Noir"]),
        ("(no genres listed)", []),
        ("", []),
        (None, []),
    ],
)
def test_genres_become_a_list(given, select, genres, listed):
    assert select(given([], [(1, "X (2000)", genres)]), MOVIES) == [(1, "X (2000)", 2000, listed)]


def test_every_movie_that_is_listed_or_rated_is_there_once(given, select):
    warehouse = given(
        [(1, 10, 4), (2, 10, 3), (1, 42, 5)],
        [(10, "Heat (1995)", "Crime"), (11, "Unrated (2001)", "Drama"), (12, None, "War")],
    )
    assert select(warehouse, MOVIES) == [
        (10, "Heat (1995)", 1995, ["Crime"]),
        (11, "Unrated (2001)", 2001, ["Drama"]),
        (12, "movie 12", None, ["War"]),
        (42, "movie 42", None, []),
    ]


def test_without_a_movies_file_movies_are_called_by_their_id(given, select):
    warehouse = given([(1, 7, 4), (2, 7, 3), (1, 8, 5)])
    assert select(warehouse, MOVIES) == [(7, "movie 7", None, []), (8, "movie 8", None, [])]


def test_a_feature_weighs_the_more_the_rarer_it_is(given, select):
    warehouse = given(
        [],
        [
            (1, "Matrix (1999)", "Action|Sci-Fi"),
            (2, "The Matrix Reloaded (2003)", "Action"),
            (3, "Fight Club (1999)", "Drama"),
            (4, "Toy", "(no genres listed)"),
        ],
    )
    assert select(warehouse, FEATURES) == [
        (1, "genre:Action", log(2)),
        (1, "genre:Sci-Fi", log(4)),
        (1, "word:matrix", log(2)),
        (1, "year:1999", log(2)),
        (2, "genre:Action", log(2)),
        (2, "word:matrix", log(2)),
        (2, "word:reloaded", log(4)),
        (2, "word:the", log(4)),
        (2, "year:2003", log(4)),
        (3, "genre:Drama", log(4)),
        (3, "word:club", log(4)),
        (3, "word:fight", log(4)),
        (3, "year:1999", log(2)),
        (4, "word:toy", log(4)),
    ]


def test_what_every_movie_has_weighs_nothing(given, select):
    warehouse = given([], [(1, "A (1999)", "Drama"), (2, "B (2000)", "Drama")])
    weights = {feature: weight for _, feature, weight in select(warehouse, FEATURES)}
    assert weights["genre:Drama"] == 0
    assert weights["word:a"] == log(2)


def test_a_word_is_letters_or_digits_in_lower_case_and_counts_once(given, select):
    warehouse = given([], [(1, "Élan, l'ÉLAN! 12 — Monkeys² (1995)", ""), (2, "x (1995)", "")])
    words = [feature for movie, feature, _ in select(warehouse, FEATURES) if movie == 1]
    assert words == ["word:12", "word:l", "word:monkeys²", "word:élan", "year:1995"]


def test_a_year_inside_the_title_is_a_word(given, select):
    features = select(given([], [(1, "2001: A Space Odyssey (1968)", "")]), FEATURES)
    assert [feature for _, feature, _ in features] == [
        "word:2001",
        "word:a",
        "word:odyssey",
        "word:space",
        "year:1968",
    ]


def test_a_title_made_up_from_the_id_says_nothing(given, select):
    warehouse = given([(1, 42, 5)], [(10, "Movie 43 (2013)", "")])
    features = [(movie, feature) for movie, feature, _ in select(warehouse, FEATURES)]
    assert features == [(10, "word:43"), (10, "word:movie"), (10, "year:2013")]
