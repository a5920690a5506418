"""Each engine makes, fills, evolves and ages a table; all others read the same of it, and write to it in turn."""
import pytest

from engines import World

ROWS = [(1, "Ada", 9.5, "1815-12-10"), (2, "Björn ☂", None, "2000-02-29"), (3, None, -0.25, "1969-12-31")]
NAMES = [engine.name for engine in World.engines]


def engine_of(world, name):
    return world.started[NAMES.index(name)]


@pytest.mark.parametrize("maker", NAMES)
def test_what_one_engine_writes_all_read(world, maker):
    engine, table = engine_of(world, maker), f"by_{maker}"
    engine.create(table)
    engine.append(table, ROWS)
    for reader in world.started:
        assert reader.rows(table) == ROWS, reader.name
    first = world.metadata(table)["current-snapshot-id"]
    for number, writer in enumerate(world.started, 10):  # each adds a row to the table of another
        writer.append(table, [(number, writer.name, 1.5, "2026-11-24")])
    whole = ROWS + [(number, writer.name, 1.5, "2026-11-24") for number, writer in enumerate(world.started, 10)]
    for reader in world.started:
        assert reader.rows(table) == whole, reader.name
        assert reader.rows(table, snapshot=first) == ROWS, f"{reader.name}, back in time"
    assert len(world.metadata(table)["snapshot-log"]) >= 5


@pytest.mark.parametrize("maker", NAMES)
def test_columns_and_rows_change_for_all(world, maker):
    engine, table = engine_of(world, maker), f"changed_by_{maker}"
    engine.create(table)
    engine.append(table, ROWS)
    engine.add_column(table, "extra")
    engine.delete(table, 2)
    expected = [(*ROWS[0], None), (*ROWS[2], None)]
    for reader in world.started:
        assert reader.rows(table) == expected, reader.name
    engine.drop(table)
    assert world.rest("HEAD", f"namespaces/s/tables/{table}").status_code == 404


def test_views_of_trino_are_kept(world):
    trino = engine_of(world, "trino")
    trino.create("seen")
    trino.append("seen", ROWS)
    trino.run("CREATE VIEW lake.s.few AS SELECT id, name FROM lake.s.seen WHERE id < 3")
    assert [tuple(row) for row in trino.run("SELECT * FROM lake.s.few ORDER BY 1")] == [row[:2] for row in ROWS[:2]]
    trino.run("CREATE OR REPLACE VIEW lake.s.few AS SELECT id FROM lake.s.seen")
    assert trino.run("SELECT count(*) FROM lake.s.few") == [[3]]
    view = world.rest("GET", "namespaces/s/views/few").json()["metadata"]
    assert len(view["versions"]) == 2
    trino.run("DROP VIEW lake.s.few")
    assert world.rest("HEAD", "namespaces/s/views/few").status_code == 404


def test_trino_keeps_house(world):
    """Its own upkeep on a table of ours: compaction, expiry, statistics, a replacement of the whole."""
    trino = engine_of(world, "trino")
    trino.create("kept")
    for row in ROWS:
        trino.append("kept", [row])
    trino.run("ALTER TABLE lake.s.kept EXECUTE optimize")
    trino.run("ANALYZE lake.s.kept")
    trino.run("CREATE OR REPLACE TABLE lake.s.kept AS SELECT * FROM lake.s.kept WHERE id <> 3")
    trino.run("ALTER TABLE lake.s.kept SET PROPERTIES partitioning = ARRAY['day']")
    trino.append("kept", [(4, "late", 1.0, "2026-11-24")])
    expected = [ROWS[0], ROWS[1], (4, "late", 1.0, "2026-11-24")]
    for reader in world.started:
        assert reader.rows("kept") == expected, reader.name


