"""Who writes a table says which files it is made of; files of other tables are never among them, on files and in a bucket."""
import json
import os
import pathlib

import pytest
import requests

from avro_swap import swapped
from catalog import TOKENS, Catalog
from storage_servers import Storage

ROWS = "SELECT range AS id, 'row ' || range AS text FROM range(100)"


class World:
    """spark owns the schema "s", eye the schema "hidden"; neither may see the other's."""

    def __init__(self, program, folder, storage=None):
        self.server = Catalog(program, folder, environment=storage.settings() if storage else None)
        self.root = storage.bucket.parent if storage else pathlib.Path("/")
        for group, schema in (("loaders", "s"), ("readers", "hidden")):
            answer = requests.post(f"{self.server.url}/api/v1/lifeguard/grants", headers={"Authorization": f"Bearer {TOKENS['root']}"}, timeout=30,
                                   json={"group": group, "privileges": "raw, own", "scope": {"source": "lake", "schema": schema}, "duration": "1d",
                                         "reason": "test"})
            assert answer.status_code in (200, 201), answer.text
        self.spark, self.eye = self.server.lake(TOKENS["spark"]), self.server.lake(TOKENS["eye"])
        self.spark.run("CREATE SCHEMA lake.s")
        self.eye.run("CREATE SCHEMA lake.hidden")
        self.eye.run(f"CREATE TABLE lake.hidden.secret AS {ROWS}")
        self.secret = self.eye_metadata()
        self.made = 0

    def eye_metadata(self):
        return self.server.call("eye", "GET", "namespaces/hidden/tables/secret").json()["metadata"]

    def path(self, location):
        """The file behind a location."""
        return self.root / location.split("://", 1)[1].lstrip("/")

    def mine(self):
        """A new table of spark's, and its metadata."""
        self.made += 1
        name = f"mine{self.made}"
        self.spark.run(f"CREATE TABLE lake.s.{name} AS {ROWS}")
        return name, self.load(name)

    def load(self, name):
        return self.server.call("spark", "GET", f"namespaces/s/tables/{name}").json()["metadata"]

    def files(self, metadata, what, kind="avro"):
        folder = self.path(metadata["location"])
        return [path for path in folder.rglob(f"*.{kind}") if path.name.startswith("snap-") == (what == "list") or kind != "avro"]

    def location_of(self, path, metadata):
        return metadata["location"] + str(path)[len(str(self.path(metadata["location"]))):]

    def secret_file(self):
        return self.location_of(self.files(self.secret, "data", "parquet")[0], self.secret)


@pytest.fixture(scope="module", params=["files", "bucket"])
def world(request, program, tmp_path_factory):
    storage = Storage(tmp_path_factory.mktemp("fence-s3")) if request.param == "bucket" else None
    made = World(program, tmp_path_factory.mktemp("fence"), storage)
    yield made
    made.server.stop()
    if storage:
        storage.stop()


def other_spellings(world, metadata):
    """Paths from the table to the secret, each as some reader might take it."""
    secret, own = world.secret_file(), metadata["location"]
    inner = secret[len(own.rsplit("/", 2)[0]) + 1:]  # below the warehouse
    spellings = [secret, f"{own}/../../{inner}", f"{own}/%2e%2e/%2e%2e/{inner}", f"{own}/data/..//../../{inner}", f"{own}/./../../{inner}",
                 secret.replace("hidden", "HIDDEN"), f"{own}\\..\\..\\{inner}", f"{own}/x?s3_endpoint=elsewhere"]
    if secret.startswith("file:"):
        return spellings + [secret.replace("file://", ""), secret.replace("file://", "file:"), secret.replace("file://", "file://localhost"), "/etc/passwd"]
    return spellings + [secret.replace("s3://", "s3a://"), secret.replace("s3://lake/", "s3://other/"), "https://example.com/x.parquet", "/etc/passwd"]


def test_the_table_of_another_is_closed(world):
    assert world.eye.value("SELECT count(*) FROM lake.hidden.secret") == 100
    assert world.spark.error("SELECT * FROM lake.hidden.secret").code in ("not_allowed", "table_not_found")
    name, _ = world.mine()
    assert world.spark.value(f"SELECT count(*) FROM lake.s.{name}") == 100


