"""How a person called the program is how it says what to run next."""

import subprocess
import sys
from pathlib import Path

import pytest

from recsys.launcher import launcher


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("cli.py", "python cli.py"),
        ("/somewhere/cli.py", "python cli.py"),
        ("/venv/bin/recsys", "recsys"),
        ("ipykernel_launcher.py", "recsys"),
    ],
)
def test_it_is_what_was_called(monkeypatch, called, said):
    monkeypatch.setattr(sys, "argv", [called])
    assert launcher() == said


def test_without_arguments_it_is_the_installed_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", [])
    assert launcher() == "recsys"


def test_the_installed_command_names_itself(tmp_path):
    command = Path(sys.executable).with_name("recsys")
    done = subprocess.run(
        [command, "recommend", "--user", "1"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Run `recsys build-warehouse`" in done.stderr
    shown = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "recsys recommend --user 599" in shown.stdout
    assert "cli.py" not in shown.stdout
