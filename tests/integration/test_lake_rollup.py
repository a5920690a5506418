"""Ageing: old rows of a table are put together at a coarser grain, and every sum stays what it was."""
import json

import pytest

PLAN = {"time": "minute", "keys": ["account", "metric"], "measures": {"usage": "sum", "requests": "count", "peak": "max", "low": "min"},
        "tiers": [{"grain": "minute", "for": "7d"}, {"grain": "hour", "for": "90d"}, {"grain": "day"}]}
SUMS = """SELECT account, metric, CAST(minute AS DATE) AS day, sum(usage), sum(requests), max(peak), min(low) FROM {table} GROUP BY ALL ORDER BY ALL"""


@pytest.fixture
def usage(lake, request):
    """Three days of minutes: 200 days old, 30 days old, and today."""
    name = "r_" + "".join(c if c.isalnum() else "_" for c in request.node.name)[:50].lower()
    table = f"lake.{name}.usage"
    lake.run(f"CREATE SCHEMA lake.{name}")
    lake.run(f"CREATE TABLE {table} (minute TIMESTAMP, account BIGINT, metric VARCHAR, usage DECIMAL(18,4), requests BIGINT, peak DOUBLE, low DATE)")
    lake.run(f"ALTER TABLE {table} SET PROPERTIES partitioning = ARRAY['day(minute)']")
    lake.run(f"ALTER TABLE {table} SET PROPERTIES \"townlake.rollup\" = '{json.dumps(PLAN)}'")
    for age in (200, 30, 0):
        lake.run(rows(table, age))
    yield table
    lake.run(f"DROP SCHEMA lake.{name} CASCADE")


def rows(table, age, count=240):
    return f"""INSERT INTO {table} SELECT date_trunc('day', CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)) - INTERVAL {age} DAY + INTERVAL 1 MINUTE * (range // 2),
               range % 2, CASE WHEN range % 3 = 0 THEN NULL ELSE 'm' END, CAST(range AS DECIMAL(18,4)) / 7, range, range / 3.0,
               DATE '2020-01-01' + CAST(range AS INTEGER) FROM range({count})"""


def tiers(lake, table):
    schema, name = table.rsplit(".", 1)
    return lake.rows(f'SELECT grain, record_count, file_count FROM {schema}."{name}$tiers" ORDER BY period_start')


def test_old_days_become_coarser_and_every_sum_stays(lake, usage):
    before = lake.rows(SUMS.format(table=usage))
    assert tiers(lake, usage) == [["minute", 240, 1]] * 3
    lake.run(f"ALTER TABLE {usage} EXECUTE rollup")
    assert lake.rows(SUMS.format(table=usage)) == before
    assert tiers(lake, usage) == [["day", 4, 1], ["hour", 8, 1], ["minute", 240, 1]]
    assert lake.value(f"SELECT count(*) FROM {usage} WHERE minute < now() - INTERVAL 100 DAY AND minute <> date_trunc('day', minute)") == 0
    job = lake.rows("SELECT kind, state, files_rewritten, files_added, rows_rewritten FROM system.lake.jobs ORDER BY started DESC LIMIT 1")
    assert job == [["rollup", "done", 2, 2, 12]]
    schema = usage.rsplit(".", 1)[0]
    snapshots = f'SELECT count(*) FROM {schema}."usage$snapshots"'
    count = lake.value(snapshots)
    lake.run(f"ALTER TABLE {usage} EXECUTE rollup")
    assert lake.value(snapshots) == count, "nothing came since, nothing is done"


def test_late_rows_land_in_the_right_tier(lake, usage):
    lake.run(f"ALTER TABLE {usage} EXECUTE rollup")
    lake.run(rows(usage, 200, 60))
    lake.run(f"DELETE FROM {usage} WHERE account = 0 AND minute < now() - INTERVAL 100 DAY")
    before = lake.rows(SUMS.format(table=usage))
    assert tiers(lake, usage)[0][0] == "minute"
    lake.run(f"ALTER TABLE {usage} EXECUTE rollup")
    assert lake.rows(SUMS.format(table=usage)) == before
    assert tiers(lake, usage)[0] == ["day", 2, 1]


def test_what_cannot_be_put_together_exactly_is_refused_when_it_is_declared(lake, usage):
    def declare(**changes):
        plan = json.dumps({**PLAN, **changes})
        return lake.error(f"ALTER TABLE {usage} SET PROPERTIES \"townlake.rollup\" = '{plan}'")

    measures = PLAN["measures"]
    assert "not exact" in declare(measures={**measures, "peak": "sum"}).error["message"]
    assert "cannot be put together" in declare(measures={**measures, "usage": "avg"}).error["message"]
    assert '"low"' in declare(measures={name: how for name, how in measures.items() if name != "low"}).error["message"]
    assert "no column" in declare(keys=["account", "nope"]).error["message"]
    assert "coarser" in declare(tiers=[{"grain": "hour", "for": "7d"}, {"grain": "minute"}]).error["message"]
    assert "how old" in declare(tiers=[{"grain": "minute"}, {"grain": "hour"}]).error["message"]
    assert "partitioned" in declare(tiers=[{"grain": "minute", "for": "7d"}, {"grain": "month"}]).error["message"]
    assert declare(time="account").code == "invalid_argument"
    assert lake.error(f"ALTER TABLE {usage} SET PROPERTIES \"townlake.rollup\" = '{{'").code != "internal"
    lake.run(f"ALTER TABLE {usage} ADD COLUMN extra BIGINT")
    lake.run(f"INSERT INTO {usage} (minute, account, extra) VALUES (TIMESTAMP '2020-01-01 00:00:00', 1, 1)")
    assert '"extra"' in lake.error(f"ALTER TABLE {usage} EXECUTE rollup").error["message"], "a column that nobody spoke of is not lost"


def test_a_table_that_says_nothing_is_not_rolled_up(lake, usage):
    lake.run(f"ALTER TABLE {usage} SET PROPERTIES \"townlake.rollup\" = DEFAULT")
    assert lake.error(f"ALTER TABLE {usage} EXECUTE rollup").code == "invalid_argument"
    assert tiers(lake, usage) == []


def test_a_sum_that_does_not_fit_changes_nothing(lake, usage):
    lake.run(f"INSERT INTO {usage} SELECT now() - INTERVAL 200 DAY, 9, 'm', 99999999999999.9999, 1, 1.0, DATE '2020-01-01' FROM range(3)")
    before, was = lake.rows(SUMS.format(table=usage)), tiers(lake, usage)
    assert lake.error(f"ALTER TABLE {usage} EXECUTE rollup").code not in ("internal", "engine_lost")
    assert lake.rows(SUMS.format(table=usage)) == before and tiers(lake, usage) == was