def test_a_commit_that_names_files_of_another_table_is_refused(world):
    name, metadata = world.mine()
    current = metadata["snapshots"][-1]
    manifest, listed = world.files(metadata, "manifest")[0], world.files(metadata, "list")[0]
    own_file = world.location_of(world.files(metadata, "data", "parquet")[0], metadata)

    def commit(manifest_list):
        snapshot = {**current, "snapshot-id": current["snapshot-id"] + 1, "parent-snapshot-id": current["snapshot-id"],
                    "sequence-number": current["sequence-number"] + 1, "manifest-list": manifest_list}
        return world.server.call("spark", "POST", f"namespaces/s/tables/{name}", {"requirements": [], "updates": [
            {"action": "add-snapshot", "snapshot": snapshot}, {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot["snapshot-id"]}]})

    secret_list = world.secret["snapshots"][-1]["manifest-list"]
    for refused in [secret_list] + [spelled.replace(world.secret_file(), secret_list) for spelled in other_spellings(world, metadata)]:
        answer = commit(refused)
        assert answer.status_code in (400, 403), (refused, answer.text)
    secret_manifest = world.location_of(world.files(world.secret, "manifest")[0], world.secret)
    bad_list = listed.with_name("snap-bad.avro")
    bad_list.write_bytes(swapped(listed.read_bytes(), world.location_of(manifest, metadata).encode(), secret_manifest.encode()))
    answer = commit(world.location_of(bad_list, metadata))
    assert answer.status_code == 403 and "outside the folder of its table" in answer.text, answer.text
    kept = manifest.read_bytes()
    manifest.write_bytes(swapped(kept, own_file.encode(), world.secret_file().encode()))
    again = world.server.call("spark", "POST", f"namespaces/s/tables/{name}", {"requirements": [], "updates": [
        {"action": "remove-snapshots", "snapshot-ids": [current["snapshot-id"]]}, {"action": "add-snapshot", "snapshot": current}]})
    assert again.status_code == 403 and "outside the folder of its table" in again.text, again.text
    for path in ("write.data.path", "write.metadata.path"):
        answer = world.server.call("spark", "POST", f"namespaces/s/tables/{name}", {"requirements": [], "updates": [
            {"action": "set-properties", "updates": {path: world.secret["location"] + "/data"}}]})
        assert answer.status_code == 403, answer.text
    manifest.write_bytes(kept)
    assert world.spark.value(f"SELECT count(*) FROM lake.s.{name}") == 100


def test_a_manifest_that_is_written_over_after_the_commit_opens_nothing(world):
    for at in range(len(other_spellings(world, world.secret))):
        name, metadata = world.mine()
        manifest = world.files(metadata, "manifest")[0]
        own_file = world.location_of(world.files(metadata, "data", "parquet")[0], metadata)
        spelled = other_spellings(world, metadata)[at]
        manifest.write_bytes(swapped(manifest.read_bytes(), own_file.encode(), spelled.encode()))
        error = world.spark.error(f"SELECT * FROM lake.s.{name}")
        if "%2e" in spelled:  # a name like any other below the table, of which there is no file
            assert error.code == "io", (spelled, error)
            continue
        assert error.code == "not_allowed" and "outside the folder of its table" in str(error), (spelled, error)
        if at:
            continue
        for sql in (f"SELECT sum(id) FROM lake.s.{name}", f'SELECT * FROM lake.s."{name}$files"', f"DELETE FROM lake.s.{name} WHERE id = 5",
                    f"ALTER TABLE lake.s.{name} EXECUTE optimize(file_size_threshold => '1GB')",
                    f"CREATE TABLE lake.s.copy AS SELECT * FROM lake.s.{name}"):
            error = world.spark.error(sql)
            assert error.code == "not_allowed", (sql, error)
        answer = world.server.call("spark", "POST", f"namespaces/s/tables/{name}/plan", {})
        assert answer.status_code == 403 and world.secret_file() not in answer.text.replace("the file", "", 1).split("lies outside")[-1], answer.text


def test_a_table_that_the_statement_reads_too_lends_no_files_to_another(world):
    name, metadata = world.mine()
    other, other_metadata = world.mine()
    manifest = world.files(metadata, "manifest")[0]
    own_file, other_file = (world.location_of(world.files(each, "data", "parquet")[0], each) for each in (metadata, other_metadata))
    manifest.write_bytes(swapped(manifest.read_bytes(), own_file.encode(), other_file.encode()))
    error = world.spark.error(f"SELECT a.id FROM lake.s.{name} a JOIN lake.s.{other} b ON a.id = b.id")
    assert error.code == "not_allowed" and "outside the folder of its table" in str(error), error


