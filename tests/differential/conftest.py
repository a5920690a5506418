"""The servers, filled once a run."""
import os
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parent))

import servers as servers_module  # noqa: E402
import suite as suite_module  # noqa: E402
import world  # noqa: E402

SEED = int(os.environ.get("DIFFERENTIAL_SEED", world.DATA_SEED))


@pytest.fixture(scope="session")
def seed():
    return SEED


@pytest.fixture(scope="session")
def servers():
    running = servers_module.Servers()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def suite(servers, seed):
    return suite_module.make(servers, seed)
