"""Sources: whatever a person names is read exactly, or refused with a reason."""

import functools
import gzip
import hashlib
import http.server
import logging
import socket
import threading
import zipfile
from pathlib import Path

import duckdb
import pytest

from recsys import pipeline
from recsys.config import DataSettings
from recsys.data import sources
from recsys.data.warehouse import create_warehouse
from recsys.errors import (
    BadRowsError,
    CheckFailedError,
    DownloadError,
    MissingColumnsError,
    SourceNotFoundError,
    SourceUnreadableError,
)
from tests.conftest import MOVIELENS

HEADER = "userId,movieId,rating,timestamp\n"
# 4 users, 5 movies, ratings 0.5 to 5.
LINES = [
    f"{user},{movie},{(user * movie) % 10 / 2 + 0.5},{1_000_000_000 + user}"
    for user in range(1, 5)
    for movie in range(10, 15)
]
RATINGS = HEADER + "".join(f"{line}\n" for line in LINES)
LOADED = [
    (int(user), int(movie), float(rating), int(timestamp))
    for user, movie, rating, timestamp in (line.split(",") for line in LINES)
]
MOVIES = 'movieId,title,genres\n10,"American President, The (1995)",Comedy|Drama\n11,Amélie (2001),'
SETTINGS = DataSettings(top_movies=5, min_ratings=1)


@pytest.fixture
def load(tmp_path):
    """Return a function that loads a source and returns (raw_ratings, raw_movies, sources)."""
    numbers = iter(range(100))

    def run(name, settings=SETTINGS):
        with create_warehouse(tmp_path / f"loaded-{next(numbers)}.duckdb") as warehouse:
            pipeline.build_data(warehouse, str(name), settings)
            return tuple(
                list(warehouse.stream(text)[1])
                for text in (
                    "from raw_ratings order by rowid",
                    "from raw_movies order by rowid",
                    "select name, uri, sha256, rows, is_synthetic from sources order by name desc",
                )
            )

    return run


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder as MovieLens packs it."""
    path = tmp_path / "ml-tiny"
    path.mkdir()
    (path / "ratings.csv").write_text(RATINGS, "utf-8")
    (path / "movies.csv").write_text(MOVIES, "utf-8")
    return path


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve the folder `served` on this machine and return (its address, the folder, a log)."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = tmp_path / "served"
    served.mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            requests.append(self.path)

    handler = functools.partial(Handler, directory=served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", served, requests
        running.shutdown()
        thread.join()


@pytest.fixture
def dead_url(monkeypatch) -> str:
    """Return an address on this machine that nothing listens to."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/ml-latest-small.zip"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_zip(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/") + ".csv", text)
    return path


def write_parquet(path: Path, select: str) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"copy ({select}) to '{path}' (format parquet)")
    return path


# What is accepted


def test_a_folder(load, folder):
    ratings, movies, recorded = load(folder)
    assert ratings == LOADED
    assert movies == [
        (10, "American President, The (1995)", "Comedy|Drama"),
        (11, "Amélie (2001)", None),
    ]
    assert recorded == [
        ("ratings", str(folder), sha256(folder / "ratings.csv"), 20, False),
        ("movies", str(folder), sha256(folder / "movies.csv"), 2, False),
    ]


def test_a_relative_path_is_recorded_whole(load, folder):
    assert load("ml-tiny")[2][0][1] == str(folder)


def test_a_folder_without_movies(load, folder):
    (folder / "movies.csv").unlink()
    ratings, movies, recorded = load(folder)
    assert (len(ratings), movies, len(recorded)) == (20, [], 1)


def test_a_csv_file_takes_the_movies_beside_it(load, folder):
    ratings, movies, recorded = load(folder / "ratings.csv")
    assert (len(ratings), len(movies)) == (20, 2)
    assert recorded[0][1] == str(folder / "ratings.csv")


