"""Names that sources allow and few expect, read through the door: as tables, schemas and columns, listed, described and queried."""
import pytest

from servers import literal

# PostgreSQL keeps 63 bytes of a name; ClickHouse makes a folder of it, so that its escaped form must fit a file name.
NAMES = ["with.dots.in", 'double"quote', "single'quote", "back\\slash", "back`tick", "two words", " lead and trail ", "Größe", "日本語の表", "🦆", "e\u0301e",
         "MixedCase", "mixedcase", "select", "table", "user", "order by", "a;drop table b", "--comment", "/* c */", "a/b", "percent%s", "under_score",
         "100", "1e5", "null", "true", "$1", "?", "{x:Int32}", "tab\there", "line\nend", "x" * 63, "star*", "a,b", "(a)", "[1]", "::text", "#hash", "@at"]
LONG = ["y" * 64, "z" * 100]  # ClickHouse only
OF = {"pg.public": NAMES, "ch.named": NAMES + LONG}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def backticked(name):
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@pytest.fixture(scope="module")
def named(servers, suite):
    """In both sources: a table for each name, with a column of that name; a schema for some."""
    script = []
    for number, name in enumerate(OF["pg.public"]):
        script.append(f"CREATE TABLE {quoted(name)} (id integer, {quoted(name)} text);")
        script.append(f"INSERT INTO {quoted(name)} VALUES ({number}, {literal(name)}), (-1, NULL);")
    script.append('CREATE TABLE "cases" (id integer, "Same" text, "same" text, "SAME" text); INSERT INTO "cases" VALUES (1, \'a\', \'b\', \'c\');')
    for name in ("Sch.ema", 'sch"ema', "SELECT"):
        script.append(f"CREATE SCHEMA {quoted(name)}; CREATE TABLE {quoted(name)}.{quoted(name)} AS SELECT 7 AS {quoted(name)};")
    servers.postgres("\n".join(script))
    servers.clickhouse("CREATE DATABASE named")  # "default" of the test's server takes some names for those of files
    for number, name in enumerate(OF["ch.named"]):
        servers.clickhouse(f"CREATE TABLE named.{backticked(name)} (id Int32, {backticked(name)} Nullable(String)) ENGINE = MergeTree ORDER BY id")
        servers.clickhouse(f"INSERT INTO named.{backticked(name)} SELECT {number}, unhex('{name.encode().hex()}') UNION ALL SELECT -1, NULL")
    servers.clickhouse("CREATE TABLE named.cases (id Int32, Same String, same String, SAME String) ENGINE = MergeTree ORDER BY id")
    servers.clickhouse("INSERT INTO named.cases VALUES (1, 'a', 'b', 'c')")
    for name in ("Sch.ema", 'sch"ema', "SELECT"):
        servers.clickhouse(f"CREATE DATABASE {backticked(name)}")
        servers.clickhouse(f"CREATE TABLE {backticked(name)}.{backticked(name)} ENGINE = MergeTree ORDER BY tuple() AS SELECT 7 AS {backticked(name)}")
    lake = servers.lake()
    for source in ("pg", "ch"):
        answer = lake.call("POST", f"/api/v1/sources/{source}/refresh")
        assert answer.status_code == 200, answer.text
    return lake


EVERY = [(schema, name) for schema, names in OF.items() for name in names]


@pytest.mark.parametrize("schema, name", EVERY)
def test_table_and_column_of_any_name_are_read(named, schema, name):
    number = OF[schema].index(name)
    table = f"{schema}.{quoted(name)}"
    assert named.rows(f"SELECT * FROM {table} ORDER BY id") == [[-1, None], [number, name]]
    assert named.run(f"SELECT * FROM {table}").names == ["id", name]
    for pushdown in ("on", "off"):
        session = f"pushdown={pushdown}"
        assert named.rows(f"SELECT id FROM {table} WHERE {quoted(name)} = {literal(name)}", session=session) == [[number]]
        assert named.rows(f"SELECT t.{quoted(name)} FROM {table} t WHERE {quoted(name)} IN ({literal(name)}, 'x') OR id = -1 "
                          f"ORDER BY {quoted(name)} NULLS LAST LIMIT 1", session=session) == [[name]]
        assert named.rows(f"SELECT {quoted(name)}, count(*), max(id) FROM {table} WHERE id >= 0 GROUP BY {quoted(name)}", session=session) == [[name, 1, number]]
        assert named.rows(f"SELECT a.id FROM {table} a JOIN {table} b ON a.{quoted(name)} = b.{quoted(name)}", session=session) == [[number]]


@pytest.mark.parametrize("schema", OF)
def test_names_are_listed_and_described_as_they_are(named, schema):
    names = OF[schema]
    listed = [row[0] for row in named.rows(f"SHOW TABLES FROM {schema}")]
    assert set(names) <= set(listed)
    for name in names:
        described = named.rows(f"DESCRIBE {schema}.{quoted(name)}")
        assert [row[0] for row in described] == ["id", name], name


@pytest.mark.parametrize("source", ["pg", "ch"])
@pytest.mark.parametrize("name", ["Sch.ema", 'sch"ema', "SELECT"])
def test_schema_of_any_name_is_read(named, source, name):
    assert [name] in named.rows(f"SHOW SCHEMAS FROM {source}")
    assert named.rows(f"SELECT {quoted(name)} FROM {source}.{quoted(name)}.{quoted(name)} WHERE {quoted(name)} > 6") == [[7]]


@pytest.mark.parametrize("source", OF)
def test_tables_that_differ_in_case_only_are_both_there(named, source):
    """Who writes the exact name gets that table; a name that fits both in another case is refused, never guessed."""
    for name in ("MixedCase", "mixedcase"):
        assert named.rows(f"SELECT id FROM {source}.{quoted(name)} WHERE id >= 0") == [[NAMES.index(name)]]
    error = named.error(f"SELECT id FROM {source}.MIXEDCASE")
    assert error.code in ("table_not_found", "conflict"), error.error


@pytest.mark.parametrize("source", OF)
def test_columns_that_differ_in_case_only_are_refused_by_name(named, source):
    """The engine would show one column's values under another's name."""
    for columns in ('"Same", "same", "SAME"', "id", "*"):
        error = named.error(f"SELECT {columns} FROM {source}.cases")
        assert error.code == "unsupported" and '"Same" and "same"' in str(error) and "view" in error.hint, error.error


def test_unknown_names_are_errors_that_show_them(named):
    for name in ("no.such", 'no"such', "no\\such", "nö"):
        error = named.error(f"SELECT 1 FROM pg.public.{quoted(name)}")
        assert error.code == "table_not_found" and name in str(error), error.error
