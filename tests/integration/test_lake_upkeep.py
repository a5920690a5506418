"""Upkeep of the lake's tables in Trino's spelling: what a table says stays as it was, while its files become few and old ones go."""
import os
import pathlib
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import PROGRAM
from server import Server


def about(table, kind):
    schema, name = table.rsplit(".", 1)
    return f'{schema}."{name}${kind}"'


def files(lake, table, content=0):
    return [row[0] for row in lake.rows(f"SELECT file_path FROM {about(table, 'files')} WHERE content = {content}")]


def on_disk(path):
    return pathlib.Path(path.removeprefix("file://")).exists()


def job(lake, table):
    return lake.rows(f"SELECT kind, state, files_rewritten, files_added, rows_rewritten, files_removed, snapshots_removed, error "
                     f"FROM system.lake.jobs WHERE \"table\" = '{table}' ORDER BY started DESC LIMIT 1")[0]


def age(lake, table):
    """As if the files were a month old."""
    folder = pathlib.Path(files(lake, table)[0].removeprefix("file://")).parent.parent
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


TYPES = """(id BIGINT, name VARCHAR, price DECIMAL(12,3), born DATE, moment TIMESTAMP, zoned TIMESTAMPTZ, x DOUBLE, f REAL, ok BOOLEAN, t TIME,
            raw BLOB, u UUID, s STRUCT(a INTEGER, b VARCHAR[]), m MAP(VARCHAR, BIGINT), "odd name" INTEGER)"""


@pytest.mark.parametrize("version", [2, 3])
def test_optimize_keeps_every_row_of_every_type_and_makes_files_few(lake, scratch, version):
    table = f"{scratch}.many"
    lake.run(f"CREATE TABLE {table} {TYPES}")
    lake.run(f"ALTER TABLE {table} SET PROPERTIES format_version = {version}")
    for i in range(6):
        lake.run(f"""INSERT INTO {table} VALUES ({i}, 'n{i}', {i}.125, DATE '2026-01-0{i + 1}', TIMESTAMP '2026-01-01 00:00:0{i}.000001',
                     TIMESTAMPTZ '2026-01-01 00:00:0{i}+00', {i} / 7.0, {i} / 4.0, {i} % 2 = 0, TIME '0{i}:00:00', '\\xAB{i}'::BLOB, uuid(),
                     {{'a': {i}, 'b': ['q', NULL]}}, MAP {{'k': {i}}}, {i}), ({i + 10}, NULL, NULL, NULL, NULL, NULL, 'NaN'::DOUBLE, NULL, NULL, NULL,
                     NULL, NULL, NULL, NULL, NULL)""")
    lake.run(f"DELETE FROM {table} WHERE id IN (2, 13)")
    before = lake.rows(f"SELECT * FROM {table} ORDER BY id")
    assert len(before) == 10 and len(files(lake, table)) == 6
    assert lake.run(f"ALTER TABLE {table} EXECUTE optimize").page["updateType"] == "ALTER TABLE EXECUTE"
    assert job(lake, table)[:5] == ["optimize", "done", 6, 1, 10]
    assert lake.rows(f"SELECT * FROM {table} ORDER BY id") == before
    assert len(files(lake, table)) == 1 and files(lake, table, 1) == []
    stats = lake.rows(f"SELECT record_count, lower_bounds[1], upper_bounds[1], upper_bounds[3], lower_bounds[4], null_value_counts[2] FROM {about(table, 'files')}")
    assert stats == [[10, "0", "15", "5.125", "2026-01-01", 5]]
    assert lake.rows(f"SELECT operation FROM {about(table, 'snapshots')} ORDER BY committed_at DESC LIMIT 1") == [["replace"]]
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    assert len(lake.rows(f"SELECT 1 FROM {about(table, 'snapshots')} WHERE operation = 'replace'")) == 1, "nothing to do, nothing done"
    lake.run(f"DELETE FROM {table} WHERE id = 1")
    lake.run(f"INSERT INTO {table} (id, name) VALUES (100, 'new')")
    assert lake.value(f"SELECT count(*) FROM {table}") == 10
    assert lake.value(f"SELECT name FROM {table} WHERE id = 100") == "new"


