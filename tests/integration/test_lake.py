"""Tables of our own, through the door: made, filled, changed, evolved and dropped."""
import concurrent.futures
import json

import requests


def test_table_is_made_filled_changed_and_dropped(lake, scratch):
    table = f"{scratch}.people"
    assert lake.run(f"CREATE TABLE {table} (id BIGINT, name VARCHAR, born DATE, score DECIMAL(8,3))").page["updateType"] == "CREATE TABLE"
    inserted = lake.run(f"INSERT INTO {table} VALUES (1, 'Ada', DATE '1815-12-10', 9.5), (2, 'Björn', NULL, 1.25), (3, NULL, DATE '2000-02-29', NULL)")
    assert inserted.page["updateType"] == "INSERT" and inserted.page["updateCount"] == 3 and inserted.rows == [[3]]
    assert lake.run(f"UPDATE {table} SET name = 'Grace', score = score + 1 WHERE id = 2").page["updateCount"] == 1
    assert lake.run(f"DELETE FROM {table} WHERE name IS NULL").page["updateCount"] == 1
    assert lake.rows(f"SELECT * FROM {table} ORDER BY id") == [[1, "Ada", "1815-12-10", "9.500"], [2, "Grace", None, "2.250"]]
    assert lake.run(f"DROP TABLE {table}").page["updateType"] == "DROP TABLE"
    assert lake.error(f"SELECT * FROM {table}").code == "table_not_found"


def test_create_table_as_joins_other_sources(lake, scratch):
    made = lake.run(
        f"""CREATE TABLE {scratch}.spent AS SELECT a.customer_id, sum(i.amount) AS spent
            FROM ops.public.invoices i JOIN ops.public.accounts a ON a.account_id = i.account_id GROUP BY 1"""
    )
    assert made.page["updateType"] == "CREATE TABLE" and made.page["updateCount"] > 0
    assert lake.value(f"SELECT sum(spent) FROM {scratch}.spent") == lake.value("SELECT sum(amount) FROM ops.public.invoices")


def test_insert_select_reads_from_itself_and_others(lake, scratch):
    lake.run(f"CREATE TABLE {scratch}.n AS SELECT range AS n FROM range(10)")
    assert lake.run(f"INSERT INTO {scratch}.n SELECT n + 10 FROM {scratch}.n").page["updateCount"] == 10
    lake.run(f"INSERT INTO {scratch}.n (n) SELECT account_id FROM ops.public.accounts WHERE account_id BETWEEN 100 AND 102")
    assert lake.value(f"SELECT CAST(sum(n) AS BIGINT) FROM {scratch}.n") == sum(range(20)) + 303


def test_merge_updates_and_inserts_in_one_statement(lake, scratch):
    lake.run(f"CREATE TABLE {scratch}.target AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, v)")
    lake.run(f"CREATE TABLE {scratch}.source AS SELECT * FROM (VALUES (2, 'B'), (3, 'C')) t(id, v)")
    merged = lake.run(
        f"""MERGE INTO {scratch}.target t USING {scratch}.source s ON t.id = s.id
            WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)"""
    )
    assert merged.page["updateType"] == "MERGE"
    assert lake.rows(f"SELECT * FROM {scratch}.target ORDER BY id") == [[1, "a"], [2, "B"], [3, "C"]]


def test_truncate_empties_a_table(lake, scratch):
    lake.run(f"CREATE TABLE {scratch}.n AS SELECT range AS n FROM range(5)")
    lake.run(f"TRUNCATE TABLE {scratch}.n")
    assert lake.value(f"SELECT count(*) FROM {scratch}.n") == 0


def test_columns_are_added_renamed_and_dropped(lake, scratch):
    lake.run(f"CREATE TABLE {scratch}.e AS SELECT 1 AS a, 'x' AS b")
    lake.run(f"ALTER TABLE {scratch}.e ADD COLUMN c DOUBLE")
    lake.run(f"ALTER TABLE {scratch}.e RENAME COLUMN b TO bb")
    lake.run(f"INSERT INTO {scratch}.e VALUES (2, 'y', 0.5)")
    lake.run(f"ALTER TABLE {scratch}.e DROP COLUMN a")
    assert [row[0] for row in lake.rows(f"DESCRIBE {scratch}.e")] == ["bb", "c"]
    assert lake.rows(f"SELECT * FROM {scratch}.e ORDER BY bb") == [["x", None], ["y", 0.5]]


def test_views_are_stored_and_run_as_whoever_asks(lake, scratch):
    lake.run(f"CREATE VIEW {scratch}.v AS SELECT plan, count(*) AS accounts FROM ops.public.accounts GROUP BY plan")
    assert lake.value(f"SELECT CAST(sum(accounts) AS BIGINT) FROM {scratch}.v") == lake.value("SELECT count(*) FROM ops.public.accounts")
    assert ["v"] in lake.rows(f"SHOW TABLES FROM {scratch}")
    lake.run(f"CREATE OR REPLACE VIEW {scratch}.v AS SELECT 1 AS one")
    assert lake.rows(f"SELECT * FROM {scratch}.v") == [[1]]
    lake.run(f"DROP VIEW {scratch}.v")
    assert lake.error(f"SELECT * FROM {scratch}.v").code == "table_not_found"