UNRELATED_MOVIES = {
    "other columns": "name,studio\nHeat,Warner\n",
    "other ids": "movieId,title,genres\n900,Heat (1995),Crime\n901,Toy (1995),\n",
    "ids of another kind": "movie_id,title\ntt0113277,Heat\ntt0114709,Toy\n",
    "no rows": "movieId,title,genres\n",
    "no table": "",
}


@pytest.mark.parametrize("kind", UNRELATED_MOVIES)
def test_movies_that_only_lie_beside_a_named_file_are_left_out(load, folder, caplog, kind):
    (folder / "movies.csv").write_text(UNRELATED_MOVIES[kind])
    with caplog.at_level(logging.WARNING):
        ratings, movies, recorded = load(folder / "ratings.csv")
    assert (ratings, movies, [row[0] for row in recorded]) == (LOADED, [], ["ratings"])
    [warning] = [one.getMessage() for one in caplog.records]
    assert str(folder / "movies.csv") in warning
    assert warning.endswith("It is left out: movies have no titles.")


@pytest.mark.parametrize("kind", ["other columns", "no table"])
@pytest.mark.parametrize("is_zip", [False, True])
def test_movies_that_are_part_of_what_was_named_must_be_right(load, folder, kind, is_zip):
    (folder / "movies.csv").write_text(UNRELATED_MOVIES[kind])
    named = folder
    if is_zip:
        named = write_zip(folder / "ml.zip", ratings=RATINGS, movies=UNRELATED_MOVIES[kind])
    with pytest.raises((MissingColumnsError, SourceUnreadableError), match=r"movies\.csv"):
        load(named)


def test_movies_of_a_named_folder_need_not_be_rated(load, folder):
    (folder / "movies.csv").write_text(UNRELATED_MOVIES["other ids"])
    assert len(load(folder)[1]) == 2


@pytest.mark.parametrize("prefix", ["", "ml-latest-small__", "a__b__c__"])
def test_a_zip_whatever_folder_it_holds(load, tmp_path, prefix):
    path = write_zip(
        tmp_path / "ml.zip",
        **{f"{prefix}tags": "x", f"{prefix}ratings": RATINGS, f"{prefix}movies": MOVIES},
    )
    ratings, movies, recorded = load(path)
    assert (ratings, len(movies)) == (LOADED, 2)
    # The checksum is that of the file inside: the same data have the same, packed or not.
    assert recorded[0][1:4] == (str(path), hashlib.sha256(RATINGS.encode()).hexdigest(), 20)


@pytest.mark.parametrize(
    "header",
    [
        "userId,movieId,rating,timestamp",
        "USER_ID,MOVIE_ID,RATING,TIMESTAMP",
        "user,item,score,time",
        "uid,iid,stars,rated_at",
        "userid, itemid, ratings, timestamp",
        '"user_id","item_id","rating","timestamp"',
    ],
)
def test_columns_are_found_by_their_usual_names(load, tmp_path, header):
    path = tmp_path / "any name.csv"
    path.write_text(RATINGS.replace(HEADER.strip(), header))
    assert load(path)[0] == LOADED


def test_columns_may_stand_in_any_order_among_others(load, tmp_path):
    path = tmp_path / "r.csv"
    path.write_text('note,rating,movie_id,x,user_id\n"a, ""b""",4.5,7,,1\n"two\nlines",3,8,,2\n')
    assert load(path)[0] == [(1, 7, 4.5, None), (2, 8, 3.0, None)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".CSV", ".csv.gz"])
def test_dialects_of_csv(load, tmp_path, delimiter, line_end, suffix):
    text = RATINGS.replace(",", delimiter).replace("\n", line_end)
    path = tmp_path / f"ratings{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    assert load(path)[0] == LOADED