def test_pyiceberg_transactions_branches_and_tags(world):
    py = engine_of(world, "pyiceberg")
    py.create("refs")
    py.append("refs", ROWS)
    table = py.catalog.load_table(("s", "refs"))
    snapshot = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(snapshot, "first").create_branch(snapshot, "trial").commit()
    py.append("refs", [(9, "later", 0.0, "2026-01-01")])
    table = py.catalog.load_table(("s", "refs"))
    assert table.scan(snapshot_id=table.snapshot_by_name("first").snapshot_id).to_arrow().num_rows == 3
    assert set(world.metadata("refs")["refs"]) == {"main", "first", "trial"}
    with table.transaction() as transaction:
        transaction.set_properties(owner="tests")
        transaction.update_schema().rename_column("score", "points").commit()
    assert world.metadata("refs")["properties"]["owner"] == "tests"
    py.catalog.rename_table(("s", "refs"), ("s", "refs_moved"))
    for reader in world.started:
        assert len(reader.rows("refs_moved")) == 4, reader.name


def test_pyiceberg_reads_what_our_server_plans(world):
    """Parts, deletes of another engine, and a filter: the files are chosen by us, the rows come out the same."""
    trino, py = engine_of(world, "trino"), engine_of(world, "pyiceberg")
    trino.run("CREATE TABLE lake.s.planned (id BIGINT, day DATE) WITH (partitioning = ARRAY['day'])")
    for number in range(3):
        trino.run(f"INSERT INTO lake.s.planned SELECT {number} * 100 + n, DATE '2026-01-0{number + 1}' FROM UNNEST(sequence(1, 50)) AS t(n)")
    trino.run("DELETE FROM lake.s.planned WHERE id % 10 = 5")
    planned = py.planning().load_table(("s", "planned"))
    assert planned.catalog.supports_server_side_planning()
    for condition, count in (("id > 0", 135), ("day = '2026-01-02'", 45), ("id = 105", 0), ("id >= 110 and id < 220", 54)):
        assert planned.scan(row_filter=condition).to_arrow().num_rows == count, condition
        assert py.catalog.load_table(("s", "planned")).scan(row_filter=condition).to_arrow().num_rows == count, condition


def test_all_read_and_write_what_our_upkeep_wrote(world):
    """Small files of every engine, with deletes, are put together by us; lists of files too; old snapshots go."""
    trino, townlake = engine_of(world, "trino"), engine_of(world, "townlake")
    trino.create("upkeep")
    trino.run("ALTER TABLE lake.s.upkeep SET PROPERTIES partitioning = ARRAY['day']")
    for number, writer in enumerate(world.started):
        writer.append("upkeep", [(10 * number + i, f"{writer.name} ☂", i / 4, f"2026-01-0{i % 2 + 1}") for i in range(4)])
    for number, writer in enumerate(world.started):
        writer.delete("upkeep", 10 * number)
    expected = [(10 * number + i, f"{writer.name} ☂", i / 4, f"2026-01-0{i % 2 + 1}")
                for number, writer in enumerate(world.started) for i in range(1, 4)]
    townlake.lake.run("ALTER TABLE lake.s.upkeep EXECUTE optimize")
    townlake.lake.run("ALTER TABLE lake.s.upkeep EXECUTE optimize_manifests")
    townlake.lake.run("ALTER TABLE lake.s.upkeep EXECUTE expire_snapshots(retention_threshold => '1d')")
    townlake.lake.run("ALTER TABLE lake.s.upkeep EXECUTE remove_orphan_files")
    assert [tuple(row) for row in trino.run('SELECT content, count(*), sum(record_count) FROM lake.s."upkeep$files" GROUP BY content')] == [(0, 2, 12)]
    for reader in world.started:
        assert reader.rows("upkeep") == expected, reader.name
    for number, writer in enumerate(world.started):
        writer.delete("upkeep", 10 * number + 1)
        writer.append("upkeep", [(100 + number, "after", 0.5, "2026-01-01")])
    expected = [row for row in expected if row[0] % 10 != 1] + [(100 + number, "after", 0.5, "2026-01-01") for number in range(len(world.started))]
    for reader in world.started:
        assert reader.rows("upkeep") == expected, reader.name
    for kind in ("snapshots", "history", "refs", "manifests"):
        assert townlake.lake.rows(f'SELECT count(*) FROM lake.s."upkeep${kind}"') == trino.run(f'SELECT count(*) FROM lake.s."upkeep${kind}"'), kind