def test_optimize_stays_within_partitions_and_by_the_order_of_the_table(lake, scratch):
    table = f"{scratch}.parts"
    lake.run(f"CREATE TABLE {table} (id BIGINT, day DATE) PARTITIONED BY (day)")
    for i in range(4):
        lake.run(f"INSERT INTO {table} SELECT 100 - range AS id, DATE '2026-01-01' + CAST(range % 2 AS INTEGER) FROM range({10 * i}, {10 * i + 10})")
    lake.run(f"ALTER TABLE {table} SET PROPERTIES sorted_by = ARRAY['id']")
    assert len(files(lake, table)) == 8
    lake.run(f"ALTER TABLE {table} EXECUTE optimize(file_size_threshold => '10MB')")
    rows = lake.rows(f"SELECT partition.identity_day_2, record_count, file_count FROM {about(table, 'partitions')} ORDER BY 1")
    assert rows == [["2026-01-01", 20, 1], ["2026-01-02", 20, 1]]
    assert [row[0] for row in lake.rows(f"SELECT id FROM {table} WHERE day = DATE '2026-01-02'")] == sorted(100 - n for n in range(1, 40, 2))


def test_optimize_after_the_schema_changed_and_rows_in_old_shapes(lake, scratch):
    table = f"{scratch}.evolved"
    lake.run(f"CREATE TABLE {table} AS SELECT 1 AS a, 'x' AS b")
    lake.run(f"INSERT INTO {table} VALUES (2, 'y')")
    lake.run(f"ALTER TABLE {table} RENAME COLUMN b TO bb")
    lake.run(f"ALTER TABLE {table} ADD COLUMN c DOUBLE")
    lake.run(f"ALTER TABLE {table} ALTER COLUMN a TYPE BIGINT")
    before = lake.rows(f"SELECT * FROM {table} ORDER BY a")
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    assert lake.rows(f"SELECT * FROM {table} ORDER BY a") == before == [[1, "x", None], [2, "y", None]]
    lake.run(f"INSERT INTO {table} VALUES (5000000000, 'z', 0.5)")
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    assert lake.rows(f"SELECT * FROM {table} ORDER BY a") == before + [[5000000000, "z", 0.5]]


def test_manifests_become_few_and_name_the_same_files(lake, scratch):
    table = f"{scratch}.manifests"
    lake.run(f"CREATE TABLE {table} (id BIGINT, day DATE)")
    lake.run(f"INSERT INTO {table} VALUES (0, NULL)")
    lake.run(f"ALTER TABLE {table} SET PROPERTIES partitioning = ARRAY['day']")
    for i in range(4):
        lake.run(f"INSERT INTO {table} VALUES ({i}, DATE '2026-01-0{i + 1}'), ({i + 10}, NULL)")
    lake.run(f"DELETE FROM {table} WHERE id = 2")
    told = f"SELECT file_path, spec_id, record_count, lower_bounds, upper_bounds, null_value_counts, partition FROM {about(table, 'files')} ORDER BY 1"
    rows, before = lake.rows(f"SELECT * FROM {table} ORDER BY id, day"), lake.rows(told)
    manifests = f"SELECT count(*) FROM {about(table, 'manifests')}"
    assert lake.value(manifests) == 6
    lake.run(f"ALTER TABLE {table} EXECUTE optimize_manifests")
    assert lake.value(manifests) == 3, "one of the data of each spec, one of deletes"
    assert lake.rows(told) == before and lake.rows(f"SELECT * FROM {table} ORDER BY id, day") == rows
    lake.run(f"DELETE FROM {table} WHERE id = 3")
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    lake.run(f"ALTER TABLE {table} EXECUTE optimize_manifests")
    assert lake.rows(f"SELECT * FROM {table} ORDER BY id, day") == [row for row in rows if row[0] != 3]


