"""The warehouse: one DuckDB file, created or opened by what is to be done with it.

Flows in: a path. Flows out: a `Warehouse`, whose schema is that of this program.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from recsys.data.duckdb_errors import translated
from recsys.data.queries import Columns, Warehouse
from recsys.data.sql_files import FIRST_SCHEMA_VERSION, SCHEMA_VERSION
from recsys.errors import (
    WarehouseMissingError,
    WarehouseNewerError,
    WarehouseOlderError,
    WarehouseUnreadableError,
)

__all__ = [
    "Columns",
    "Warehouse",
    "create_warehouse",
    "open_for_reading",
    "open_for_replacing",
    "open_for_writing",
]

_Config = dict[str, str | bool | int | float | list[str]]

# Files in this format open in every DuckDB from 1.2 on.
_STORAGE_VERSION = "v1.2.0"
# Nothing may reach for the network, and no Python variable may stand in for a table.
_CONFIG: _Config = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
_SANDBOX: _Config = {"enable_external_access": False}


def create_warehouse(path: Path) -> Warehouse:
    """Create an empty DuckDB file in the format that older clients read."""
    return _connect(path, read_only=False, config=_writable_config())


def open_for_reading(path: Path) -> Warehouse:
    """Open a warehouse read-only and shut off from other files and the network.

    Any number of processes may do so at once.

    Raises:
        WarehouseError: it is missing, locked, or no warehouse that this program can read.
    """
    return _open_existing(path, read_only=True, config=_CONFIG | _SANDBOX)


@contextmanager
def opened_for_queries(path: Path, memory: str, seconds: float) -> Iterator[Warehouse]:
    """Open a warehouse for a person's own SQL, as `open_for_reading` does, with limits.

    Args:
        path: the warehouse.
        memory: what queries may take, as DuckDB writes it; beyond it they spill to a private
            temporary folder.
        seconds: after which a query is ended.

    Raises:
        QueryError: a query took longer.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-") as spill:
        limits: _Config = {"memory_limit": memory, "temp_directory": spill}
        config = _CONFIG | _SANDBOX | limits
        with (
            _open_existing(path, read_only=True, config=config) as warehouse,
            warehouse.time_limit(seconds),
        ):
            yield warehouse


def open_for_writing(path: Path) -> Warehouse:
    """Open an existing warehouse to write to it, one process at a time, and to nothing else."""
    return _open_existing(path, read_only=False, config=_writable_config() | _SANDBOX)


def open_for_replacing(path: Path) -> Warehouse:
    """Open a warehouse that a new one will replace: it may be of an older schema or damaged."""
    return _open_existing(
        path, read_only=False, config=_writable_config() | _SANDBOX, for_replacing=True
    )


def _writable_config() -> _Config:
    return _CONFIG | {"storage_compatibility_version": _STORAGE_VERSION}


def _open_existing(
    path: Path, *, read_only: bool, config: _Config, for_replacing: bool = False
) -> Warehouse:
    if not path.exists():
        raise WarehouseMissingError(path)
    warehouse = _connect(path, read_only=read_only, config=config)
    try:
        _check_format(warehouse, for_replacing=for_replacing)
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def _connect(path: Path, *, read_only: bool, config: _Config) -> Warehouse:
    with translated(path):
        connection = duckdb.connect(path, read_only=read_only, config=config)
        # Who opens a file for reading twice in one process shares its settings, locked already.
        with suppress(duckdb.InvalidInputException):
            # A bar would be drawn on stdout, which is for results.
            connection.execute("set enable_progress_bar = false")
            if read_only:
                connection.execute("set lock_configuration = true")
    return Warehouse(connection, path)


def _check_format(warehouse: Warehouse, *, for_replacing: bool) -> None:
    """Refuse what is no warehouse, and a warehouse whose schema is not that of `sql/`."""
    path = warehouse.path
    kind = warehouse.row("select_file_kind")["file_kind"]
    version: int | None = FIRST_SCHEMA_VERSION if kind == "older" else None
    if kind == "warehouse":
        try:
            version = next(iter(warehouse.rows("select_format").column("schema_version")), None)
        except WarehouseUnreadableError:
            if for_replacing:
                return  # a warehouse by its catalogue, and damaged
            raise
    if version is None:
        raise WarehouseUnreadableError(
            path, "it is a DuckDB file without the tables of a warehouse."
        )
    if version > SCHEMA_VERSION:
        raise WarehouseNewerError(path, version, SCHEMA_VERSION)
    if version < SCHEMA_VERSION and not for_replacing:
        source = warehouse.row("select_ratings_source")["uri"]
        raise WarehouseOlderError(path, source, version, SCHEMA_VERSION)