def test_a_byte_order_mark_is_no_part_of_the_first_name(load, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text(RATINGS, "utf-8-sig")
    assert load(path)[0] == LOADED


def test_quotes_commas_and_letters_in_titles(load, folder):
    titles = [
        '"Great ""Cats"" (1998)"',
        '"Léon: The Professional (a.k.a. X, Y) (1994)"',
        "東京 (1953)",
    ]
    lines = "".join(f"{10 + n},{title},Drama\r\n" for n, title in enumerate(titles))
    (folder / "movies.csv").write_text(f"movieId,title,genres\r\n{lines}", "utf-8", newline="")
    assert [title for _, title, _ in load(folder)[1]] == [
        'Great "Cats" (1998)',
        "Léon: The Professional (a.k.a. X, Y) (1994)",
        "東京 (1953)",
    ]


@pytest.mark.parametrize("name", ["it's [1].csv", "a*.csv", "r{1,2}?.csv", "é ü.csv", "$path.csv"])
def test_a_path_is_taken_literally(load, tmp_path, name):
    (tmp_path / "ab.csv").write_text(f"{HEADER}9,9,9,9\n")  # would match 'a*.csv'
    path = tmp_path / name
    path.write_text(RATINGS)
    assert load(path)[0] == LOADED


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("964982703", 964982703),
        ("2000-07-30 18:45:03", 964982703),
        ("2000-07-30T18:45:03Z", 964982703),
        ("2000-07-31 00:15:03+05:30", 964982703),
        ("2000-07-30T13:45:03-05", 964982703),
        ("2000-07-30", 964915200),
        ("", None),
        ("never", None),
    ],
)
def test_a_timestamp_is_seconds_or_a_date_or_nothing(load, tmp_path, written, read):
    path = tmp_path / "r.csv"
    path.write_text(f"{HEADER}1,1,3,{written}\n1,2,4,5\n")
    assert load(path)[0] == [(1, 1, 3.0, read), (1, 2, 4.0, 5)]


@pytest.mark.parametrize("per_second", [10**3, 10**6, 10**9], ids=["ms", "us", "ns"])
def test_timestamps_in_parts_of_a_second_are_recognised(load, tmp_path, per_second):
    path = tmp_path / "r.csv"
    times = [int(line.rpartition(",")[2]) for line in LINES]
    lines = [
        f"{line.rpartition(',')[0]},{time * per_second + per_second // 2}\n"
        for line, time in zip(LINES, times, strict=True)
    ]
    path.write_text(HEADER + "".join(lines))
    assert load(path)[0] == LOADED


