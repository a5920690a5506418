"""One lake, several engines that share its tables: Town Lake itself, PyIceberg, DuckDB's extension and Trino, each the real one."""
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "integration"), str(ROOT / "bench"), str(pathlib.Path(__file__).parent)]

from engines import World  # noqa: E402


@pytest.fixture(scope="session")
def program():
    path = pathlib.Path(os.environ.get("TOWNLAKE_BUILD", ROOT / "build")) / "townlake"
    assert path.exists(), f"{path} is missing: run `make build-test` and set TOWNLAKE_BUILD"
    return str(path)


@pytest.fixture(scope="session", params=["local", "s3"])
def world(request, program):
    with World(program, request.param) as made:
        yield made
