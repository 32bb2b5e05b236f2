"""Where ratings come from: find, download and unpack what a person names.

Flows in: what `--source` names. Flows out: the files to load, or how many ratings to generate.
"""

import hashlib
import logging
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from recsys.config import SOURCE_VARIABLE
from recsys.data.formats import FILE_ENDINGS, UNPACKING_ERRORS
from recsys.errors import (
    DownloadError,
    SourceError,
    SourceNotFoundError,
    SourceUnreadableError,
)

MOVIELENS_URL = "https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"
MOVIELENS_RATINGS_SHA256 = "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646"
LOCAL_FOLDER = Path("data/ml-latest-small")
SAMPLE_RATING_COUNT = 100_000
_SAMPLE_DIGITS = 12  # far more ratings than any disk holds

_CONNECT_AND_READ_TIMEOUT = (3.05, 10.0)  # seconds

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Files to load, or how many ratings to generate.

    Args:
        uri: what a person would name to get the same data again.
        ratings: the ratings file; None for the synthetic sample.
        movies: the movies file; None if there is none.
        has_own_movies: the movies file is part of what was named, and does not only lie beside
            it.
        rating_count: ratings to generate for the sample.
    """

    uri: str
    ratings: Path | None = None
    movies: Path | None = None
    has_own_movies: bool = False
    rating_count: int = SAMPLE_RATING_COUNT


@contextmanager
def opened_source(name: str) -> Iterator[Source]:
    """Resolve what `--source` names to local files, unpacked if need be.

    Args:
        name: 'auto', 'sample', 'sample:N', a folder, a zip, a CSV or Parquet file, or a
            URL of one of these. Only 'auto' ever falls back.

    Raises:
        SourceError: there is nothing usable.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-") as scratch:
        yield _resolve(name, Path(scratch))


def _resolve(name: str, scratch: Path) -> Source:
    if name == "auto":
        return _resolve_automatically(scratch)
    if name == "sample" or name.startswith("sample:"):
        return _resolve_sample(name)
    if name.startswith(("http://", "https://")):
        return _resolve_path(_download(name, scratch), name, scratch)
    return _resolve_path(Path(name), str(Path(name).absolute()), scratch)


def _resolve_automatically(scratch: Path) -> Source:
    if named := os.environ.get(SOURCE_VARIABLE):
        return _resolve(named, scratch)
    if LOCAL_FOLDER.is_dir():
        return _resolve(str(LOCAL_FOLDER), scratch)
    import pooch

    try:
        archive = _download(MOVIELENS_URL, pooch.os_cache("recsys"))
    except DownloadError as error:
        _log.warning(
            "%s Using the synthetic sample instead: its people and films are invented.",
            error.what,
        )
        return _resolve_sample("sample")
    try:
        source = _resolve_path(archive, MOVIELENS_URL, scratch)
        if source.ratings is None or sha256_of(source.ratings) != MOVIELENS_RATINGS_SHA256:
            raise SourceUnreadableError(
                MOVIELENS_URL, "its ratings.csv has not the SHA-256 that we know."
            )
    except SourceError:
        archive.unlink(missing_ok=True)  # or every later build would find it in the cache
        raise
    return source


def _resolve_sample(name: str) -> Source:
    count = name.removeprefix("sample").removeprefix(":") or str(SAMPLE_RATING_COUNT)
    if not count.isdecimal() or len(count) > _SAMPLE_DIGITS or int(count) < 1:
        raise SourceNotFoundError(name, "'sample:N' takes a whole number of ratings")
    return Source(f"sample:{int(count)}", rating_count=int(count))


def _download(url: str, folder: Path) -> Path:
    """Return the file behind a URL, from the folder if it is there already."""
    import pooch
    from requests import ConnectionError, ConnectTimeout, ReadTimeout

    pooch.get_logger().setLevel(logging.WARNING)
    name = PurePosixPath(urlsplit(url).path).name
    cached_name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}"
    try:
        return Path(
            pooch.retrieve(
                url,
                known_hash=None,
                fname=cached_name,
                path=folder,
                downloader=pooch.HTTPDownloader(
                    timeout=_CONNECT_AND_READ_TIMEOUT, progressbar=sys.stderr.isatty()
                ),
            )
        )
    except (ConnectTimeout, ReadTimeout) as error:
        raise DownloadError(url, f"{urlsplit(url).netloc} does not answer.") from error
    except ConnectionError as error:
        raise DownloadError(url, f"{urlsplit(url).netloc} cannot be reached.") from error
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DownloadError(url, reason) from error


def _resolve_path(path: Path, uri: str, scratch: Path) -> Source:
    name = path.name.lower()
    try:
        if path.is_dir():
            return _resolve_folder(path, uri)
        if not path.is_file():
            raise SourceNotFoundError(uri, "there is no such file or folder")
        # A Parquet file may hold bytes that look like the end of a zip.
        if zipfile.is_zipfile(path) and not name.endswith((".parquet", ".pq")):
            return _resolve_zip(path, uri, scratch)
    except UNPACKING_ERRORS as error:
        raise SourceUnreadableError(uri, str(error)) from error
    if name.endswith(".zip"):
        raise SourceUnreadableError(uri, "it is no complete zip file.")
    if not name.endswith(FILE_ENDINGS):
        raise SourceNotFoundError(uri, "it is neither a folder, zip, CSV nor Parquet")
    movies = _find(path.parent, "movies")
    return Source(uri, path, None if movies == path else movies)


def _resolve_folder(folder: Path, uri: str) -> Source:
    ratings = _find(folder, "ratings")
    if ratings is None:
        raise SourceNotFoundError(uri, "there is no ratings.csv or ratings.parquet in it")
    return Source(uri, ratings, _find(folder, "movies"), has_own_movies=True)


def _find(folder: Path, stem: str) -> Path | None:
    candidates = (folder / (stem + ending) for ending in FILE_ENDINGS)
    return next((file for file in candidates if file.is_file()), None)


def _resolve_zip(archive: Path, uri: str, scratch: Path) -> Source:
    """Unpack the ratings and movies of a zip, whatever folder they are in."""
    wanted = {stem + ending for stem in ("ratings", "movies") for ending in FILE_ENDINGS}
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            name = PurePosixPath(member.filename).name
            if name in wanted and not (scratch / name).exists():
                with opened.open(member) as packed, (scratch / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)
    return _resolve_folder(scratch, uri)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex text.

    Raises:
        SourceUnreadableError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceUnreadableError(str(path), error.strerror or str(error)) from error
