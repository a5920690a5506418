"""The lake in a bucket: the same tables, through the door, with the files behind S3's API."""
import pytest
import requests

from catalog import SCHEMA, Catalog
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


def test_upkeep_works_on_files_in_the_bucket(lake, storage):
    lake.run("CREATE SCHEMA lake.kept")
    lake.run("CREATE TABLE lake.kept.t AS SELECT range AS n FROM range(10)")
    for i in range(3):
        lake.run(f"INSERT INTO lake.kept.t SELECT range AS n FROM range({i})")
    lake.run("DELETE FROM lake.kept.t WHERE n = 5")
    before = lake.rows("SELECT n FROM lake.kept.t ORDER BY n")
    assert lake.value('SELECT count(*) FROM lake.kept."t$files" WHERE content = 0') == 3
    lake.run("ALTER TABLE lake.kept.t EXECUTE optimize")
    assert lake.rows('SELECT content, record_count FROM lake.kept."t$files"') == [[0, len(before)]]
    assert lake.rows("SELECT n FROM lake.kept.t ORDER BY n") == before
    lake.run("ALTER TABLE lake.kept.t EXECUTE remove_orphan_files")
    assert lake.rows("SELECT n FROM lake.kept.t ORDER BY n") == before
    lake.run("DROP SCHEMA lake.kept CASCADE")


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


# --- other engines: requests that the server signs, one by one ---


class Guarded(Catalog):
    def __init__(self, program, storage, folder, **settings):
        super().__init__(program, folder, environment={**storage.settings("guarded"), **settings})
        for group, privileges in (("loaders", "raw, own"), ("readers", "raw, read")):
            self.grant(group, privileges)
        self.call("spark", "POST", "namespaces", {"namespace": ["g"]})
        for name in ("t", "t2"):
            self.call("spark", "POST", "namespaces/g/tables", {"name": name, "schema": SCHEMA})

    def sign(self, user, method, uri, headers=None, delegation="remote-signing"):
        body = {"method": method, "uri": uri, "region": "us-east-1", "headers": headers or {}}
        return self.call(user, "POST", "namespaces/g/tables/t/sign", body, **{"X-Iceberg-Access-Delegation": delegation})


@pytest.fixture(scope="module")
def guarded(program, storage, tmp_path_factory):
    running = Guarded(program, storage, tmp_path_factory.mktemp("guarded"))
    yield running
    running.stop()


@pytest.fixture
def table(guarded, storage):
    loaded = guarded.call("spark", "GET", "namespaces/g/tables/t", **{"X-Iceberg-Access-Delegation": "vended-credentials,remote-signing"}).json()
    assert "s3.access-key-id" not in loaded["config"], "a key of the whole warehouse is for nobody else"
    assert loaded["config"]["s3.remote-signing-enabled"] == "true" and loaded["config"]["s3.signer.endpoint"] == "v1/namespaces/g/tables/t/sign"
    loaded["address"] = loaded["metadata"]["location"].replace("s3://", storage.endpoint + "/")
    return loaded


def send(method, signed, body=None):
    assert signed.status_code == 200, signed.text
    headers = {name: ",".join(values) for name, values in signed.json()["headers"].items()}
    return requests.request(method, signed.json()["uri"], headers=headers, data=body, timeout=30)


def test_files_of_the_table_are_read_and_written_by_signed_requests(guarded, storage, table):
    metadata = table["metadata-location"].replace("s3://", storage.endpoint + "/")
    assert send("GET", guarded.sign("eye", "GET", metadata)).json()["table-uuid"] == table["metadata"]["table-uuid"]
    part = send("GET", guarded.sign("eye", "GET", metadata, {"Range": ["bytes=0-0"]}))
    assert part.status_code == 206 and part.text == "{"
    data = table["address"] + "/data/a=b%252Fc d.parquet".replace(" ", "%20")
    assert send("PUT", guarded.sign("spark", "PUT", data, {"x-amz-meta-by": ["spark"]}), b"rows").status_code == 200
    assert send("GET", guarded.sign("spark", "GET", data)).text == "rows"
    assert send("DELETE", guarded.sign("spark", "DELETE", data)).status_code == 204
    presigned = guarded.sign("eye", "GET", metadata, delegation="presigned-urls")
    assert requests.get(presigned.json()["uri"], timeout=30).json()["table-uuid"] and SECRET_KEY not in presigned.text


