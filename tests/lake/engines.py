"""The engines, each with the few things that the tests ask of all of them: create, write, evolve, travel in time, read."""
import pathlib
import shutil
import tempfile

import pyarrow
import requests

import trino_server
from server import Server
from storage_servers import ACCESS_KEY, SECRET_KEY, Storage

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGURATION = """
auth: {mode: token}
tokens:
  - {user: root, groups: [admin], token: "env:ROOT_TOKEN"}
  - {user: engine, groups: [engines], token: "env:ENGINE_TOKEN"}
"""
TOKENS = {"root": "root-token-0123456789abcdef", "engine": "engine-token-0123456789abcdef"}


class TownLake:
    """Our own SQL, by the same user, to whom the rules open the schema."""

    name = "townlake"

    def __init__(self, world):
        self.lake = world.server.lake(TOKENS["engine"])

    def create(self, table):
        self.lake.run(f"CREATE TABLE lake.s.{table} (id BIGINT, name VARCHAR, score DOUBLE, day DATE)")

    def append(self, table, rows):
        values = ", ".join(f"({i}, {quote(name)}, {'NULL' if score is None else score}, DATE '{day}')" for i, name, score, day in rows)
        self.lake.run(f"INSERT INTO lake.s.{table} VALUES {values}")

    def rows(self, table, snapshot=None):
        travel = f" FOR VERSION AS OF {snapshot}" if snapshot else ""
        return [plain(row) for row in self.lake.rows(f"SELECT * FROM lake.s.{table}{travel} ORDER BY 1")]

    def add_column(self, table, column):
        self.lake.run(f"ALTER TABLE lake.s.{table} ADD COLUMN {column} BIGINT")

    def delete(self, table, number):
        self.lake.run(f"DELETE FROM lake.s.{table} WHERE id = {number}")

    def drop(self, table):
        self.lake.run(f"DROP TABLE lake.s.{table}")


class PyIceberg:
    name = "pyiceberg"

    def __init__(self, world):
        self.world = world
        self.catalog = self.load()

    def load(self, **more):
        from pyiceberg.catalog import load_catalog

        url = f"{self.world.server.url}/iceberg"
        storage = {"s3.access-key-id": ACCESS_KEY, "s3.secret-access-key": SECRET_KEY} if self.world.storage else {}
        return load_catalog("lake", **{"type": "rest", "uri": url, "oauth2-server-uri": f"{url}/v1/oauth/tokens",
                                       "credential": f"engine:{TOKENS['engine']}", **storage, **more})

    def planning(self):
        """The same, but our server says which files are to be read."""
        return self.load(**{"scan-planning-mode": "server"})

    def create(self, table):
        from pyiceberg.schema import Schema
        from pyiceberg.types import DateType, DoubleType, LongType, NestedField, StringType

        types = (LongType(), StringType(), DoubleType(), DateType())
        fields = [NestedField(i + 1, name, kind, required=False) for i, (name, kind) in enumerate(zip(("id", "name", "score", "day"), types))]
        self.catalog.create_table(("s", table), schema=Schema(*fields))

    def append(self, table, rows):
        loaded = self.catalog.load_table(("s", table))
        import datetime

        columns = list(zip(*rows))
        days = [datetime.date.fromisoformat(day) for day in columns[3]]
        schema = loaded.schema().as_arrow()
        data = {"id": columns[0], "name": columns[1], "score": columns[2], "day": days}
        arrays = [pyarrow.array(data.get(field.name, [None] * len(rows)), field.type) for field in schema]
        loaded.append(pyarrow.Table.from_arrays(arrays, schema=schema))

    def rows(self, table, snapshot=None):
        found = self.catalog.load_table(("s", table)).scan(snapshot_id=snapshot).to_arrow().to_pydict()
        return sorted(plain(row) for row in zip(*found.values()))

    def add_column(self, table, column):
        from pyiceberg.types import LongType

        with self.catalog.load_table(("s", table)).update_schema() as update:
            update.add_column(column, LongType())

    def delete(self, table, number):
        self.catalog.load_table(("s", table)).delete(f"id = {number}")

    def drop(self, table):
        self.catalog.drop_table(("s", table))


