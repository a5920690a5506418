"""Trino's own clients, unmodified: the Python package, the command line and the JDBC driver."""
import datetime
import decimal
import os
import signal
import subprocess
import threading
import time
import urllib.parse
import uuid
import zoneinfo

import pytest
import trino

CLIENTS = "trino"


@pytest.fixture(scope="module")
def address(demo):
    return urllib.parse.urlsplit(demo.url)


@pytest.fixture
def connection(address):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin", catalog="lake", schema="dim") as made:
        yield made


def test_python_reads_typed_values(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT 1, 1.50::DECIMAL(10,2), DATE '2024-01-31', TIMESTAMP '2024-01-31 01:02:03.5', [1,2], 'x', NULL")
    assert cursor.fetchall() == [
        [1, decimal.Decimal("1.50"), datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 1, 2, 3, 500000), [1, 2], "x", None]
    ]


def test_python_binds_parameters(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM accounts WHERE account_id <= ? AND plan <> ?", (10, "none"))
    assert cursor.fetchone() == [10]


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
PARAMETERS = [None, True, 5, 2**62, 1.5, decimal.Decimal("1.50"), decimal.Decimal("123456789012345.123456789"), "it's ?", b"\x00\xff",
              datetime.date(2024, 2, 29), datetime.time(1, 2, 3, 400), datetime.datetime(2024, 1, 2, 3, 4, 5, 678900),
              datetime.datetime(2024, 7, 2, 3, 4, 5, tzinfo=BERLIN), uuid.UUID("6e6e1d3a-5a0f-4a4f-8c5e-3a1b2c3d4e5f"), [1, None, 3],
              [decimal.Decimal("1.5")], {"a": 1, "b": None}, (1, "x")]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("value", PARAMETERS, ids=lambda value: type(value).__name__)
def test_python_parameter_comes_back_as_it_was(address, value, legacy):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin", timezone="Europe/Berlin",
                             legacy_prepared_statements=legacy) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT ? AS v", (value,))
        assert cursor.fetchall() == [[value]]


def test_python_sees_instants_in_its_own_zone(address):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin", timezone="Europe/Berlin") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT TIMESTAMPTZ '2024-07-01 00:00:00+00', current_timestamp")
        summer, now = cursor.fetchall()[0]
        assert summer == datetime.datetime(2024, 7, 1, 2, tzinfo=BERLIN) and str(summer.tzinfo) == str(now.tzinfo) == "Europe/Berlin"


def test_python_keeps_a_transaction_for_reading(address):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin",
                             isolation_level=trino.transaction.IsolationLevel.REPEATABLE_READ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM ops.public.accounts")
        assert cursor.fetchall() == [[250]]
        with pytest.raises(trino.exceptions.TrinoUserError):
            cursor.execute("CREATE SCHEMA lake.never").fetchall()
        connection.rollback()


