"""Many writers of one table, and transactions over three, while the server is killed: nothing acknowledged is lost, nothing is half done.

LAKE_COMMITS commits of each of the 8 writers, LAKE_KILLS kills by -9 (few here; many in `make test-lake`).
"""
import os
import random
import threading
import time

import pytest
import requests

from catalog import CONFIGURATION, SCHEMA, TOKENS, Catalog

COMMITS, KILLS, WRITERS = int(os.environ.get("LAKE_COMMITS", 6)), int(os.environ.get("LAKE_KILLS", 3)), 8


class Client:
    """A writer as engines are: optimistic, and after a lost answer it looks whether its commit was done."""

    def __init__(self, server, seed):
        self.server, self.random, self.session = server, random.Random(seed), requests.Session()
        self.session.headers["Authorization"] = f"Bearer {TOKENS['spark']}"

    def call(self, method, path, body=None):
        return self.session.request(method, f"{self.server.url}/iceberg/v1/{path}", json=body, timeout=30)

    def patiently(self, method, path, body=None):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = self.call(method, path, body)
                if answer.status_code < 500:
                    return answer
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise AssertionError("the server does not come back")

    def metadata(self, table):
        answer = self.patiently("GET", f"namespaces/s/tables/{table}")
        assert answer.status_code == 200, answer.text
        return answer.json()["metadata"]

    def change(self, metadata, table, snapshot):
        parent = metadata["current-snapshot-id"]
        added = {"snapshot-id": snapshot, "sequence-number": metadata["last-sequence-number"] + 1, "timestamp-ms": int(time.time() * 1000),
                 "manifest-list": f"{metadata['location']}/metadata/snap-{snapshot}.avro", "summary": {"operation": "append"}, "schema-id": 0}
        if parent != -1:
            added["parent-snapshot-id"] = parent
        return {"identifier": {"namespace": ["s"], "name": table},
                "requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None if parent == -1 else parent}],
                "updates": [{"action": "add-snapshot", "snapshot": added},
                            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot}]}

    def commit(self, tables):
        """One snapshot to each, all or none; its id when it is known to be done."""
        while True:
            snapshot = self.random.getrandbits(62)
            changes = [self.change(self.metadata(table), table, snapshot) for table in tables]
            try:
                answer = (self.call("POST", f"namespaces/s/tables/{tables[0]}", changes[0]) if len(tables) == 1
                          else self.call("POST", "transactions/commit", {"table-changes": changes}))
                if answer.status_code in (200, 204):
                    return snapshot
                assert answer.status_code in (409, 500, 503), answer.text
                unknown = answer.status_code == 500
            except requests.RequestException:
                unknown = True
            if unknown and any(known["snapshot-id"] == snapshot for known in self.metadata(tables[0])["snapshots"]):
                return snapshot
            time.sleep(self.random.random() * 0.02)


@pytest.fixture
def server(program, tmp_path):
    running = Catalog(program, tmp_path)
    running.grant("loaders", "raw, own")
    yield running
    running.stop()


def run_writers(server, tables):
    """[tables of a writer's commits, ...] -> the ids each is told are done, with kills in between."""
    done, failures = [[] for _ in tables], []

    def write(number):
        client = Client(server, number)
        try:
            for _ in range(COMMITS):
                done[number].append(client.commit(tables[number]))
        except BaseException as failure:  # told by the test, not by a thread nobody hears
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(tables))]
    for thread in threads:
        thread.start()
    kills, chance = 0, random.Random(4711)
    while not any(done) and any(thread.is_alive() for thread in threads):
        time.sleep(0.001)
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2 + chance.random() * 0.6 if kills else 0)  # the first in the middle of it, however fast the writers are
        if kills < KILLS and any(thread.is_alive() for thread in threads):
            server.process.kill()
            server.process.wait(30)
            server.start(CONFIGURATION)
            kills += 1
    assert not failures, failures[0]
    assert kills > 0
    return done


def check_history(client, table, expected):
    metadata = client.metadata(table)
    snapshots = {snapshot["snapshot-id"]: snapshot for snapshot in metadata["snapshots"]}
    assert set(snapshots) == set(expected), "a commit is lost, or one is there that nobody was told of"
    order, at = [], metadata["current-snapshot-id"]
    while at is not None:
        order.append(at)
        at = snapshots[at].get("parent-snapshot-id")
    assert sorted(order) == sorted(expected), "the history has a hole"
    assert [entry["snapshot-id"] for entry in metadata["snapshot-log"]] == order[::-1]
    numbers = [snapshots[snapshot]["sequence-number"] for snapshot in order]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == len(numbers)
    for entry in metadata["metadata-log"]:
        assert os.path.exists(entry["metadata-file"].removeprefix("file://")), "a metadata file of the log is missing"


def make(server, *tables):
    client = Client(server, 99)
    assert client.call("POST", "namespaces", {"namespace": ["s"]}).status_code == 200
    for table in tables:
        assert client.call("POST", "namespaces/s/tables", {"name": table, "schema": SCHEMA}).status_code == 200
    return client


def test_writers_of_one_table_lose_nothing_when_the_server_is_killed(server):
    client = make(server, "t")
    done = run_writers(server, [["t"]] * WRITERS)
    check_history(client, "t", [snapshot for writer in done for snapshot in writer])


def test_transactions_over_three_tables_are_whole_when_the_server_is_killed(server):
    client = make(server, "a", "b", "c")
    done = run_writers(server, [["a", "b", "c"]] * 3 + [["b"]])
    everywhere = [snapshot for writer in done[:3] for snapshot in writer]
    check_history(client, "a", everywhere)
    check_history(client, "b", everywhere + done[3])
    check_history(client, "c", everywhere)
