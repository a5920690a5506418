"""What database tools ask before anyone has typed a statement: JDBC's metadata, SQLAlchemy's inspector, and the statements of
DBeaver, Metabase and Superset as their sources send them."""
import subprocess
import urllib.parse

import pytest
import sqlalchemy


@pytest.fixture(scope="module")
def address(demo):
    return urllib.parse.urlsplit(demo.url)


def run_java(root, name, *arguments):
    jar = root / ".deps" / "trino" / "trino-jdbc-476.jar"
    source = root / "tests" / "integration" / f"{name}.java"
    done = subprocess.run(["java", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", str(jar), str(source), *arguments], capture_output=True, text=True,
                          timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_jdbc_metadata_is_whole(root, address):
    assert run_java(root, "JdbcMetadata", f"{address.hostname}:{address.port}") == [
        "walked failures=0 results=17",
        "catalogs | events | lake | ops | system",
        "schemas | ops public",
        "tables | accounts TABLE | api_tokens TABLE | customers TABLE | support_tickets TABLE",
        "escaped | api_tokens",
        "columns | invoice_id -5 bigint 19 null 1 YES | account_id -5 bigint 19 null 2 YES | period 91 date 14 null 3 YES"
        " | currency 12 varchar null null 4 YES | amount 3 decimal(12, 2) 12 2 5 YES",
        "types | TABLE | VIEW",
        "inside | 250",
        "again | 250",
        "autocommit true",
    ]


@pytest.fixture(scope="module")
def engine(address):
    made = sqlalchemy.create_engine(f"trino://admin@{address.hostname}:{address.port}/lake/dim")
    yield made
    made.dispose()


def test_sqlalchemy_inspects(engine, lake):
    lake.run("CREATE OR REPLACE VIEW lake.dim.paying AS SELECT account_id FROM lake.dim.accounts WHERE NOT is_internal")
    inspector = sqlalchemy.inspect(engine)
    assert {"dim", "scratch", "information_schema"} <= set(inspector.get_schema_names())
    assert inspector.get_table_names() == ["accounts", "customers"] and inspector.get_view_names() == ["paying"]
    assert "WHERE NOT is_internal" in inspector.get_view_definition("paying")
    columns = {column["name"]: column for column in inspector.get_columns("accounts")}
    assert isinstance(columns["account_id"]["type"], sqlalchemy.BIGINT) and columns["plan"]["nullable"]
    assert inspector.get_indexes("accounts") == [] and inspector.get_pk_constraint("accounts")["constrained_columns"] == []
    assert inspector.get_table_comment("accounts") == {"text": None}
    assert inspector.has_table("accounts") and not inspector.has_table("nothing_here")
    lake.run("DROP VIEW lake.dim.paying")


def test_sqlalchemy_reflects_reads_and_keeps_a_transaction(engine):
    accounts = sqlalchemy.Table("accounts", sqlalchemy.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(accounts.c.plan).where(accounts.c.account_id == 1)).fetchall()
        assert len(rows) == 1
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM accounts WHERE plan <> :plan"), {"plan": "none"}).scalar() == 250
        connection.commit()
        assert connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(accounts)).scalar() == 250
        connection.rollback()


METABASE = [
    ('SHOW SCHEMAS FROM "ops"', ["public"]),
    ('SHOW TABLES FROM "ops"."public"', ["accounts"]),
    ('DESCRIBE "ops"."public"."accounts"', ["account_id", "bigint", "", ""]),
]
SUPERSET = [
    ('SELECT "schema_name" FROM "information_schema"."schemata"', ["public"]),
    ("SELECT \"table_name\" FROM \"information_schema\".\"tables\" WHERE \"table_schema\" = 'public' AND \"table_type\" = 'BASE TABLE'", ["zones"]),
    ("SELECT \"column_name\", \"data_type\", \"column_default\", UPPER(\"is_nullable\") AS \"is_nullable\", \"comment\" FROM "
     "\"information_schema\".\"columns\" WHERE \"table_schema\" = 'public' AND \"table_name\" = 'zones' ORDER BY \"ordinal_position\" ASC",
     ["zone_id", "bigint", None, "YES", None]),
    ('SELECT "table_cat" FROM "system"."jdbc"."catalogs"', ["events"]),
]
DBEAVER = [
    ("SHOW CREATE TABLE ops.public.zones", None),
    ("SELECT * FROM ops.public.zones LIMIT 200", None),
    ("SELECT * FROM system.metadata.catalogs ORDER BY catalog_name", ["events", "events", "duckdb"]),
    ("SELECT node_id, coordinator, state FROM system.runtime.nodes", ["townlake", True, "active"]),
]


@pytest.mark.parametrize("sql,row", METABASE + SUPERSET + DBEAVER, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_statement_of_a_tool_is_answered(lake, sql, row):
    rows = lake.rows(sql, catalog="ops", schema="public")
    assert rows and (row is None or row in rows)


EMPTY = [f"ops.information_schema.{name}" for name in ("roles", "enabled_roles", "applicable_roles", "table_privileges")] + [
    f"system.metadata.{name}" for name in ("materialized_views", "table_properties", "schema_properties", "column_properties", "analyze_properties")] + [
    f"system.jdbc.{name}" for name in ("attributes", "procedures", "procedure_columns", "pseudo_columns", "super_tables", "super_types", "udts")]


@pytest.mark.parametrize("table", EMPTY)
def test_table_that_tools_ask_for_is_there_and_empty(lake, table):
    result = lake.run(f"SELECT * FROM {table}")
    assert result.rows == [] and result.columns


@pytest.mark.parametrize("explicit", ["true", "false"])
def test_jdbc_binds_values_of_every_type(root, address, explicit):
    assert run_java(root, "JdbcParameters", f"{address.hostname}:{address.port}", explicit) == [
        "null null varchar",
        "boolean true boolean",
        "byte -128 tinyint",
        "short 32767 smallint",
        "int -5 integer",
        "long -9223372036854775808 bigint",
        "float 1.25 real",
        "double -1.5E300 double",
        "nan NaN double",
        "infinity -Infinity real",
        "decimal 12345678901234567890.123456789 decimal(29,9)",
        "small -0.05 decimal(2,2)",
        "string it's ? -- é😀 varchar",
        "bytes [0, -1, 65] varbinary",
        "date 2024-02-29 date",
        "time 01:02:03 time(6)",
        "timestamp 2024-02-29 01:02:03.456 timestamp(6)",
        "localdate 2024-01-02 date",
        "localdatetime 2024-01-02 03:04:05.6 timestamp(6)",
        "instant 2023-11-14 22:13:20.0 timestamp(6) with time zone",
        "typed 5.25 decimal(3,2)",
        "described 2 plan 2",
        "batch [1, 1]",
    ]