def test_only_the_lake_can_be_written(lake):
    for sql in ("INSERT INTO ops.public.accounts SELECT * FROM ops.public.accounts", "DROP TABLE ops.public.accounts",
                "CREATE TABLE events.\"default\".x (a INT)", "DELETE FROM events.\"default\".http_requests", "UPDATE ops.public.accounts SET plan = 'x'"):
        error = lake.error(sql)
        assert error.code in ("not_allowed", "unsupported"), (sql, error)
        assert "lake" in (error.hint or ""), "the hint says where writing is possible"


def test_what_exists_is_not_made_again(lake, scratch):
    lake.run(f"CREATE TABLE {scratch}.one (a INT)")
    assert lake.error(f"CREATE TABLE {scratch}.one (a INT)").code == "already_exists"
    lake.run(f"CREATE TABLE IF NOT EXISTS {scratch}.one (a INT)")
    assert lake.error(f"CREATE SCHEMA {scratch}").code == "already_exists"
    assert lake.error(f"DROP SCHEMA {scratch}").code == "schema_not_empty"
    lake.run("DROP TABLE IF EXISTS lake.scratch.never_was")


def test_files_are_iceberg_and_stay_below_the_warehouse(demo, lake, scratch):
    lake.run(f"CREATE TABLE {scratch}.files AS SELECT 1 AS a")
    schema = scratch.split(".")[1]
    found = list((demo.folder / "warehouse").rglob("*.metadata.json"))
    assert any(schema in str(path) for path in found)
    assert lake.error(f"CREATE TABLE {scratch}.out (a INT) WITH (location = 'file:///tmp/outside')").code is not None