def test_snapshots_expire_with_the_files_that_only_they_needed(lake, scratch):
    table = f"{scratch}.old"
    lake.run(f"CREATE TABLE {table} AS SELECT range AS n FROM range(5)")
    for _ in range(3):
        lake.run(f"INSERT INTO {table} SELECT range AS n FROM range(5)")
    old = files(lake, table)
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    lake.run(f"ALTER TABLE {table} EXECUTE expire_snapshots(retention_threshold => '1d')")
    assert job(lake, table)[6] == 0 and all(on_disk(path) for path in old), "nothing is a day old"
    short = lake.error(f"ALTER TABLE {table} EXECUTE expire_snapshots(retention_threshold => '1h')")
    assert short.code == "invalid_argument" and "a day" in short.error["message"]
    assert lake.value(f"SELECT count(*) FROM {table}") == 20


def test_orphans_go_and_live_files_stay(lake, scratch):
    table = f"{scratch}.strays"
    lake.run(f"CREATE TABLE {table} AS SELECT range AS n FROM range(5)")
    lake.run(f"INSERT INTO {table} SELECT range AS n FROM range(5)")
    folder = age(lake, table)
    stray, young = folder / "data" / "stray.parquet", folder / "data" / "young.parquet"
    stray.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(stray, (1_700_000_000, 1_700_000_000))
    lake.run(f"ALTER TABLE {table} EXECUTE remove_orphan_files")
    assert job(lake, table)[:2] == ["remove_orphan_files", "done"] and job(lake, table)[5] == 1
    assert not stray.exists() and young.exists()
    assert lake.value(f"SELECT sum(n) FROM {table}") == 20 and all(on_disk(path) for path in files(lake, table))


def test_rollback_goes_back_and_forth(lake, scratch):
    table = f"{scratch}.back"
    lake.run(f"CREATE TABLE {table} AS SELECT 1 AS n")
    lake.run(f"INSERT INTO {table} VALUES (2)")
    first, second = (row[0] for row in lake.rows(f"SELECT snapshot_id FROM {about(table, 'snapshots')} ORDER BY committed_at"))
    lake.run(f"ALTER TABLE {table} EXECUTE rollback_to_snapshot(snapshot_id => {first})")
    assert lake.rows(f"SELECT * FROM {table}") == [[1]]
    lake.run(f"ALTER TABLE {table} EXECUTE rollback_to_snapshot(snapshot_id => {second})")
    assert lake.value(f"SELECT count(*) FROM {table}") == 2
    assert lake.error(f"ALTER TABLE {table} EXECUTE rollback_to_snapshot(snapshot_id => 7)").code == "not_found"
    assert lake.error(f"ALTER TABLE {table} EXECUTE rollback_to_snapshot").code == "invalid_argument"


def test_properties_are_set_in_trinos_spelling(lake, scratch):
    table = f"{scratch}.props"
    lake.run(f"CREATE TABLE {table} (id BIGINT, name VARCHAR, moment TIMESTAMP)")
    lake.run(f"""ALTER TABLE {table} SET PROPERTIES partitioning = ARRAY['month(moment)', 'bucket(id, 4)', 'truncate(name, 2)'], format_version = 2,
                 "history.expire.min-snapshots-to-keep" = '5'""")
    lake.run(f"INSERT INTO {table} SELECT range AS id, 'n' || range AS name, TIMESTAMP '2026-01-31 00:00:00' + INTERVAL 1 DAY * range FROM range(4)")
    rows = lake.rows(f"SELECT partition.moment_month, partition.id_bucket, partition.name_trunc, record_count FROM {about(table, 'partitions')} ORDER BY 1, 2, 3")
    assert {row[0] for row in rows} == {672, 673} and {row[2] for row in rows} == {"n0", "n1", "n2", "n3"}
    assert ["history.expire.min-snapshots-to-keep", "5"] in lake.rows(f"SELECT * FROM {about(table, 'properties')}")
    lake.run(f"ALTER TABLE {table} SET PROPERTIES \"history.expire.min-snapshots-to-keep\" = DEFAULT, partitioning = ARRAY[]")
    lake.run(f"INSERT INTO {table} VALUES (9, 'z', NULL)")
    assert lake.value(f"SELECT count(*) FROM {table}") == 5
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    assert lake.value(f"SELECT count(DISTINCT id) FROM {table}") == 5
    for bad in ("partitioning = ARRAY['nope']", "partitioning = ARRAY['hour(id)']", "partitioning = 'id'", "sorted_by = ARRAY['id SIDEWAYS']",
                "format_version = 1", "colour = 'red'"):
        assert lake.error(f"ALTER TABLE {table} SET PROPERTIES {bad}").code == "invalid_argument", bad
    assert lake.error(f"ALTER TABLE {table} EXECUTE tidy").code == "not_found"
    assert lake.error(f"ALTER TABLE {table} EXECUTE optimize(x => 1)").code == "invalid_argument"
    assert lake.error("ALTER TABLE ops.public.accounts EXECUTE optimize").code == "unsupported"


