"""The documents say what the program does: their commands and queries run."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

import recsys
from recsys.cli import COMMANDS, commands
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text("utf-8")
PAGES = [*sorted((PROJECT / "docs").glob("*.md")), PROJECT / "README.md"]


@pytest.fixture(scope="session")
def build_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "build_pages", PROJECT / "docs" / "build_pages.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date(build_pages):
    assert (PROJECT / "docs" / "reference.md").read_text("utf-8") == build_pages.make_reference()


def questions() -> list[str]:
    page = (PROJECT / "docs" / "questions.md").read_text("utf-8")
    return re.findall(r"```sql\n(.*?)```", page, re.DOTALL)


def test_there_are_ten_questions(build_pages):
    page = (PROJECT / "docs" / "questions.md").read_text("utf-8")
    assert len(build_pages.queries_of(page)) == len(questions()) == 10


@pytest.mark.parametrize("number", range(10))
def test_a_question_has_the_columns_that_the_page_shows(build_pages, built: Path, number):
    page = (PROJECT / "docs" / "questions.md").read_text("utf-8")
    query = questions()[number]
    header = page.split(query)[1].split("```text\n")[1].splitlines()[0].split()
    assert build_pages.run_query(built, query).splitlines()[0].split() == header


def readme_commands() -> list[str]:
    """Return the arguments of every `python cli.py …` in the README."""
    lines = [*re.findall(r"^\$ (python cli\.py .*)$", README, re.MULTILINE)]
    return [line.removeprefix("python cli.py ") for line in lines]


def test_the_readme_shows_a_session():
    assert len(readme_commands()) >= 3


@pytest.mark.parametrize("arguments", readme_commands())
def test_a_command_of_the_readme_runs(arguments, built: Path):
    small = {"build-warehouse": "--source sample:20000 --top-movies 60 --min-ratings 20"}
    wanted = shlex.split(arguments)
    wanted += shlex.split(small.get(wanted[0], ""))
    known = str(
        CliRunner()
        .invoke(
            commands,
            [
                "--database",
                str(built),
                "sql",
                "select min(user_id) from predictions",
                "--format",
                "csv",
            ],
        )
        .output.split()[1]
    )
    wanted = [known if one == "599" else one.replace("= 599", f"= {known}") for one in wanted]
    result = CliRunner().invoke(commands, ["--database", str(built), *wanted])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_is_in_the_readme(command):
    assert re.search(rf"^\| `{command}[` ,]", README, re.MULTILINE), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_set_up_commands_of_the_readme_are_those_that_are_checked():
    script = (PROJECT / ".ci" / "run").read_text("utf-8")
    assert 'pip install -c constraints.txt -e ".[test]" && pytest' in README
    assert 'pip install -c constraints.txt -e ".[train]" && python cli.py build-warehouse' in README
    assert 'pip install -c constraints.txt -e "$what"' in script
    for what in ('".[test]"', '".[train]"', '"."'):
        assert f" {what}\n" in script or f" {what} " in script, what


def test_the_notebook_session_of_the_readme_runs(built: Path, monkeypatch):
    """On a small warehouse, with a user and movies that it knows."""
    (session,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    with recsys.open(built) as recommender:
        user = recommender.users()[0]["user_id"]
        one, other = recommender.movies()[:2]
    for shown, known in {
        "599": str(user),
        "318": str(one["movie_id"]),
        "(599, 1)": f"({user}, {other['movie_id']})",
        f"({user}, 1)": f"({user}, {other['movie_id']})",
        '"Toy Story"': repr(one["title"]),
        '"The Matrix"': repr(other["title"]),
        'source="auto"': 'source="sample:20000", top_movies=60, min_ratings=20',
    }.items():
        session = session.replace(shown, known)
    exec(compile(session, "README.md", "exec"), {})
