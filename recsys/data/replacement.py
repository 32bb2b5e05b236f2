"""Replace a warehouse atomically: what is at its path is the old file or the whole new one.

Flows in: the path of a warehouse. Flows out: an empty warehouse beside it to fill, which takes
its place at the end.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from recsys.data.duckdb_errors import translated
from recsys.data.warehouse import Warehouse, create_warehouse, open_for_replacing
from recsys.errors import WarehouseUnwritableError

# There an open file is never replaced or renamed, a folder is never flushed, and os.kill ends
# the process that it is given. None of this was tried: it is by the documentation of Python.
_IS_WINDOWS = os.name == "nt"


@contextmanager
def replacing(path: Path) -> Iterator[Warehouse]:
    """Build a new warehouse beside `path` and put it there only when all went well.

    Whatever happens inside, `path` holds the old file or the whole new one.

    Raises:
        WarehouseLockedError: another process holds the old file open.
        WarehouseUnwritableError: no space, or the folder cannot be written.
        WarehouseUnreadableError: the file there is not a warehouse; it is left alone.
    """
    target = path.resolve()
    with _held(target):  # fail before the work, not after it
        pass
    _remove_abandoned_builds(target)
    building = target.with_name(f".{target.name}.{os.getpid()}.building")
    try:
        with create_warehouse(building) as warehouse:
            yield warehouse
            warehouse.checkpoint()
        with ExitStack() as holding, translated(path):
            holding.enter_context(_held(target))
            _synchronise(building)
            if _IS_WINDOWS:
                holding.close()
            building.replace(target)
            if not _IS_WINDOWS:
                _synchronise(target.parent)
    finally:
        _remove(building)


@contextmanager
def _held(target: Path) -> Iterator[None]:
    """Let nobody else open the old warehouse, if there is one, so that no write to it is lost.

    What a killed process left in a log moves into the file: the log would be taken for the new
    file's.
    """
    if not target.parent.is_dir():
        raise WarehouseUnwritableError(target, "its folder does not exist.")
    log = target.with_name(f"{target.name}.wal")
    if target.exists():
        with open_for_replacing(target) as old:
            old.checkpoint()
            if log.exists():
                raise WarehouseUnwritableError(target, f"{log.name} cannot be moved into it.")
            yield
    else:
        if log.exists():
            # The log of a file that somebody moved away: DuckDB would apply it to the new one.
            with translated(target):
                log.replace(target.with_name(f"{log.name}.orphan"))
        yield


def _remove_abandoned_builds(target: Path) -> None:
    pattern = re.compile(rf"(\.{re.escape(target.name)}\.(\d+)\.building)(\.wal|\.tmp)?$")
    for file in target.parent.iterdir():
        found = pattern.match(file.name)
        if found and not _is_running(int(found[2]), file):
            _remove(file.with_name(found[1]))


def _is_running(process_id: int, building: Path) -> bool:
    """Say whether a process lives or, on Windows, whether one holds its file open."""
    try:
        if _IS_WINDOWS:
            building.rename(building)
            return False
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(building: Path) -> None:
    for leftover in (building, building.with_name(f"{building.name}.wal")):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(building.with_name(f"{building.name}.tmp"), ignore_errors=True)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if _IS_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