class DuckDB:
    """The extension in a DuckDB of its own, that knows nothing of our server but its address."""

    name = "duckdb"

    def __init__(self, world):
        import duckdb

        self.db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for name in ("avro", "httpfs", "iceberg"):
            self.db.execute(f"LOAD '{ROOT}/.deps/ext/{name}.duckdb_extension'")
        self.db.execute(f"CREATE SECRET lake_secret (TYPE iceberg, CLIENT_ID 'engine', CLIENT_SECRET '{TOKENS['engine']}',"
                        f" OAUTH2_SERVER_URI '{world.server.url}/iceberg/v1/oauth/tokens')")
        if world.storage:
            self.db.execute(f"CREATE SECRET storage (TYPE s3, KEY_ID '{ACCESS_KEY}', SECRET '{SECRET_KEY}', REGION 'us-east-1', USE_SSL false,"
                            f" URL_STYLE 'path', ENDPOINT '{world.storage.endpoint[7:]}')")
        self.db.execute(f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{world.server.url}/iceberg', SECRET lake_secret, ACCESS_DELEGATION_MODE 'none')")

    def create(self, table):
        self.db.execute(f"CREATE TABLE lake.s.{table} (id BIGINT, name VARCHAR, score DOUBLE, day DATE)")

    def append(self, table, rows):
        columns = [name for name, *_ in self.db.execute(f"DESCRIBE lake.s.{table}").fetchall()][4:]
        values = ", ".join(f"({i}, {quote(name)}, {'NULL' if score is None else score}, DATE '{day}'{', NULL' * len(columns)})" for i, name, score, day in rows)
        self.db.execute(f"INSERT INTO lake.s.{table} VALUES {values}")

    def rows(self, table, snapshot=None):
        travel = f" AT (VERSION => {snapshot})" if snapshot else ""
        return [plain(row) for row in self.db.execute(f"SELECT * FROM lake.s.{table}{travel} ORDER BY 1").fetchall()]

    def add_column(self, table, column):
        self.db.execute(f"ALTER TABLE lake.s.{table} ADD COLUMN {column} BIGINT")

    def delete(self, table, number):
        self.db.execute(f"DELETE FROM lake.s.{table} WHERE id = {number}")

    def drop(self, table):
        self.db.execute(f"DROP TABLE lake.s.{table}")


class Trino:
    name = "trino"

    def __init__(self, world):
        self.trino = world.trino

    def run(self, sql):
        return self.trino.rows(sql, user="engine")

    def create(self, table):
        self.run(f"CREATE TABLE lake.s.{table} (id BIGINT, name VARCHAR, score DOUBLE, day DATE)")

    def append(self, table, rows):
        values = ", ".join(f"({i}, {quote(name)}, {'NULL' if score is None else f'{score}e0'}, DATE '{day}')" for i, name, score, day in rows)
        self.run(f"INSERT INTO lake.s.{table} (id, name, score, day) VALUES {values}")

    def rows(self, table, snapshot=None):
        travel = f" FOR VERSION AS OF BIGINT '{snapshot}'" if snapshot else ""
        return [plain(row) for row in self.run(f"SELECT * FROM lake.s.{table}{travel} ORDER BY 1")]

    def add_column(self, table, column):
        self.run(f"ALTER TABLE lake.s.{table} ADD COLUMN {column} BIGINT")

    def delete(self, table, number):
        self.run(f"DELETE FROM lake.s.{table} WHERE id = {number}")

    def drop(self, table):
        self.run(f"DROP TABLE lake.s.{table}")


def quote(text):
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def plain(row):
    return tuple(str(cell) if hasattr(cell, "isoformat") else cell for cell in row)


class World:
    """A server with its warehouse in a folder or in a bucket, and a Trino beside it."""

    engines = (TownLake, PyIceberg, DuckDB, Trino)

    def __init__(self, program, kind):
        self.program, self.kind = program, kind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="townlake-lake-"))
        self.storage = self.server = self.trino = None

    def __enter__(self):
        assert trino_server.missing() is None, trino_server.missing()
        environment = {"TOWNLAKE_LAKE_ENABLED": "true", "ROOT_TOKEN": TOKENS["root"], "ENGINE_TOKEN": TOKENS["engine"]}
        if self.kind == "s3":
            self.storage = Storage(self.folder / "s3", keep_alive=False)
            environment.update(self.storage.settings())
        self.server = Server(self.program, self.folder / "server", CONFIGURATION, environment=environment)
        self.grant()
        self.trino = trino_server.Trino(self.folder / "trino", {"lake": self.trino_catalog()})
        assert self.rest("POST", "namespaces", {"namespace": ["s"]}).status_code == 200
        self.started = [engine(self) for engine in self.engines]
        return self

    def __exit__(self, *_):
        for part in (self.trino, self.server, self.storage):
            if part:
                part.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def grant(self):
        self.rest("GET", "config")  # now the user is known
        answer = requests.post(f"{self.server.url}/api/v1/lifeguard/grants", headers={"Authorization": f"Bearer {TOKENS['root']}"}, timeout=30,
                               json={"group": "engines", "privileges": "raw, own", "scope": {"source": "lake"}, "duration": "1d", "reason": "test"})
        assert answer.status_code in (200, 201), answer.text

    def rest(self, method, path, body=None, **headers):
        headers["Authorization"] = f"Bearer {TOKENS['engine']}"
        return requests.request(method, f"{self.server.url}/iceberg/v1/{path}", json=body, headers=headers, timeout=60)

    def metadata(self, table):
        return self.rest("GET", f"namespaces/s/tables/{table}").json()["metadata"]

    def trino_catalog(self):
        text = (f"connector.name=iceberg\niceberg.catalog.type=rest\niceberg.rest-catalog.uri={self.server.url}/iceberg\n"
                f"iceberg.rest-catalog.security=OAUTH2\niceberg.rest-catalog.oauth2.token={TOKENS['engine']}\n")
        if not self.storage:
            return text + "fs.hadoop.enabled=true\n"
        return text + (f"fs.native-s3.enabled=true\ns3.endpoint={self.storage.endpoint}\ns3.region=us-east-1\ns3.path-style-access=true\n"
                       f"s3.aws-access-key={ACCESS_KEY}\ns3.aws-secret-key={SECRET_KEY}\n")
