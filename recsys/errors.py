"""Errors that we foresee, each with what happened and what to do.

RecsysError
├── SourceError            the ratings cannot be used
│   ├── SourceNotFoundError
│   ├── SourceUnreadableError
│   ├── MissingColumnsError
│   ├── BadRowsError
│   ├── UnrelatedMoviesError
│   ├── DownloadError
│   ├── OwnRatingsError
│   └── UnknownTitleError
├── WarehouseError         the DuckDB file cannot be used
│   ├── WarehouseMissingError
│   ├── WarehouseUnreadableError
│   ├── WarehouseOlderError
│   ├── WarehouseNewerError
│   ├── WarehouseLockedError
│   ├── WarehouseUnwritableError
│   ├── WarehouseChangedError
│   ├── CheckFailedError
│   ├── NoActiveUsersError
│   └── TooFewRatingsError
├── ModelError             no model, or not one that fits
│   ├── NoModelError
│   ├── ModelDamagedError
│   ├── UnknownIdError
│   ├── ExportMismatchError
│   ├── DivergedError
│   ├── TeacherTooLargeError
│   ├── NetworkShapeError
│   ├── EmbeddingDimensionsError
│   ├── DistillationShapeError
│   ├── NothingToVerifyError
│   ├── UnknownModelError
│   ├── NothingTunedError
│   ├── TuningBusyError
│   ├── TuningInterruptedError
│   ├── TuningWorkerError
│   └── StudyStorageError
├── DeviceError            the device that was asked for is not there
├── QueryError             a person's SQL does not run
├── OutputError            a file cannot be written
└── MissingPackageError    a package of an extra is not installed

A class fixes its wording; callers pass facts.
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recsys.launcher import launcher


class RecsysError(Exception):
    """Say in one line what happened and in one line what to do.

    Args:
        what: what happened, with the value that caused it.
        remedy: what to do next.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = " ".join(what.split())
        self.remedy = " ".join(remedy.split())


class SourceError(RecsysError):
    """The ratings cannot be used."""


class SourceNotFoundError(SourceError):
    """Nothing usable is at the place that was named."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"No ratings at {source!r}: {reason}.",
            "Name a MovieLens folder or zip, a ratings CSV or Parquet file, a URL, or 'sample'.",
        )


class SourceUnreadableError(SourceError):
    """The file is there and cannot be read."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"Cannot read {source!r}: {reason}",
            "Check that the file is a complete CSV, Parquet or zip file that you may read.",
        )


class MissingColumnsError(SourceError):
    """A column that is needed is not in the file."""

    def __init__(self, source: str, missing: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"{source!r} has no {' and no '.join(missing)} column; it has "
            f"{', '.join(found) or 'none'}.",
            "Rename its columns to user_id, movie_id, rating and (optionally) timestamp.",
        )


class BadRowsError(SourceError):
    """Some lines are not ratings."""

    def __init__(self, source: str, row_count: int, examples: str) -> None:
        super().__init__(
            f"{row_count} of the rows of {source!r} have no whole-number user and movie "
            f"or no numeric rating, for example {examples}.",
            "Correct or remove these rows; nothing was loaded.",
        )


class UnrelatedMoviesError(SourceError):
    """A movies file has nothing to do with the ratings."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"No movie of {str(path)!r} is rated.",
            "Check that the ratings and the movies are of the same data.",
        )


class DownloadError(SourceError):
    """A URL did not give the file."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot download {url}: {reason}",
            "Check the address and the network, or name a local file.",
        )


class OwnRatingsError(SourceError):
    """A file of somebody's own ratings cannot be used."""

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(
            f"Cannot use the ratings in {origin!r}: {reason}.",
            "Give it the columns movie_id (or title) and rating, one movie a row.",
        )


class UnknownTitleError(SourceError):
    """No movie is called like this."""

    def __init__(self, title: str, suggestions: Sequence[str]) -> None:
        closest = ", ".join(repr(one) for one in suggestions)
        super().__init__(
            f"No movie is called {title!r}.",
            f"Did you mean {closest}?" if closest else "Use its id from table movies.",
        )


class WarehouseError(RecsysError):
    """The DuckDB file cannot be used."""


class WarehouseMissingError(WarehouseError):
    """There is no warehouse yet."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no warehouse at {str(path)!r}.",
            f"Run `{launcher()} build-warehouse`, or point --database to one.",
        )


class WarehouseUnreadableError(WarehouseError):
    """The file is not a warehouse that we can open."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Cannot use {str(path)!r} as a warehouse: {reason}",
            "Point --database to another file, or move this one away and run "
            f"`{launcher()} build-warehouse`.",
        )


