"""Nobody sees a value that a reviewer has not opened to them, whatever they ask: see leak.py."""
import os
import time

import pytest

import leak
from conftest import Demo

SECONDS = float(os.environ.get("TOWNLAKE_LEAK_SECONDS", "60"))
SEED = int(os.environ.get("TOWNLAKE_LEAK_SEED", "20261124"))


@pytest.fixture(scope="module")
def closed(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("leak") / "demo", default="closed")
    yield running
    running.stop()


def test_no_statement_shows_what_is_hidden(closed):
    attackers, leaks = leak.attack(closed, SEED, SECONDS)
    assert not leaks, "\n".join(map(str, leaks))
    for attacker in attackers:
        assert attacker.answered > 10 and attacker.failed > 10, "the statements must be answered and refused, else nothing was tried"


def test_the_reader_finds_what_is_open(closed):
    """The same statements by who may see everything: if nothing is found there, the reader is blind."""
    secret = leak.learn(closed.lake("admin"))
    attacker = leak.Attacker(closed, "admin", leak.Finder(secret["contractor"]), SEED)
    leaks = []
    attacker.run(time.monotonic() + 60, leaks)
    assert leaks and attacker.tried < 100, attacker.tried


@pytest.mark.parametrize("person", leak.PEOPLE)
def test_known_questions_have_masked_answers(closed, person):
    secret = leak.learn(closed.lake("admin"))[person]
    finder = leak.Finder(secret)
    lake = closed.lake(person)
    for table in leak.TABLES:
        response = lake.post(f"SELECT * FROM {table} LIMIT 100")
        assert finder.find(response.text) is None
        error = response.json().get("error")
        assert error is None or "ops.public" in table or table.startswith(("lake", "events")), error