def test_a_manifest_list_that_is_written_over_opens_nothing(world):
    name, metadata = world.mine()
    listed, manifest = world.files(metadata, "list")[0], world.files(metadata, "manifest")[0]
    secret_manifest = world.location_of(world.files(world.secret, "manifest")[0], world.secret)
    listed.write_bytes(swapped(listed.read_bytes(), world.location_of(manifest, metadata).encode(), secret_manifest.encode()))
    error = world.spark.error(f"SELECT * FROM lake.s.{name}")
    assert error.code == "not_allowed" and "outside the folder of its table" in str(error), error


def test_a_manifest_under_the_name_of_a_data_file_is_still_one(world):
    name, metadata = world.mine()
    data = world.files(metadata, "data", "parquet")[0]
    listed, manifest = world.files(metadata, "list")[0], world.files(metadata, "manifest")[0]
    disguised = data.with_name("x.parquet")
    disguised.write_bytes(swapped(manifest.read_bytes(), world.location_of(data, metadata).encode(), world.secret_file().encode()))
    listed.write_bytes(swapped(listed.read_bytes(), world.location_of(manifest, metadata).encode(), world.location_of(disguised, metadata).encode()))
    error = world.spark.error(f"SELECT * FROM lake.s.{name}")
    assert error.code not in (None, "engine_lost"), error  # no manifest is read from it, and nothing else comes to harm
    assert world.eye.value("SELECT count(*) FROM lake.hidden.secret") == 100


def test_metadata_that_is_written_over_leads_nowhere_else(world, program):
    for change in ("location", "manifest-list"):
        name, metadata = world.mine()
        file = max(world.path(metadata["location"]).rglob("*.metadata.json"), key=lambda path: path.name)
        bad = json.loads(file.read_text())
        if change == "location":
            bad["location"] = world.secret["location"]
        bad["snapshots"][-1]["manifest-list"] = world.secret["snapshots"][-1]["manifest-list"]
        file.write_text(json.dumps(bad))
        if str(world.root) != "/":  # what was read before is remembered: a server that starts anew reads it again
            continue
        assert world.spark.error(f"SELECT * FROM lake.s.{name}").code not in (None, "engine_lost")
        assert world.server.call("spark", "GET", f"namespaces/s/tables/{name}").status_code != 200
    if str(world.root) != "/":
        world.server.restart(world.server.config.read_text().split("\n", 3)[3])
        for number in (world.made - 1, world.made):
            assert world.spark.error(f"SELECT * FROM lake.s.mine{number}").code not in (None, "engine_lost")
            assert world.server.call("spark", "GET", f"namespaces/s/tables/mine{number}").status_code != 200


def test_a_table_that_is_registered_brings_no_files_of_another(world):
    name, metadata = world.mine()
    file = max(world.path(metadata["location"]).rglob("*.metadata.json"), key=lambda path: path.name)
    world.spark.run(f"CREATE TABLE lake.s.gone AS {ROWS}")
    folder = metadata["location"] + "-copy"
    for change in ({"location": world.secret["location"]}, {"location": folder, "manifest": True}, {"location": folder}):
        bad = json.loads(file.read_text())
        bad["location"], bad["table-uuid"] = change["location"], "11111111-2222-4333-8444-555555555555"
        if change.get("manifest"):
            bad["snapshots"][-1]["manifest-list"] = world.secret["snapshots"][-1]["manifest-list"]
        target = world.path(folder) / "metadata" / "00001-x.metadata.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(bad))
        answer = world.server.call("spark", "POST", "namespaces/s/register", {"name": "stolen", "metadata-location": f"{folder}/metadata/{target.name}"})
        assert answer.status_code in (400, 403), answer.text
    world.spark.run("DROP TABLE lake.s.gone")


def test_a_link_to_a_file_of_another_table_is_not_followed(world):
    if str(world.root) != "/":
        return  # a bucket has no links
    name, metadata = world.mine()
    data = world.files(metadata, "data", "parquet")[0]
    data.unlink()
    os.symlink(world.path(world.secret_file()), data)
    error = world.spark.error(f"SELECT * FROM lake.s.{name}")
    assert error.code in ("not_allowed", "invalid_argument") and "link" in str(error), error