def test_the_unit_of_timestamps_is_that_of_most_of_the_file(load, tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(f"{HEADER}1,1,3,{10**12}\n1,2,4,964982703\n2,1,4,964982704\n2,2,1,\n")
    assert [row[3] for row in load(path)[0]] == [10**12, 964982703, 964982704, None]
    path.write_text(f"{HEADER}1,1,3,964982703000\n1,2,4,7\n2,1,4,964982704000\n2,2,1,\n")
    assert [row[3] for row in load(path)[0]] == [964982703, 0, 964982704, None]


@pytest.mark.parametrize(
    ("low", "high", "step"), [(1, 10, 1), (0, 100, 7), (-10, 10, 0.25)], ids=str
)
def test_any_scale_is_kept_as_it_is(load, tmp_path, low, high, step):
    values = [low, high, *(low + step * n for n in range(int((high - low) / step)))]
    path = tmp_path / "r.csv"
    rows = "".join(f"{n},{n % 3},{value}\n" for n, value in enumerate(values))
    path.write_text(f"user_id,movie_id,rating\n{rows}")
    assert [row[2] for row in load(path)[0]] == values


PARQUET = """
    select user_id::{0} as "userId", movie_id::{0} as "movieId", rating::{1} as rating,
           1000000000 + user_id as timestamp
    from (select range // 5 + 1 as user_id, range % 5 + 10 as movie_id,
                 (user_id * movie_id) % 10 / 2 + 0.5 as rating
          from range(20))"""


@pytest.mark.parametrize(
    ("id_type", "rating_type"),
    [
        ("bigint", "double"),
        ("integer", "float"),
        ("varchar", "varchar"),
        ("double", "decimal(3,1)"),
    ],
)
def test_parquet_of_any_type(load, tmp_path, id_type, rating_type):
    path = write_parquet(tmp_path / "r.parquet", PARQUET.format(id_type, rating_type))
    ratings, _, recorded = load(path)
    assert ratings == LOADED
    assert recorded == [("ratings", str(path), sha256(path), 20, False)]


def test_parquet_with_movies_beside_it(load, tmp_path):
    path = write_parquet(tmp_path / "ratings.parquet", PARQUET.format("bigint", "double"))
    write_parquet(tmp_path / "movies.parquet", "select 10 as item_id, 'Heat (1995)' as name")
    assert load(path)[1] == [(10, "Heat (1995)", None)]


def test_parquet_with_a_title_called_movie(load, tmp_path):
    select = (
        "select range as user_id, 7 as movie_id, 'Heat' as movie, range as rating from range(3)"
    )
    path = write_parquet(tmp_path / "r.parquet", select)
    assert load(path)[0] == [(0, 7, 0.0, None), (1, 7, 1.0, None), (2, 7, 2.0, None)]


def test_parquet_with_a_time(load, tmp_path):
    select = """select range as user_id, 1 as movie_id, range as rating,
                timestamp '2000-07-30 18:45:03' as rated_at from range(2)"""
    assert load(write_parquet(tmp_path / "r.parquet", select))[0][0] == (0, 1, 0.0, 964982703)


@pytest.mark.parametrize("name", ["sample:3000", "sample"])
def test_the_sample(load, name):
    ratings, movies, recorded = load(name)
    count = 3000 if name == "sample:3000" else 100_000
    assert len(ratings) == count
    assert [(*row[:2], *row[3:]) for row in recorded] == [
        ("ratings", f"sample:{count}", count, True),
        ("movies", f"sample:{count}", len(movies), True),
    ]
    assert all(len(row[2]) == 64 for row in recorded)
    assert [row[2] for row in load(name)[2]] == [row[2] for row in recorded]


# The network


def test_a_zip_behind_a_url(load, server):
    url, served, _ = server
    write_zip(served / "ml.zip", ml__ratings=RATINGS, ml__movies=MOVIES)
    ratings, movies, recorded = load(f"{url}/ml.zip")
    assert (ratings, len(movies)) == (LOADED, 2)
    assert recorded[0][1] == f"{url}/ml.zip"


@pytest.mark.parametrize("suffix", ["", "?version=2&x=/y.zip", "#part"])
def test_a_csv_behind_a_url(load, server, suffix):
    url, served, _ = server
    (served / "my ratings.csv").write_text(RATINGS)
    assert load(f"{url}/my%20ratings.csv{suffix}")[0] == LOADED


def test_a_url_that_was_named_is_read_again_every_time(load, server):
    url, served, _ = server
    (served / "r.csv").write_text(f"{HEADER}1,1,wrong,0\n")
    with pytest.raises(BadRowsError):
        load(f"{url}/r.csv")
    (served / "r.csv").write_text(RATINGS)
    assert load(f"{url}/r.csv")[0] == LOADED


def test_a_missing_page_is_a_download_error(load, server):
    url, _, _ = server
    with pytest.raises(DownloadError, match="404"):
        load(f"{url}/nothing.csv")


@pytest.mark.parametrize("named", ["argument", "variable"])
def test_a_named_url_never_falls_back(load, dead_url, folder, monkeypatch, named):
    folder.rename(folder.parent / "data")  # nothing local may help out
    if named == "variable":
        monkeypatch.setenv("RECSYS_SOURCE", dead_url)
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1"):
        load("auto" if named == "variable" else dead_url)


# Where `auto` looks


@pytest.fixture
def movielens(server, monkeypatch):
    """Serve a small stand-in for MovieLens; return (the zip, a log of requests)."""
    url, served, requests = server
    archive = write_zip(served / "ml.zip", ml__ratings=RATINGS, ml__movies=MOVIES)
    monkeypatch.setattr(sources, "MOVIELENS_URL", f"{url}/ml.zip")
    monkeypatch.setattr(
        sources, "MOVIELENS_RATINGS_SHA256", hashlib.sha256(RATINGS.encode()).hexdigest()
    )
    return archive, requests


def test_auto_takes_the_variable_first(load, folder, movielens, monkeypatch):
    local = folder.parent / "data" / "ml-latest-small"
    local.mkdir(parents=True)
    (local / "ratings.csv").write_text("user_id,movie_id,rating\n1,1,1\n1,2,2\n")
    monkeypatch.setenv("RECSYS_SOURCE", str(folder))
    assert load("auto")[2][0][1] == str(folder)
    monkeypatch.delenv("RECSYS_SOURCE")
    assert load("auto")[2][0][1] == str(local)
    assert movielens[1] == []


@pytest.mark.parametrize("value", ["sample:3000", "nowhere.csv"])
def test_the_variable_is_taken_as_a_source(load, movielens, monkeypatch, value):
    monkeypatch.setenv("RECSYS_SOURCE", value)
    if value == "nowhere.csv":
        with pytest.raises(SourceNotFoundError, match=r"nowhere\.csv"):
            load("auto")
    else:
        assert len(load("auto")[0]) == 3000
    assert movielens[1] == []


def test_a_local_folder_without_ratings_is_an_error_not_a_fallback(load, tmp_path, movielens):
    (tmp_path / "data" / "ml-latest-small").mkdir(parents=True)
    with pytest.raises(SourceNotFoundError, match=r"no ratings\.csv"):
        load("auto")


def test_auto_downloads_once_and_then_reads_the_cache(load, movielens, tmp_path):
    archive, requests = movielens
    ratings, movies, recorded = load("auto")
    assert (ratings, len(movies)) == (LOADED, 2)
    assert recorded[0][1:] == (
        sources.MOVIELENS_URL,
        sources.MOVIELENS_RATINGS_SHA256,
        20,
        False,
    )
    assert requests == ["/ml.zip"]
    archive.unlink()
    assert load("auto")[0] == LOADED
    assert requests == ["/ml.zip"]
    assert list((tmp_path / "cache").rglob("*ml.zip"))


def test_auto_falls_back_to_the_sample_and_says_so(load, dead_url, monkeypatch, caplog):
    monkeypatch.setattr(sources, "MOVIELENS_URL", dead_url)
    monkeypatch.setattr(sources, "SAMPLE_RATING_COUNT", 3000)
    with caplog.at_level(logging.WARNING):
        ratings, _, recorded = load("auto")
    assert len(ratings) == 3000
    assert {row[4] for row in recorded} == {True}
    [warning] = [one.getMessage() for one in caplog.records if "synthetic" in one.getMessage()]
    assert warning.startswith(f"Cannot download {dead_url}: ")
    assert "\n" not in warning


@pytest.mark.parametrize("fault", ["checksum", "truncated", "no ratings"])
def test_a_bad_download_is_an_error_and_does_not_stay_in_the_cache(load, movielens, fault):
    archive, requests = movielens
    good = archive.read_bytes()
    if fault == "checksum":
        write_zip(archive, ml__ratings=RATINGS.replace("1000000001", "1000000009"))
    elif fault == "truncated":
        archive.write_bytes(good[: len(good) // 2])
    else:
        write_zip(archive, ml__tags="x")
    with pytest.raises((SourceUnreadableError, SourceNotFoundError)) as refused:
        load("auto")
    assert sources.MOVIELENS_URL in refused.value.what
    if fault == "checksum":
        assert "SHA-256" in refused.value.what
    archive.write_bytes(good)
    assert load("auto")[0] == LOADED
    assert len(requests) == 2


def test_the_checksum_is_that_of_the_published_file():
    published = MOVIELENS / "ratings.csv"
    if not published.is_file():
        pytest.skip("RECSYS_SOURCE names no MovieLens folder")
    assert sources.sha256_of(published) == sources.MOVIELENS_RATINGS_SHA256


# What is refused


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere", "no such file or folder"),
        ("nowhere.csv", "no such file or folder"),
        ("", "no ratings"),
        ("empty", "no ratings.csv or ratings.parquet"),
        ("notes.md", "neither a folder, zip, CSV nor Parquet"),
        ("sample:", None),
        ("sample:0", "whole number"),
        ("sample:-5", "whole number"),
        ("sample:1e3", "whole number"),
        ("sample:many", "whole number"),
        ("sample:99999999999999999999", "whole number"),
        ("header.csv", "no rows"),
    ],
)
def test_nothing_usable_there(load, tmp_path, name, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.md").write_text("x")
    (tmp_path / "header.csv").write_text(HEADER)
    if reason is None:
        assert len(load(name)[0]) == sources.SAMPLE_RATING_COUNT
        return
    with pytest.raises(SourceNotFoundError, match=reason) as refused:
        load(name)
    assert "'sample'" in refused.value.remedy


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("a,b,c,d", "no user and no movie and no rating"),
        ("userId,b,c,d", "no movie and no rating"),
        ("userId,movieId,c,d", "no rating"),
        ("userId,rating,c,d", "no movie"),
        ("user,rating,tag", "no movie"),
    ],
)
def test_columns_are_missing(load, tmp_path, header, missing):
    path = tmp_path / "r.csv"
    path.write_text(f"{header}\n1,2,3,4\n" if header.count(",") == 3 else f"{header}\n1,2,3\n")
    with pytest.raises(MissingColumnsError, match=f"{missing} column") as refused:
        load(path)
    assert header.split(",")[1] in refused.value.what
    assert "user_id, movie_id, rating" in refused.value.remedy