class WarehouseOlderError(WarehouseError):
    """A warehouse of an older program, which lacks what this one needs."""

    def __init__(self, path: Path, source: str, found: int, needed: int) -> None:
        super().__init__(
            f"{str(path)!r} was built by an older recsys: its schema is {found}, "
            f"this one needs {needed}.",
            f"Build it again: {launcher()} --database {shlex.quote(str(path))} build-warehouse "
            f"--source {shlex.quote(source)} (and the other options that you gave).",
        )


class WarehouseNewerError(WarehouseError):
    """A warehouse of a newer program, which may mean other things by the same names."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{str(path)!r} was built by a newer recsys: its schema is {found}, "
            f"this one knows {known}.",
            "Upgrade recsys, or point --database to another file; nothing was changed.",
        )


class WarehouseLockedError(WarehouseError):
    """Another process holds the file open."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"{str(path)!r} is held open{holder}.",
            "Close it there (or wait until it ends) and run this again; nothing was changed.",
        )


class WarehouseUnwritableError(WarehouseError):
    """The file or its folder cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Cannot write {str(path)!r}: {reason}",
            "Free some space, or point --database to a folder that you may write; "
            "nothing was changed.",
        )


class WarehouseChangedError(WarehouseError):
    """Somebody changed the data while a model was trained on them."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The data in {str(path)!r} changed while the model was being trained.",
            f"Run `{launcher()} train` again; the model was not stored.",
        )


class CheckFailedError(WarehouseError):
    """An audit of the data or of a model found offending rows."""

    def __init__(self, check: str, meaning: str, row_count: int, rows: str) -> None:
        remedies = {
            "data": "Correct the source and build again; the previous warehouse is unchanged.",
            "model": "The model is at fault, not your data: nothing of it was stored. Report this "
            f"with the output of `{launcher()} doctor`.",
        }
        super().__init__(
            f"Check {check!r} failed with {row_count} offending rows ({meaning}): {rows}",
            remedies[check.partition("_")[0]],
        )


class NoActiveUsersError(WarehouseError):
    """The filters leave too little to learn from."""

    def __init__(self, top_movies: int, min_ratings: int, most_ratings: int) -> None:
        super().__init__(
            f"No active user is left: nobody has {min_ratings} ratings on the "
            f"{top_movies} movies with most ratings (the most is {most_ratings}).",
            "Lower --min-ratings or raise --top-movies.",
        )


class TooFewRatingsError(WarehouseError):
    """A split is empty."""

    def __init__(self, counts: dict[str, int]) -> None:
        sizes = ", ".join(f"{count} {split}" for split, count in counts.items())
        super().__init__(
            f"Too few ratings to train on and to check: {sizes}.",
            "Lower --min-ratings or raise --top-movies, or use a larger ratings file.",
        )


class ModelError(RecsysError):
    """There is no model, or it does not fit."""


