"""What the lake knows of its tables, asked in Trino's form: "t$snapshots" and its like, and FOR VERSION and TIMESTAMP AS OF."""
import pytest


@pytest.fixture(scope="module")
def sales(demo):
    """Two days of rows, then a change."""
    lake = demo.lake()
    lake.run("CREATE SCHEMA lake.t_meta")
    lake.run("CREATE TABLE lake.t_meta.sales (id BIGINT, what VARCHAR, price DECIMAL(10,2), day DATE) PARTITIONED BY (day)")
    lake.run("INSERT INTO lake.t_meta.sales VALUES (1, 'apple', 1.50, DATE '2026-01-01'), (2, NULL, 2.25, DATE '2026-01-01')")
    lake.run("INSERT INTO lake.t_meta.sales VALUES (3, 'cherry', 9.75, DATE '2026-01-02')")
    lake.run("DELETE FROM lake.t_meta.sales WHERE id = 1")
    yield "lake.t_meta.sales"
    lake.run("DROP TABLE lake.t_meta.sales")
    lake.run("DROP SCHEMA lake.t_meta")


def of(kind):
    return f'lake.t_meta."sales${kind}"'


def test_snapshots_and_history_tell_of_each_commit(lake, sales):
    rows = lake.rows(f"SELECT snapshot_id, parent_id, operation, summary['added-records'] FROM {of('snapshots')} ORDER BY committed_at")
    assert [row[2] for row in rows[:2]] == ["append", "append"] and len(rows) == 3
    assert rows[0][1] is None and rows[1][1] == rows[0][0] and rows[2][1] == rows[1][0]
    assert [row[3] for row in rows[:2]] == ["2", "1"]
    history = lake.rows(f"SELECT snapshot_id, parent_id, is_current_ancestor FROM {of('history')} ORDER BY made_current_at")
    assert [row[0] for row in history] == [row[0] for row in rows] and all(row[2] for row in history)
    assert lake.value(f"SELECT max(made_current_at) > current_timestamp - INTERVAL 1 HOUR FROM {of('history')}") is True
    assert lake.rows(f"SELECT name, type, snapshot_id FROM {of('refs')}") == [["main", "BRANCH", rows[2][0]]]
    assert ["format-version", "2"] in lake.rows(f"SELECT key, value FROM {of('properties')}")


def test_files_have_partitions_counts_and_bounds(lake, sales):
    rows = lake.rows(
        f"SELECT partition.identity_day_4, record_count, file_format, lower_bounds[1], upper_bounds[3], null_value_counts[2], file_path "
        f"FROM {of('files')} WHERE content = 0 ORDER BY 1"
    )
    assert [row[:6] for row in rows] == [["2026-01-01", 2, "parquet", "1", "2.25", 1], ["2026-01-02", 1, "parquet", "3", "9.75", 0]]
    assert all("/data/" in row[6] for row in rows)
    assert lake.value(f"SELECT count(*) FROM {of('files')} WHERE content = 1") == 1
    assert lake.value(f"SELECT sum(record_count) FROM {of('files')} WHERE content = 0") == 3


def test_manifests_and_partitions_add_up(lake, sales):
    manifests = lake.rows(f"SELECT added_data_files_count, partition_summaries[1].lower_bound, partition_summaries[1].upper_bound FROM {of('manifests')}")
    assert len(manifests) == 3
    assert {row[1] for row in manifests} == {"2026-01-01", "2026-01-02"}
    partitions = lake.rows(
        f"SELECT partition.identity_day_4, record_count, file_count, total_size > 0, data.id.min, data.id.max, data.what.null_count FROM {of('partitions')} ORDER BY 1"
    )
    assert partitions == [["2026-01-01", 2, 1, True, 1, 2, 1], ["2026-01-02", 1, 1, True, 3, 3, 0]]


def test_columns_of_metadata_tables_are_described(lake, sales):
    columns = {row[0]: row[1] for row in lake.rows(f"DESCRIBE {of('partitions')}")}
    assert columns["partition"] == "row(identity_day_4 date)" and columns["record_count"] == "bigint"
    assert "what row(min varchar, max varchar, null_count bigint, nan_count bigint)" in columns["data"]
    assert {row[0]: row[1] for row in lake.rows(f"DESCRIBE {of('snapshots')}")}["summary"] == "map(varchar, varchar)"


def test_earlier_versions_are_read_by_number_name_and_time(lake, sales):
    first, second, third = (row[0] for row in lake.rows(f"SELECT snapshot_id FROM {of('snapshots')} ORDER BY committed_at"))
    assert lake.value(f"SELECT count(*) FROM {sales} FOR VERSION AS OF {first}") == 2
    assert lake.value(f"SELECT count(*) FROM {sales} FOR VERSION AS OF {second} AS s WHERE s.id > 0") == 3
    assert lake.value(f"SELECT count(*) FROM {sales} s AT (VERSION => {third})") == 2
    assert lake.value(f"SELECT count(*) FROM {sales} FOR VERSION AS OF 'main'") == 2
    assert lake.rows(f"SELECT a.id FROM {sales} FOR VERSION AS OF {second} a JOIN {sales} FOR VERSION AS OF {third} b ON a.id = b.id ORDER BY 1") == [[2], [3]]
    assert lake.value(f"SELECT count(*) FROM {sales} FOR TIMESTAMP AS OF TIMESTAMP '2100-01-01 00:00:00'") == 2
    unknown = lake.error(f"SELECT count(*) FROM {sales} FOR VERSION AS OF 'nope'")
    assert unknown.code == "not_found" and "$refs" in unknown.hint


def test_what_is_no_metadata_table_is_refused(lake, sales):
    assert lake.error('SELECT * FROM lake.t_meta."sales$nope"').code == "table_not_found"
    assert lake.error('SELECT * FROM lake.t_meta."nope$files"').code == "table_not_found"
    assert lake.error('SELECT * FROM ops.public."accounts$files"').code == "table_not_found"
    assert lake.error(f"INSERT INTO {of('files')} VALUES (1)").code == "unsupported"
    assert lake.error(f"DROP TABLE {of('snapshots')}").code in ("unsupported", "table_not_found")
    assert lake.error(f"SELECT * FROM {of('files')} FOR VERSION AS OF 1").code == "unsupported"


def test_an_empty_table_has_empty_metadata(lake, sales):
    lake.run("CREATE TABLE lake.t_meta.nothing (a BIGINT)")
    for kind in ("snapshots", "files", "manifests", "partitions", "history", "refs"):
        assert lake.rows(f'SELECT * FROM lake.t_meta."nothing${kind}"') == []
    lake.run("DROP TABLE lake.t_meta.nothing")