def test_columns_of_parquet_are_missing(load, tmp_path):
    path = write_parquet(tmp_path / "r.parquet", "select 1 as user_id, 2 as movie_id")
    with pytest.raises(MissingColumnsError, match="no rating column; it has user_id, movie_id"):
        load(path)


def test_a_movies_file_without_titles(load, folder):
    (folder / "movies.csv").write_text("movieId,genres\n10,Drama\n")
    with pytest.raises(MissingColumnsError, match="no title column; it has movieId, genres"):
        load(folder)


BAD_VALUES = [
    "3.7,10,4,0",
    "1,10.5,4,0",
    "15e-1,10,4,0",
    "x,10,4,0",
    ",10,4,0",
    "1,,4,0",
    "1,10,,0",
    "1,10,good,0",
    "1,10,nan,0",
    "1,10,inf,0",
    "1,10,4 stars,0",
    "9223372036854775808,10,4,0",
]


@pytest.mark.parametrize("line", BAD_VALUES)
def test_a_line_that_is_no_rating(load, tmp_path, line):
    path = tmp_path / "r.csv"
    path.write_text(f"{RATINGS}{line}\n")
    with pytest.raises(BadRowsError, match=r"^1 of the rows") as refused:
        load(path)
    assert str(path) in refused.value.what
    assert "line_number=21" in refused.value.what