def test_writers_at_once_lose_nothing_and_see_no_conflict(demo, scratch):
    demo.lake().run(f"CREATE TABLE {scratch}.race (n BIGINT, changes BIGINT)")

    def insert(number):
        demo.lake().run(f"INSERT INTO {scratch}.race VALUES ({number}, 0)")
        demo.lake().run(f"UPDATE {scratch}.race SET changes = changes + 1 WHERE n = {number}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(insert, range(12)))
    assert demo.lake().rows(f"SELECT n, changes FROM {scratch}.race ORDER BY n") == [[n, 1] for n in range(12)]


def test_tables_are_made_renamed_and_dropped_side_by_side(demo, scratch):
    """As dbt does with threads: each its own table, all in one schema."""

    def replace(worker):
        lake = demo.lake()
        for step in range(4):
            lake.run(f"CREATE TABLE {scratch}.new_{worker} AS SELECT {step} AS step")
            if step:
                lake.run(f"ALTER TABLE {scratch}.kept_{worker} RENAME TO old_{worker}")
            lake.run(f"ALTER TABLE {scratch}.new_{worker} RENAME TO kept_{worker}")
            if step:
                lake.run(f"DROP TABLE {scratch}.old_{worker}")
        return lake.value(f"SELECT step FROM {scratch}.kept_{worker}")

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert list(pool.map(replace, range(3))) == [3, 3, 3]
    assert demo.lake().rows(f"SHOW TABLES FROM {scratch}") == [["kept_0"], ["kept_1"], ["kept_2"]]
    error = demo.lake().error(f"ALTER TABLE {scratch}.kept_0 RENAME TO kept_1")
    assert error.code == "already_exists"


def test_a_dropped_table_is_had_back(demo, scratch, lake):
    lake.run(f"CREATE TABLE {scratch}.kept AS SELECT 7 AS a")
    lake.run(f"DROP TABLE {scratch}.kept")
    assert lake.error(f"SELECT * FROM {scratch}.kept").code == "table_not_found"
    address = f"{demo.url}/iceberg/v1/namespaces/{scratch.split('.')[1]}"
    headers = {"Authorization": f"Bearer {demo.token()}"}
    dropped = requests.get(f"{address}/dropped", headers=headers, timeout=30).json()["dropped"]
    assert [table["name"] for table in dropped] == ["kept"]
    assert requests.post(f"{address}/undrop", headers=headers, json={"name": "kept"}, timeout=30).status_code == 200
    assert lake.value(f"SELECT a FROM {scratch}.kept") == 7


def test_schema_is_dropped_with_all_it_holds(demo, lake):
    lake.run("CREATE SCHEMA lake.whole")
    for table in ("one", "two"):
        lake.run(f"CREATE TABLE lake.whole.{table} AS SELECT 1 AS a")
    lake.run("CREATE VIEW lake.whole.seen AS SELECT * FROM lake.whole.one")
    assert lake.error("DROP SCHEMA lake.whole").code == "schema_not_empty"
    assert lake.error("DROP SCHEMA lake.whole RESTRICT").code == "schema_not_empty"
    files = demo.folder / "warehouse" / "whole"
    assert list(files.rglob("*.parquet")), "the test knows where the files lie"
    assert lake.run("DROP SCHEMA lake.whole CASCADE").page["updateType"] == "DROP SCHEMA"
    assert list(files.rglob("*.parquet")), "for a day they can be had back"
    assert ["whole"] not in lake.rows("SHOW SCHEMAS FROM lake")
    assert lake.error("SELECT * FROM lake.whole.seen").code in ("table_not_found", "schema_not_found")
    assert lake.error("DROP SCHEMA lake.whole CASCADE").code == "schema_not_found"
    lake.run("DROP SCHEMA IF EXISTS lake.whole CASCADE")
    lake.run("CREATE SCHEMA lake.whole")
    lake.run("DROP SCHEMA lake.whole CASCADE")


def test_a_table_is_read_as_it_was(demo, lake, scratch):
    table = f"{scratch}.grown"
    lake.run(f"CREATE TABLE {table} AS SELECT 1 AS a")
    lake.run(f"INSERT INTO {table} VALUES (2)")
    lake.run(f"DELETE FROM {table} WHERE a = 1")
    metadata = sorted((demo.folder / "warehouse").rglob("*grown*/metadata/*.metadata.json"))[-1]
    snapshots = [s["snapshot-id"] for s in sorted(json.loads(metadata.read_text())["snapshots"], key=lambda s: s["sequence-number"])]
    states = [lake.rows(f"SELECT a FROM {table} AT (VERSION => {snapshot}) ORDER BY a") for snapshot in snapshots]
    assert states == [[[1]], [[1], [2]], [[2]]]
    assert lake.rows(f"SELECT a FROM {table}") == [[2]]
    assert lake.rows(f"SELECT old.a FROM {table} old AT (VERSION => {snapshots[0]}) WHERE NOT EXISTS (SELECT 1 FROM {table} now WHERE now.a = old.a)") == [[1]]
    error = lake.error(f"SELECT * FROM {table} AT (VERSION => 1)")
    assert error.code != "internal" and "p:lake" not in str(error)


def test_the_catalog_is_for_those_who_show_who_they_are(demo):
    def status(user, **headers):
        lake = demo.lake(user) if user else demo.lake()
        lake.http.headers.clear()
        lake.headers = {**({"Authorization": f"Bearer {demo.token(user)}"} if user else {}), **headers}
        return lake.get("/iceberg/v1/namespaces").status_code

    assert status("admin") == 200
    assert status("analyst") == 200
    assert status(None) == 401
    assert status(None, **{"X-Trino-User": "admin"}) == 401, "a name alone opens nothing"
    assert status(None, Authorization="Bearer wrong") == 401


def test_comments_are_kept_and_seen_by_every_face(lake, scratch):
    table, schema = f"{scratch}.commented", scratch.split(".")[1]
    lake.run(f"CREATE TABLE {table} (id BIGINT, \"the Sum\" DECIMAL(10, 2))")
    lake.run(f"INSERT INTO {table} VALUES (1, 2.50)")
    lake.run(f"COMMENT ON TABLE {table} IS 'what it''s for'")
    lake.run(f"COMMENT ON COLUMN {table}.\"the Sum\" IS 'in euro'")
    lake.run("COMMENT ON COLUMN commented.id IS 'the key'", catalog="lake", schema=schema)
    described = {row[0]: row[3] for row in lake.rows(f"DESCRIBE {table}")}
    assert described == {"id": "the key", "the Sum": "in euro"}
    ddl = lake.value(f"SHOW CREATE TABLE {table}")
    assert "COMMENT 'what it''s for'" in ddl and "COMMENT 'in euro'" in ddl
    assert lake.rows(f"SELECT comment FROM system.metadata.table_comments WHERE catalog_name = 'lake' AND schema_name = '{schema}' "
                     "AND table_name = 'commented'") == [["what it's for"]]
    assert lake.rows(f"SELECT REMARKS FROM system.jdbc.columns WHERE TABLE_CAT = 'lake' AND TABLE_SCHEM = '{schema}' AND TABLE_NAME = 'commented' "
                     "ORDER BY ORDINAL_POSITION") == [["the key"], ["in euro"]]
    lake.run(f"COMMENT ON COLUMN {table}.id IS NULL")
    lake.run(f"COMMENT ON TABLE {table} IS NULL")
    assert [row[3] for row in lake.rows(f"DESCRIBE {table}")] == ["", "in euro"]
    assert "what it" not in lake.value(f"SHOW CREATE TABLE {table}")
    assert lake.rows(f"SELECT * FROM {table}") == [[1, "2.50"]]
    assert lake.error(f"COMMENT ON COLUMN {table}.no IS 'x'").code == "column_not_found"
    assert lake.error("COMMENT ON TABLE ops.public.accounts IS 'x'").code == "unsupported"
    assert lake.error(f"COMMENT ON VIEW {table} IS 'x'").code == "syntax"
    lake.run(f"DROP TABLE {table}")