def test_no_other_request_is_signed(guarded, storage, table):
    address, bucket = table["address"], f"{storage.endpoint}/lake"
    other = guarded.call("spark", "GET", "namespaces/g/tables/t2").json()["metadata-location"].replace("s3://", storage.endpoint + "/")
    for method, uri, headers in [
        ("GET", other, {}), ("GET", f"{address}/../t2/x", {}), ("GET", f"{address}/%2e%2e/x", {}), ("GET", f"{address}x/data", {}), ("GET", address, {}),
        ("GET", f"{bucket}?list-type=2", {}), ("GET", f"{address}/x?versionId=1", {}), ("GET", f"{address}/x?acl", {}), ("PUT", f"{address}/x?tagging", {}),
        ("GET", f"http://elsewhere:1/lake{address.split('/lake', 1)[1]}/x", {}), ("GET", f"http://u@{address[7:]}/x", {}), ("GET", "not an address", {}),
        ("PUT", f"{address}/x", {"x-amz-copy-source": [f"/lake/{other.split('/lake/')[1]}"]}), ("PUT", f"{address}/x", {"X-Amz-Acl": ["public-read"]}),
        ("PUT", f"{address}/x", {"x-amz-website-redirect-location": ["/y"]}), ("PUT", f"{address}/x", {"x-amz-tagging": ["a=b"]}), ("GET", f"{address}/x", {"x-amz-new": ["1"]}),
        ("PATCH", f"{address}/x", {}), ("get", f"{address}/x", {}),
    ]:
        answer = guarded.sign("spark", method, uri, headers)
        assert answer.status_code == 403 and SECRET_KEY not in answer.text, (method, uri, answer.text)
    assert guarded.sign("eye", "PUT", f"{address}/x").status_code == 403
    assert guarded.sign("root", "GET", f"{address}/x").status_code == 403


def test_a_key_of_less_rights_is_given_where_there_is_one(program, storage, tmp_path_factory):
    settings = {"TOWNLAKE_LAKE_S3_CLIENT_ACCESS_KEY": "clientkey", "TOWNLAKE_LAKE_S3_CLIENT_SECRET_KEY": "env:CLIENT_SECRET", "CLIENT_SECRET": "client-secret"}
    running = Guarded(program, storage, tmp_path_factory.mktemp("vending"), **settings)
    try:
        asked = {"X-Iceberg-Access-Delegation": "vended-credentials"}
        config = running.call("eye", "GET", "namespaces/g/tables/t", **asked).json()["config"]
        assert (config["s3.access-key-id"], config["s3.secret-access-key"]) == ("clientkey", "client-secret")
        assert "s3.access-key-id" not in running.call("eye", "GET", "namespaces/g/tables/t").json()["config"]
        credentials = running.call("eye", "GET", "namespaces/g/tables/t/credentials").json()["storage-credentials"]
        assert credentials[0]["prefix"] == "s3://lake/guarded" and credentials[0]["config"]["s3.access-key-id"] == "clientkey"
        assert running.call("root", "GET", "namespaces/g/tables/t/credentials").status_code == 403
        again = {**asked, "Idempotency-Key": "01900000-0000-7000-8000-000000000001"}
        for _ in range(2):  # the second answer is the first one's, with a key of its own time
            made = running.call("spark", "POST", "namespaces/g/tables", {"name": "kept", "schema": SCHEMA}, **again)
            assert made.status_code == 200 and made.json()["config"]["s3.secret-access-key"] == "client-secret", made.text
        assert not [path for path in running.folder.rglob("*") if path.is_file() and b"client-secret" in path.read_bytes()]
    finally:
        running.stop()
