"""Build the pages of docs/ that come from a warehouse.

`python docs/build_pages.py reference` writes reference.md from the comments in the catalogue.
`python docs/build_pages.py questions warehouse.duckdb` runs every query of questions.md on a
warehouse and writes its output below it.
"""

import contextlib
import io
import re
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from recsys.cli.output import print_stream
from recsys.config import DataSettings
from recsys.data.sql_files import numbered_files
from recsys.data.warehouse import create_warehouse, open_for_reading
from recsys.pipeline import build_data

DOCS = Path(__file__).resolve().parent
REFERENCE = DOCS / "reference.md"
QUESTIONS = DOCS / "questions.md"

_QUERY_AND_OUTPUT = re.compile(r"```sql\n(?P<query>.*?)```\n\n```text\n.*?```\n", re.DOTALL)
_CREATED = re.compile(r"create or replace (?:table|view|macro) (\w+)")


def main() -> None:
    """Write the page that is named on the command line."""
    if sys.argv[1:] == ["reference"]:
        REFERENCE.write_text(make_reference(), "utf-8")
    elif len(sys.argv) == 3 and sys.argv[1] == "questions":
        page = QUESTIONS.read_text("utf-8")
        QUESTIONS.write_text(answer_questions(page, Path(sys.argv[2])), "utf-8")
    else:
        sys.exit(__doc__)


def make_reference() -> str:
    """Return reference.md: every relation in the order in which sql/ makes them."""
    settings = DataSettings(top_movies=20, min_ratings=2)
    with (
        tempfile.TemporaryDirectory() as folder,
        create_warehouse(Path(folder) / "warehouse.duckdb") as warehouse,
    ):
        build_data(warehouse, "sample:2000", settings)
        records = list(warehouse.rows("select_comments"))
    order = _order_of_creation()
    records.sort(key=lambda record: order.index(record["name"]))
    lines = [
        "# Reference",
        "",
        "Every table, view and macro of a warehouse, in the order in which `sql/` makes them.",
        "The text is that of the comments in the file itself; "
        "`python docs/build_pages.py reference` writes this page.",
        "",
    ]
    for name, rows in groupby(records, key=lambda record: str(record["name"])):
        columns = list(rows)
        lines += [f"## {name}", "", f"*{columns[0]['kind']}* — {columns[0]['comment']}", ""]
        if columns[0]["column_name"] is not None:
            lines += ["| column | type | meaning |", "| --- | --- | --- |"]
            lines += [
                f"| {one['column_name']} | {one['data_type']} | {one['column_comment']} |"
                for one in columns
            ]
            lines.append("")
    return "\n".join(lines)


def _order_of_creation() -> list[str]:
    return [name for file in numbered_files() for name in _CREATED.findall(file.read_text("utf-8"))]


def answer_questions(page: str, database: Path) -> str:
    """Return the page with the present output of each of its queries."""

    def answer(block: re.Match[str]) -> str:
        output = run_query(database, block["query"])
        return f"```sql\n{block['query']}```\n\n```text\n{output}```\n"

    return _QUERY_AND_OUTPUT.sub(answer, page)


def queries_of(page: str) -> list[str]:
    """Return the queries of a page."""
    return [block["query"] for block in _QUERY_AND_OUTPUT.finditer(page)]


def run_query(database: Path, query: str) -> str:
    """Return what `python cli.py sql` prints for a query."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), open_for_reading(database) as warehouse:
        columns, rows = warehouse.stream(query)
        print_stream(columns, rows, "table")
    return printed.getvalue()


if __name__ == "__main__":
    main()