class NoModelError(ModelError):
    """The warehouse holds no trained model."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{str(path)!r} holds no trained model.",
            f"Run `{launcher()} train`.",
        )


class ModelDamagedError(ModelError):
    """The network in the warehouse is not the one that was stored, or cannot be run."""

    def __init__(self, model_id: str, reason: str) -> None:
        super().__init__(
            f"The network of model {model_id} cannot be used: {reason}.",
            f"Go back to another one with `{launcher()} models use`, or run `{launcher()} train`.",
        )


class UnknownIdError(ModelError):
    """The model has never seen this user or movie."""

    def __init__(self, kind: str, unknown: Sequence[int], known: Sequence[int], table: str) -> None:
        examples = ", ".join(str(one) for one in known[:5])
        named = ", ".join(str(one) for one in unknown[:5])
        super().__init__(
            f"The model does not know {kind} {named}; it knows {len(known)} {kind}s, "
            f"for example {examples}.",
            f'List them: {launcher()} sql "select {kind}_id from {table} order by {kind}_id"',
        )


class ExportMismatchError(ModelError):
    """The exported network does not compute what the trained one does."""

    def __init__(self, runtime: str, difference: float, tolerance: float, where: str) -> None:
        super().__init__(
            f"{runtime} and the trained network differ by {difference:.2e} stars on {where}; "
            f"{tolerance:.0e} is allowed.",
            f"The model was not stored. Report this with the output of `{launcher()} doctor`.",
        )


class DivergedError(ModelError):
    """Training gave no finite validation error."""

    def __init__(self, epoch: int) -> None:
        super().__init__(
            f"Training diverged: the validation error was not finite by epoch {epoch}.",
            f"Use another --preset (distilled, direct or notebook), or run `{launcher()} tune`, "
            "which searches for a learning rate.",
        )


class TeacherTooLargeError(ModelError):
    """The table of users and movies is too large to distil from."""

    def __init__(self, user_count: int, movie_count: int) -> None:
        super().__init__(
            f"{user_count} users and {movie_count} movies are too many for a teacher.",
            "Use --preset direct, which learns from the known ratings alone.",
        )


class NetworkShapeError(ModelError):
    """The network could not be run by SQL."""

    def __init__(self, layer_count: int, most: int) -> None:
        super().__init__(
            f"A network with {layer_count} hidden layers cannot be written as SQL.",
            f"Use 1 to {most} hidden layers.",
        )


class EmbeddingDimensionsError(ModelError):
    """Embeddings of two sizes have no dot product."""

    def __init__(self, user_dimension: int, movie_dimension: int) -> None:
        super().__init__(
            f"Interaction terms need embeddings of one size, and user_dimension is "
            f"{user_dimension} while movie_dimension is {movie_dimension}.",
            "Set both to the same number, or set has_interaction_terms to False.",
        )


class DistillationShapeError(ModelError):
    """A network without interaction terms cannot start from a teacher."""

    def __init__(self, preset: str) -> None:
        super().__init__(
            f"Preset {preset!r} is distilled and its network has no interaction terms.",
            "Set has_interaction_terms to True, or is_distilled to False.",
        )


class NothingToVerifyError(ModelError):
    """The user, or everybody, rated nothing in this split."""

    def __init__(self, user_id: int | None, split: str) -> None:
        who = "No user of the model has" if user_id is None else f"User {user_id} has no"
        super().__init__(
            f"{who} {split} ratings to compare with.",
            "Choose another --split or --user, or train on the data as they are now.",
        )


class NothingTunedError(ModelError):
    """Tuning ended before any trial did."""

    def __init__(self) -> None:
        super().__init__(
            "No trial was completed.",
            "Raise --timeout or --trials and run this again; it goes on where it was.",
        )


class TuningBusyError(ModelError):
    """Another process tunes with the same storage."""

    def __init__(self, storage: Path) -> None:
        super().__init__(
            f"Another process is tuning with {str(storage)!r}.",
            "Wait until it ends, or use --jobs there for more workers.",
        )


class TuningInterruptedError(ModelError):
    """A person stopped the search."""

    def __init__(self, finished: int, wanted: int) -> None:
        super().__init__(
            f"Stopped after {finished} of {wanted} trials, which are kept.",
            f"Run `{launcher()} tune` again to go on.",
        )


class TuningWorkerError(ModelError):
    """A worker process ended before its work was done."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(
            f"A worker process of tuning ended with exit code {exit_code}.",
            f"Read what it wrote above; finished trials are kept, run `{launcher()} tune` "
            "again to go on (with fewer --jobs if it ran out of memory).",
        )


class StudyStorageError(ModelError):
    """The storage of a study cannot be used."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Cannot use the storage of the study: {reason}",
            "Name a database that SQLAlchemy reaches with --storage, such as "
            "sqlite:///study.sqlite, or leave the option out.",
        )


class UnknownModelError(ModelError):
    """No model has this id."""

    def __init__(self, model_id: str) -> None:
        super().__init__(
            f"There is no model {model_id!r} in this warehouse.",
            f"Run `{launcher()} models` to list those that there are.",
        )


class DeviceError(RecsysError):
    """The device that was asked for is not there."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"CUDA cannot be used: {reason}.",
            f"Use --device cpu or auto; `{launcher()} doctor` says what is missing.",
        )


class QueryError(RecsysError):
    """A person's SQL does not run."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The query does not run: {reason}",
            "The warehouse is open read-only, without other files or the network; "
            f'`{launcher()} sql "select name, what from readme"` lists what is there, and '
            '"from duckdb_columns()" every column.',
        )


class OutputError(RecsysError):
    """A file that was asked for cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Cannot write {str(path)!r}: {reason}.",
            "Name a file in a folder that exists and that you may write.",
        )


# Packages that the base install lacks, and the extra that brings each.
_EXTRA_OF = {
    "filelock": "train",
    "jinja2": "report",
    "matplotlib": "report",
    "onnx": "train",
    "onnxscript": "train",
    "optuna": "report",
    "threadpoolctl": "train",
    "torch": "train",
}


class MissingPackageError(RecsysError):
    """A package of an extra is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs {package}, which is not installed.",
            f'Run `pip install "recsys-duckdb[{extra}]"`, or in a checkout '
            f'`pip install -c constraints.txt -e ".[{extra}]"`.',
        )


@contextmanager
def missing_packages_named() -> Iterator[None]:
    """Turn the lack of an extra's package into an error that says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA_OF:
            raise
        raise MissingPackageError(package, _EXTRA_OF[package]) from error