def test_python_pages_through_a_large_result(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT range FROM range(300000)")
    assert sum(row[0] for row in cursor.fetchall()) == 300000 * 299999 // 2


def test_python_sets_session_properties_and_cancels(address):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin", session_properties={"query_max_rows": "5"}) as made:
        with pytest.raises(trino.exceptions.TrinoQueryError) as error:
            made.cursor().execute("SELECT range FROM range(100)").fetchall()
        assert "query_max_rows" in str(error.value)
        cursor = made.cursor()
        cursor.execute("SELECT 1")
        cursor.cancel()


def test_python_writes_to_the_lake(connection):
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE lake.scratch.from_python (id BIGINT, name VARCHAR)")
    cursor.fetchall()
    cursor.execute("INSERT INTO lake.scratch.from_python VALUES (1, 'a'), (2, NULL)")
    assert cursor.fetchall() == [[2]]
    cursor.execute("SELECT * FROM lake.scratch.from_python ORDER BY id")
    assert cursor.fetchall() == [[1, "a"], [2, None]]
    cursor.execute("DROP TABLE lake.scratch.from_python")
    cursor.fetchall()


def test_python_error_names_the_kind(connection):
    with pytest.raises(trino.exceptions.TrinoUserError) as error:
        connection.cursor().execute("SELECT * FROM nothing_here").fetchall()
    assert error.value.error_name == "TABLE_NOT_FOUND"


def run_cli(root, demo, *arguments, stdin=None):
    jar = root / ".deps" / CLIENTS / "trino-cli-476-executable.jar"
    command = ["java", "-jar", str(jar), "--server", demo.url, "--user", "admin", *arguments]
    environment = {**os.environ, "HOME": str(demo.folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, input=stdin, env=environment, check=False)


def test_trino_cli_runs_queries(root, demo):
    done = run_cli(root, demo, "--output-format", "CSV", "--execute", "SELECT 1, 'a,b', NULL; SHOW CATALOGS")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == '"1","a,b",""' and {'"ops"', '"events"', '"lake"'} <= set(lines[1:])


def test_trino_cli_uses_session_and_shows_errors(root, demo):
    done = run_cli(root, demo, "--catalog", "ops", "--schema", "public", "--session", "query_max_run_time=1m",
                   "--execute", "SELECT count(*) FROM accounts; SELECT nope FROM accounts")
    assert done.stdout.splitlines()[0] == '"250"'
    assert done.returncode != 0 and "nope" in done.stderr


JDBC = """
import java.sql.*;
import java.util.*;

public class TownLake {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "admin");
        try (Connection connection = DriverManager.getConnection("jdbc:trino://" + arguments[0] + "/lake/dim", properties)) {
            System.out.println("valid " + connection.isValid(5));
            try (Statement statement = connection.createStatement()) {
                ResultSet rows = statement.executeQuery("SELECT 42 AS n, 1.25::DECIMAL(5,2) AS d, TIMESTAMP '2024-01-01 00:00:00.123' AS t, ['x'] AS l");
                rows.next();
                System.out.println(rows.getInt("n") + " " + rows.getBigDecimal(2) + " " + rows.getTimestamp(3) + " " + rows.getMetaData().getColumnTypeName(4));
                System.out.println("update " + statement.executeUpdate("CREATE TABLE lake.scratch.from_jdbc (id BIGINT)"));
                System.out.println("insert " + statement.executeUpdate("INSERT INTO lake.scratch.from_jdbc VALUES (1), (2), (3)"));
                statement.executeUpdate("DROP TABLE lake.scratch.from_jdbc");
                statement.execute("SET SESSION query_max_run_time = '2m'");
                statement.execute("USE ops.public");
                System.out.println("catalog " + connection.getCatalog());
                ResultSet large = statement.executeQuery("SELECT range FROM range(250000)");
                long sum = 0;
                while (large.next()) sum += large.getLong(1);
                System.out.println("sum " + sum);
            }
            try (PreparedStatement prepared = connection.prepareStatement("SELECT count(*) FROM accounts WHERE account_id <= ? AND is_internal = ?")) {
                prepared.setLong(1, 10);
                prepared.setBoolean(2, true);
                ResultSet rows = prepared.executeQuery();
                rows.next();
                System.out.println("prepared " + rows.getLong(1));
            }
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("SELECT * FROM nowhere");
            } catch (SQLException error) {
                System.out.println("error " + error.getErrorCode());
            }
        }
    }
}
"""


def test_trino_jdbc_runs_queries(root, demo, address, tmp_path):
    source = tmp_path / "TownLake.java"
    source.write_text(JDBC)
    jar = root / ".deps" / CLIENTS / "trino-jdbc-476.jar"
    done = subprocess.run(["java", "-Duser.timezone=UTC", "-cp", str(jar), str(source), f"{address.hostname}:{address.port}"],
                          capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "valid true",
        "42 1.25 2024-01-01 00:00:00.123 array(varchar)",
        "update 0",
        "insert 3",
        "catalog ops",
        "sum 31249875000",
        "prepared 10",
        "error 46",
    ]


ENDLESS = "SELECT count(*) FROM range(100000000000) AS endless(i)"
CANCEL_TIMEOUT_S = 60


def running(lake):
    return lake.value(f"SELECT count(*) FROM system.runtime.queries WHERE state = 'RUNNING' AND query = '{ENDLESS}'")


def wait_until(condition):
    deadline = time.monotonic() + CANCEL_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_python_cancels_what_runs(address, lake):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin") as connection:
        cursor = connection.cursor()
        thread = threading.Thread(target=lambda: pytest.raises(Exception, cursor.execute, ENDLESS))
        thread.start()
        wait_until(lambda: running(lake) == 1 and cursor.query_id)
        connection.cursor().execute(f"CALL system.runtime.kill_query(query_id => '{cursor.query_id}', message => 'by the test')").fetchall()
        thread.join(CANCEL_TIMEOUT_S)
        assert not thread.is_alive() and running(lake) == 0


def test_trino_cli_cancels_by_an_interrupt(root, demo, lake):
    jar = root / ".deps" / CLIENTS / "trino-cli-476-executable.jar"
    command = ["java", "-jar", str(jar), "--server", demo.url, "--user", "admin", "--execute", ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: running(lake) == 1)
        time.sleep(2)  # only when it has the first answer does it listen to the signal; before, the virtual machine just ends
        process.send_signal(signal.SIGINT)
        process.wait(CANCEL_TIMEOUT_S)
    wait_until(lambda: running(lake) == 0)


JDBC_CANCEL = """
import java.sql.*;
import java.util.*;

public class Cancel {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "admin");
        try (Connection connection = DriverManager.getConnection("jdbc:trino://" + arguments[0], properties);
                Statement statement = connection.createStatement()) {
            new Timer(true).schedule(new TimerTask() {
                public void run() {
                    try {
                        statement.cancel();
                    } catch (SQLException error) {
                        System.out.println(error);
                    }
                }
            }, 500, 500);
            statement.executeQuery(arguments[1]).next();
            System.out.println("not cancelled");
        } catch (SQLException error) {
            System.out.println("cancelled");
        }
    }
}
"""


def test_trino_jdbc_cancels_what_runs(root, address, lake, tmp_path):
    source = tmp_path / "Cancel.java"
    source.write_text(JDBC_CANCEL)
    jar = root / ".deps" / CLIENTS / "trino-jdbc-476.jar"
    done = subprocess.run(["java", "-cp", str(jar), str(source), f"{address.hostname}:{address.port}", ENDLESS], capture_output=True, text=True,
                          timeout=180, check=False)
    assert done.stdout.strip() == "cancelled", done.stdout + done.stderr
    wait_until(lambda: running(lake) == 0)
