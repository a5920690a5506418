"""Who waits is told so, can leave, and gets a turn; who may not wait is refused."""
import contextlib
import signal
import subprocess
import threading
import time

import pytest

from conftest import PROGRAM
from townlake import Lake

ADMIN_TOKEN = "the-token-of-an-administrator-of-these-tests"
LONG = "SELECT sum(hash(range) % 7) FROM range(100000000000)"


class Server:
    def __init__(self, folder, query):
        config, token = folder / "townlake.yaml", folder / "token"
        token.write_text(ADMIN_TOKEN)
        token.chmod(0o600)
        config.write_text(f"listen: {{port: 0}}\nauth: {{mode: local}}\nstate: {{directory: {folder}/state}}\nquery: {query}\n"
                          f"tokens:\n  - {{user: root, groups: [admin], token: 'file:{token}'}}\n")
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(PROGRAM), "serve", "--config", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while "ready" not in self.log.read_text() or "http://" not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        text = self.log.read_text()
        self.url = text[text.index("http://"):].split('"')[0].split()[0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("admission"), "{user_max: 1, user_queue_max: 1, heavy_max: 1}")
    yield running
    running.stop()


@contextlib.contextmanager
def running(lake, sql=LONG):
    """A statement that runs until it is cancelled here."""
    page = lake.post(sql).json()
    try:
        yield page
    finally:
        lake.http.delete(page["nextUri"], timeout=30)


def test_who_waits_is_told_so_and_gets_a_turn(server):
    ann = Lake(server.url, user="ann")
    with running(ann) as first:
        assert first["stats"]["state"] == "RUNNING"
        waiting = ann.post("SELECT 42").json()
        assert waiting["stats"]["state"] == "QUEUED" and waiting["stats"]["queued"] and "columns" not in waiting
        assert Lake(server.url, user="ben").value("SELECT 43") == 43, "others do not wait behind one user's statements"
    rows, page = [], waiting
    while "nextUri" in page:
        page = ann.http.get(page["nextUri"], timeout=60).json()
        rows += page.get("data", [])
    assert rows == [[42]] and page["stats"]["state"] == "FINISHED" and page["stats"]["queuedTimeMillis"] > 0
    assert [column["name"] for column in page["columns"]] == ["42"]


def test_who_waits_may_leave(server):
    ann = Lake(server.url, user="ann")
    with running(ann):
        waiting = ann.post("SELECT 1").json()
        assert waiting["stats"]["state"] == "QUEUED"
        assert ann.http.delete(waiting["nextUri"], timeout=30).status_code == 204
        again = ann.post("SELECT 2").json()
        assert again["stats"]["state"] == "QUEUED", "the place in the line is free again"
        ann.http.delete(again["nextUri"], timeout=30)


def test_who_waits_is_listed_and_can_be_killed(server):
    ann, root = Lake(server.url, user="ann"), Lake(server.url, ADMIN_TOKEN)
    with running(ann) as first:
        waiting = ann.post("SELECT 1").json()
        states = dict(root.rows("SELECT query_id, state FROM system.runtime.queries WHERE \"user\" = 'ann'"))
        assert states[first["id"]] == "RUNNING" and states[waiting["id"]] == "QUEUED"
        root.run(f"CALL system.runtime.kill_query('{waiting['id']}', 'make room')")
        page = ann.http.get(waiting["nextUri"], timeout=60).json()
        assert 'killed by "root": make room' in page["error"]["message"]


def test_a_full_line_refuses_with_a_reason(server):
    ann = Lake(server.url, user="ann")
    with running(ann), running(ann, "SELECT 1"):
        error = ann.error("SELECT 2")
        assert error.code == "too_many_requests" and "your statements" in str(error) and error.hint
    assert ann.value("SELECT 3") == 3


def test_an_error_at_its_turn_is_told_as_any_other(server):
    ann = Lake(server.url, user="ann")
    with running(ann):
        waiting = ann.post("SELECT CAST(concat('a', 'b') AS INTEGER)").json()
        assert waiting["stats"]["state"] == "QUEUED"
    page = waiting
    while "nextUri" in page:
        page = ann.http.get(page["nextUri"], timeout=60).json()
    assert page["error"]["townlake"]["code"] == "invalid_value"


def test_load_is_in_the_metrics(server):
    ann = Lake(server.url, user="ann")
    with running(ann):
        waiting = ann.post("SELECT 1").json()
        text = ann.get("/metrics").text
        assert "townlake_statements_running 1\n" in text and "townlake_statements_waiting 1\n" in text
        ann.http.delete(waiting["nextUri"], timeout=30)


def test_small_ones_stay_quick_beside_runaways(server):
    """Eight users' endless statements, and one who asks small things."""
    users = [Lake(server.url, user=f"heavy{i}") for i in range(8)]
    small = Lake(server.url, user="small")
    pages = [None] * len(users)

    def begin(i):
        pages[i] = users[i].post(LONG).json()

    threads = [threading.Thread(target=begin, args=(i,)) for i in range(len(users))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = []
    for _ in range(20):
        started = time.monotonic()
        assert small.value("SELECT 1") == 1
        times.append(time.monotonic() - started)
    states = [page["stats"]["state"] for page in pages]
    for lake, page in zip(users, pages):
        lake.http.delete(page["nextUri"], timeout=30)
    assert sorted(times)[18] < 1, times
    assert states.count("RUNNING") >= 1
