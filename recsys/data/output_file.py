"""Write a file that a person asked for.

Flows in: a path and bytes. Flows out: the whole file, or the one that was there before.
"""

from contextlib import suppress
from pathlib import Path

from recsys.errors import OutputError


def write_output(file: Path, content: bytes, warehouse: Path) -> None:
    """Write a file in place of an earlier one; a device or a pipe gets the bytes as they are.

    Args:
        file: where to.
        content: all of it.
        warehouse: a file that must not be written over.

    Raises:
        OutputError: it is the warehouse, a folder, or cannot be written.
    """
    partial = file.with_name(f".{file.name}.partial")
    try:
        if file.exists() and file.samefile(warehouse):
            raise OutputError(file, "it is the warehouse itself")
        if file.exists() and not (file.is_file() or file.is_dir()):
            with file.open("wb", buffering=0) as device:
                device.write(content)
            return
        try:
            partial.write_bytes(content)
            partial.replace(file)
        finally:
            with suppress(OSError):
                partial.unlink()
    except OSError as error:
        raise OutputError(file, error.strerror or str(error)) from error
