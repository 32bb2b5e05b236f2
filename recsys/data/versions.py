"""Names of packages in, the versions of those that are installed out."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

# Distributions of one package: which of them there is depends on the platform.
_DISTRIBUTIONS = {"onnxruntime": ("onnxruntime-gpu", "onnxruntime")}


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each distribution, in the order of the packages.

    'onnxruntime' stands for whichever distribution of it is installed; what is missing is
    left out.
    """
    versions: dict[str, str] = {}
    for package in packages:
        for distribution in _DISTRIBUTIONS.get(package, (package,)):
            try:
                versions[distribution] = version(distribution)
            except PackageNotFoundError:
                continue
            break
    return versions