def test_writers_and_upkeep_at_once_lose_nothing(lake, demo, scratch):
    table = f"{scratch}.busy"
    lake.run(f"CREATE TABLE {table} (n BIGINT)")
    written, failures, stop = [], [], threading.Event()

    def write(first):
        writer = demo.lake()
        for n in range(first, first + 12):
            writer.run(f"INSERT INTO {table} VALUES ({n})")
            written.append(n)

    def optimize():
        keeper = demo.lake()
        while not stop.is_set():
            try:
                keeper.run(f"ALTER TABLE {table} EXECUTE optimize")
            except Exception as error:  # noqa: BLE001
                failures.append(str(error))
            time.sleep(0.05)

    writers = [threading.Thread(target=write, args=(100 * i,)) for i in range(2)]
    keeper = threading.Thread(target=optimize)
    for thread in [*writers, keeper]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    keeper.join()
    lake.run(f"ALTER TABLE {table} EXECUTE optimize")
    assert sorted(row[0] for row in lake.rows(f"SELECT n FROM {table}")) == sorted(written) and len(written) == 24
    assert len(files(lake, table)) == 1
    assert all("changed" in failure or "conflict" in failure for failure in failures), failures


def townlake(demo, *words):
    environment = {"TOWNLAKE_URL": demo.url, "TOWNLAKE_TOKEN": demo.token("admin"), "PATH": "/usr/bin:/bin"}
    return subprocess.run([str(PROGRAM), "lake", *words], capture_output=True, text=True, timeout=60, env=environment, check=False)


def test_the_command_line_keeps_tables_and_tells_of_them(lake, demo, scratch):
    table = f"{scratch}.line".removeprefix("lake.")
    for i in range(3):
        lake.run(f"CREATE TABLE IF NOT EXISTS lake.{table} (n BIGINT)")
        lake.run(f"INSERT INTO lake.{table} VALUES ({i})")
    assert "line" in townlake(demo, "tables", "--output", "csv").stdout
    assert townlake(demo, "describe", table, "--output", "csv").stdout.splitlines()[1].startswith("n,bigint")
    assert townlake(demo, "cost", table, "--output", "csv").stdout.splitlines()[1].startswith("3,0,")
    assert townlake(demo, "compact", table, "--small", "1MB", "--output", "csv").stdout.splitlines()[-1] == "done,3,1,3,0,0,0"
    assert len(townlake(demo, "snapshots", f"lake.{table}", "--output", "csv").stdout.splitlines()) == 5
    assert "added-data-files,1" in townlake(demo, "diff", table, "--output", "csv").stdout
    assert townlake(demo, "expire", table, "--older-than", "2d", "--retain-last", "2", "--output", "csv").stdout.splitlines()[-1].startswith("done,0,")
    assert townlake(demo, "orphans", table, "--output", "csv").stdout.splitlines()[-1].startswith("done,0,")
    first = lake.value(f"SELECT min_by(snapshot_id, committed_at) FROM {about('lake.' + table, 'snapshots')}")
    assert townlake(demo, "rollback", table, str(first)).returncode == 0
    assert lake.rows(f"SELECT n FROM lake.{table}") == [[0]]
    assert "rollback_to_snapshot" in townlake(demo, "jobs", "--output", "csv").stdout
    failed = townlake(demo, "compact", table + "x")
    assert failed.returncode == 1 and "unknown table" in failed.stderr


