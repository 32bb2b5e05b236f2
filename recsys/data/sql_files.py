"""The files of `sql/`: where they are, and what tells one version from another.

Flows in: nothing. Flows out: paths, texts, digests and the version of the schema.
"""

import hashlib
from functools import cache
from pathlib import Path

# Raise it when code no longer works with the relations of an older file.
SCHEMA_VERSION = 2
# Of files that do not say it: recsys 0.1.0 wrote them.
FIRST_SCHEMA_VERSION = 1


@cache
def sql_folder() -> Path:
    """Return the folder `sql/`: inside the installed package, or of the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


@cache
def query_text(query: str) -> str:
    """Return the text of a query of `sql/queries`."""
    return (sql_folder() / "queries" / f"{query}.sql").read_text("utf-8")


def numbered_files() -> list[Path]:
    """Return the files that make the relations of a warehouse, in order."""
    return sorted(sql_folder().glob("[0-9][0-9]_*.sql"))


def sql_sha256() -> str:
    """Return the SHA-256 over the SQL files of this program, as view `data_fingerprint` does."""
    text = ",".join(f"{name}:{digest}" for name, digest in sql_file_digests().items())
    return hashlib.sha256(text.encode()).hexdigest()


def sql_file_digests() -> dict[str, str]:
    """Return the SHA-256 of each numbered file by its name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in numbered_files()}
