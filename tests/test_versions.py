"""Versions of installed packages, whichever distribution of them there is."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from recsys.data import versions
from recsys.data.versions import installed_versions


@pytest.fixture
def install(monkeypatch):
    """Return a function that makes some distributions the only ones that are installed."""

    def install(**installed: str) -> None:
        named = {name.replace("_", "-"): number for name, number in installed.items()}

        def find(name: str) -> str:
            if name not in named:
                raise PackageNotFoundError(name)
            return named[name]

        monkeypatch.setattr(versions, "version", find)

    return install


@pytest.mark.parametrize("distribution", ["onnxruntime-gpu", "onnxruntime"])
def test_onnxruntime_is_found_under_either_name(install, distribution):
    install(**{distribution.replace("-", "_"): "1.31.0", "numpy": "2.4"})
    found = installed_versions(["onnxruntime", "numpy"])
    assert list(found.items()) == [(distribution, "1.31.0"), ("numpy", "2.4")]


def test_what_is_missing_is_left_out(install):
    install(numpy="2.4")
    assert installed_versions(["torch", "onnxruntime", "numpy"]) == {"numpy": "2.4"}


def test_versions_are_those_of_the_installation():
    assert installed_versions(["numpy"]) == {"numpy": version("numpy")}