def jobs(folder, kind):
    """Those that did something, from the state: the caller of these statements is no administrator."""
    with sqlite3.connect(f"file:{folder}/state/state.db?mode=ro", uri=True) as state:
        done = state.execute("SELECT table_name, asked_by, counts FROM lake_job WHERE kind = ? AND state = 'done'", (kind,)).fetchall()
    return [row[:2] for row in done if kind != "optimize" or '"files_added":1' in row[2]]


def test_the_schedule_looks_after_tables_that_ask_for_it_and_no_others(program, tmp_path):
    server = Server(program, tmp_path, "lifeguard: {default: open}\n", environment={"TOWNLAKE_LAKE_ENABLED": "true", "TOWNLAKE_LAKE_UPKEEP_EVERY": "200ms"})
    try:
        lake = server.lake(user="admin")
        lake.run("CREATE SCHEMA lake.s")
        for name in ("kept", "left"):
            lake.run(f"CREATE TABLE lake.s.{name} (n BIGINT)")
            for i in range(9):
                lake.run(f"INSERT INTO lake.s.{name} VALUES ({i})")
        lake.run("ALTER TABLE lake.s.kept SET PROPERTIES \"townlake.upkeep\" = 'on'")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not jobs(tmp_path, "optimize"):
            time.sleep(0.2)
        assert jobs(tmp_path, "optimize") == [("kept", "schedule")]
        assert len(files(lake, "lake.s.kept")) == 1 and len(files(lake, "lake.s.left")) == 9
        assert lake.value("SELECT count(*) FROM lake.s.kept") == 9
        assert {row[0] for kind in ("optimize", "expire_snapshots", "remove_orphan_files") for row in jobs(tmp_path, kind)} == {"kept"}
    finally:
        server.stop()


def test_a_server_killed_while_it_rewrites_leaves_the_table_as_it_was(program, tmp_path):
    yaml, environment = "lifeguard: {default: open}\n", {"TOWNLAKE_LAKE_ENABLED": "true"}
    server = Server(program, tmp_path, yaml, environment=environment)
    try:
        lake = server.lake(user="admin")
        lake.run("CREATE SCHEMA lake.s")
        lake.run("CREATE TABLE lake.s.t AS SELECT range AS n, 'some text ' || range AS t FROM range(0)")
        for i in range(6):
            lake.run(f"INSERT INTO lake.s.t SELECT range AS n, 'some text ' || range AS t FROM range({60000 * i}, {60000 * (i + 1)})")
        outcomes = []
        for pause in (0.1, 0.5):
            job = threading.Thread(target=lambda: outcomes.append(attempt(server, "ALTER TABLE lake.s.t EXECUTE optimize")))
            job.start()
            time.sleep(pause)
            server.process.kill()
            server.process.wait()
            job.join()
            server.start(yaml)
            lake = server.lake(user="admin")
            assert lake.rows("SELECT count(*), count(DISTINCT n), sum(n) FROM lake.s.t") == [[360000, 360000, 360000 * 359999 // 2]]
            assert all(on_disk(path) for path in files(lake, "lake.s.t"))
        lake.run("ALTER TABLE lake.s.t EXECUTE optimize")
        assert len(files(lake, "lake.s.t")) == 1
        with sqlite3.connect(f"file:{tmp_path}/state/state.db?mode=ro", uri=True) as state:
            states = {row[0] for row in state.execute("SELECT state FROM lake_job")}
        assert "running" not in states and "interrupted" in states
    finally:
        server.stop()


def attempt(server, sql):
    try:
        return server.lake(user="admin").run(sql)
    except Exception as error:  # noqa: BLE001
        return error
