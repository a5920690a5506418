"""Real servers for the tests: the demo (embedded and federated), each started once, on ports of its own choice.

TOWNLAKE_BUILD names the build folder (default: build).  Nothing here is a mock.
"""
import os
import pathlib
import signal
import subprocess
import time

import pytest

from townlake import Lake

# Its statements would be among those that tests count; the tests of the Skimmer switch it on.
os.environ.setdefault("TOWNLAKE_SKIMMER_ENABLED", "false")

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TOWNLAKE_BUILD", ROOT / "build"))
PROGRAM = BUILD / "townlake"
SCALE = "0.05"
START_TIMEOUT_S = 180


def read_environment(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


class Demo:
    """A running `townlake demo`."""

    def __init__(self, folder, *options, scale=SCALE, default="open", settings=None):
        """default: what nobody has reviewed is open here, unless a test is about the rules: then "closed"."""
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        command = [str(PROGRAM), "demo", "--dir", str(folder), "--port", "0", "--scale", scale, *options]
        # A test kills the engine by SIGSEGV on purpose: that is no report.  A crash of its own still fails what was asked of it.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:handle_segv=0", "TOWNLAKE_LIFEGUARD_DEFAULT": default, **(settings or {})}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        self.wait_ready()
        self.environment = read_environment(folder / "demo.env")
        self.url = self.environment["TOWNLAKE_URL"]

    def wait_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while b"Town Lake is ready" not in self.log.read_bytes():
            if self.process.poll() is not None:
                raise RuntimeError(f"the demo ended with {self.process.returncode}:\n{self.log.read_text()}")
            if time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the demo was not ready in time:\n{self.log.read_text()}")
            time.sleep(0.05)

    def token(self, user="admin"):
        return self.environment[f"TOWNLAKE_TOKEN_{user.upper()}"]

    def lake(self, user="admin"):
        return Lake(self.url, self.token(user))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        text = self.log.read_text(errors="replace")
        assert "AddressSanitizer" not in text and "runtime error" not in text and "LeakSanitizer" not in text, text
        assert status == 0, text


@pytest.fixture(scope="session")
def program():
    assert PROGRAM.exists(), f"{PROGRAM} is missing: run `make build-test` and set TOWNLAKE_BUILD"
    return str(PROGRAM)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def demo(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("embedded") / "demo")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def closed_demo(program, tmp_path_factory):
    """With the demo's own people and reviews: each sees what is theirs."""
    running = Demo(tmp_path_factory.mktemp("closed") / "demo", scale="0.02", default="closed")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def federated(program, demo):
    folder = pathlib.Path("/tmp") / f"townlake-federated-{os.getpid()}"  # PostgreSQL's own user must be able to reach it
    today = next(line.split()[-1] for line in (demo.folder / "world.txt").read_text().splitlines() if line)
    running = Demo(folder, "--federated", "--today", today)
    yield running
    running.stop()
    subprocess.run(["rm", "-rf", str(folder), str(running.log)], check=False)


@pytest.fixture
def lake(demo):
    return demo.lake()


@pytest.fixture
def scratch(lake, request):
    """A schema of its own for one test."""
    name = "t_" + "".join(c if c.isalnum() else "_" for c in request.node.name)[:50].lower()
    lake.run(f"CREATE SCHEMA lake.{name}")
    yield f"lake.{name}"
    for (table,) in lake.rows(f"SHOW TABLES FROM lake.{name}"):
        lake.run(f"DROP TABLE lake.{name}.{table}")
    lake.run(f"DROP SCHEMA lake.{name}")
