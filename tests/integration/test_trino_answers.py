"""The recorded answers of Trino are still those of a real Trino 476.  Run by `make test-trino`."""
import os
import pathlib
import subprocess
import sys

from conftest import ROOT

sys.path += [str(ROOT / "bench"), str(ROOT / "tests" / "dialect")]
import trino_server  # noqa: E402


def test_the_recorded_answers_are_those_of_trino():
    assert trino_server.missing() is None, trino_server.missing()
    folder = pathlib.Path("/tmp") / f"townlake-trino-answers-{os.getpid()}"
    try:
        with trino_server.Trino(folder, {}) as trino:
            check = [sys.executable, str(ROOT / "tests" / "dialect" / "capture.py"), "--check", trino.url]
            done = subprocess.run(check, capture_output=True, text=True, timeout=900)
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
