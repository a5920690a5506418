"""The lake in a bucket: the same tables, through the door, with the files behind S3's API."""
import pytest

from server import Server
from storage_servers import SECRET_KEY, Storage

OPEN = "lifeguard: {default: open}\n"


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    running = Storage(tmp_path_factory.mktemp("s3"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def server(program, storage, tmp_path_factory):
    running = Server(program, tmp_path_factory.mktemp("lake-s3"), OPEN, environment={**storage.settings(), "TOWNLAKE_LAKE_UNDROP": "0s"})
    yield running
    running.stop()


@pytest.fixture
def lake(server):
    return server.lake(user="admin")


def test_tables_live_in_the_bucket(lake, storage):
    lake.run("CREATE SCHEMA lake.s")
    lake.run("CREATE TABLE lake.s.people (id BIGINT, name VARCHAR)")
    assert lake.run("INSERT INTO lake.s.people VALUES (1, 'Ada'), (2, 'Björn')").page["updateCount"] == 2
    lake.run("UPDATE lake.s.people SET name = 'Grace' WHERE id = 2")
    assert lake.rows("SELECT * FROM lake.s.people ORDER BY id") == [[1, "Ada"], [2, "Grace"]]
    assert lake.run("CREATE TABLE lake.s.many AS SELECT range AS n FROM range(10000)").page["updateCount"] == 10000
    assert lake.value("SELECT count(*) FROM lake.s.many m JOIN lake.s.people p ON p.id = m.n") == 2
    assert len(list(storage.bucket.glob("wh/s/people-*/metadata/*.metadata.json"))) == 3
    assert list(storage.bucket.glob("wh/s/people-*/data/**/*.parquet"))
    lake.run("DROP TABLE lake.s.people")
    assert not list(storage.bucket.glob("wh/s/people-*/metadata/*"))
    lake.run("DROP SCHEMA lake.s CASCADE")
    assert not [path for path in storage.bucket.rglob("*") if path.is_file()]


def test_other_files_of_the_storage_stay_closed(lake, storage):
    (storage.bucket / "secret.csv").write_text("a\n1\n")
    for sql in ["SELECT * FROM 's3://lake/secret.csv'", "SELECT * FROM read_csv('s3://lake/secret.csv')"]:
        assert lake.error(sql).code in ("not_allowed", "table_not_found", "function_not_found", "unsupported", "syntax")


def test_the_secret_key_is_in_no_answer_and_no_log(lake, server):
    lake.run("CREATE SCHEMA lake.logs")
    lake.run("CREATE TABLE lake.logs.t AS SELECT 1 AS n")
    assert SECRET_KEY not in str(lake.rows("EXPLAIN SELECT * FROM lake.logs.t"))
    assert SECRET_KEY not in server.log.read_text()
    lake.run("DROP SCHEMA lake.logs CASCADE")


def test_an_outage_is_told_and_passes(lake, storage):
    lake.run("CREATE SCHEMA lake.outage")
    lake.run("CREATE TABLE lake.outage.t AS SELECT 1 AS n")
    storage.stop()
    try:
        assert lake.error("SELECT * FROM lake.outage.t").code != "internal"
    finally:
        storage.start()
    assert lake.value("SELECT n FROM lake.outage.t") == 1
    lake.run("DROP SCHEMA lake.outage CASCADE")