def test_bad_lines_are_counted_and_the_first_are_shown(load, tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(RATINGS + "".join(f"{user},10,none,0\n" for user in range(90, 99)))
    with pytest.raises(BadRowsError, match=r"^9 of the rows") as refused:
        load(path)
    assert "user_id=90" in refused.value.what
    assert "user_id=93" not in refused.value.what


@pytest.mark.parametrize("value", ["3.7", "'nan'::double", "'x'", "null::bigint", "[1]", "1e30"])
def test_a_parquet_id_that_is_no_whole_number(load, tmp_path, value):
    select = f"select {value} as user_id, range as movie_id, range as rating from range(3)"
    with pytest.raises(BadRowsError, match=r"^3 of the rows"):
        load(write_parquet(tmp_path / "r.parquet", select))


@pytest.mark.parametrize("number", ["1.0", "01", " 1", "+1"])
def test_a_whole_number_may_be_written_otherwise(load, tmp_path, number):
    path = tmp_path / "r.csv"
    path.write_text(f"user_id,movie_id,rating\n{number},10,3\n2,10,4\n")
    assert load(path)[0][0] == (1, 10, 3.0, None)


def test_ids_keep_every_digit(load, tmp_path):
    ids = [2**63 - 1, 2**53 + 1, 0, -(2**63)]
    path = tmp_path / "r.csv"
    rows = "".join(f"{one},{one},{n}\n" for n, one in enumerate(ids))
    path.write_text(f"user_id,movie_id,rating\n{rows}")
    assert [row[:2] for row in load(path)[0]] == [(one, one) for one in ids]


@pytest.mark.parametrize("movie_id", ["x", "10.5", ""])
def test_a_movie_without_a_whole_number_stops_the_build(load, folder, movie_id):
    (folder / "movies.csv").write_text(f"movieId,title,genres\n{movie_id},Heat,Drama\n")
    with pytest.raises(CheckFailedError, match="movie_id=None"):
        load(folder)


def damaged(kind: str, folder: Path) -> Path:
    """Return a file that is not whole."""
    kind, _, fault = kind.partition(" ")
    many = RATINGS + "".join(f"{n},{n % 7},3,{n * 7919 % 10_007}\n" for n in range(2000))
    if kind == "zip":
        path = write_zip(folder / "r.zip", ratings=many)
    elif kind == "gz":
        path = folder / "r.csv.gz"
        path.write_bytes(gzip.compress(many.encode()))
    elif kind == "parquet":
        path = write_parquet(folder / "r.parquet", PARQUET.format("bigint", "double"))
    else:
        path = folder / "r.csv"
        path.write_text(many)
    whole = path.read_bytes()
    middle = len(whole) // 2
    changed = {
        "empty": b"",
        "truncated": whole[:middle],
        "overwritten": whole[: middle - 50] + b"\xff" * 100 + whole[middle + 50 :],
        "text": b"this is no such file",
    }[fault]
    path.write_bytes(changed)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        *(f"zip {fault}" for fault in ("empty", "truncated", "overwritten", "text")),
        *(f"gz {fault}" for fault in ("empty", "truncated", "overwritten", "text")),
        *(f"parquet {fault}" for fault in ("empty", "truncated", "overwritten", "text")),
        "csv empty",
        "csv overwritten",
    ],
)
def test_a_damaged_file(load, tmp_path, kind):
    path = damaged(kind, tmp_path)
    with pytest.raises(SourceUnreadableError) as refused:
        load(path)
    assert str(path) in refused.value.what
    assert "\n" not in refused.value.what


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_text_that_is_not_utf_8(load, folder, encoding):
    (folder / "movies.csv").write_bytes(f"{MOVIES}Drama\n".encode(encoding))
    with pytest.raises((SourceUnreadableError, MissingColumnsError)) as refused:
        load(folder)
    if encoding == "latin-1":
        assert "not utf-8 encoded" in refused.value.what
        assert "ignore_errors" not in refused.value.what


@pytest.mark.parametrize("line", ["1,10", "1,10,4,0,9,9"])
def test_a_line_with_too_few_or_too_many_fields(load, tmp_path, line):
    path = tmp_path / "r.csv"
    path.write_text(f"{RATINGS}{line}\n")
    with pytest.raises((SourceUnreadableError, MissingColumnsError), match=r"r\.csv"):
        load(path)


def test_an_unclosed_quote(load, folder):
    (folder / "movies.csv").write_text('movieId,title,genres\n10,"Heat,Drama\n11,Toy,\n')
    with pytest.raises((SourceUnreadableError, MissingColumnsError), match=r"movies\.csv"):
        load(folder)


def test_duplicates_are_counted(load, tmp_path, caplog):
    path = tmp_path / "r.csv"
    path.write_text(RATINGS + "1,10,1,1\n1,10,2,2\n")
    with caplog.at_level(logging.WARNING):
        assert len(load(path)[0]) == 22
    assert "2 ratings were superseded" in caplog.text
