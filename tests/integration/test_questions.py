"""The six questions of the demo: right on the embedded demo, and the same over PostgreSQL, ClickHouse and the lake."""
import datetime
import decimal

import duckdb
import pytest

QUESTIONS = [
    "1-revenue-last-quarter",
    "2-paying-customers-by-workers-requests",
    "3-new-domains-in-top-100",
    "4-bots-of-one-network-by-country",
    "5-billing-tickets-of-spenders",
    "6-storage-cost-and-change",
    "6b-storage-cost-by-region",
]


def question(root, name):
    return (root / "demo" / "questions" / f"{name}.sql").read_text()


@pytest.fixture(scope="module")
def oracle(demo, root):
    """The same world in one plain DuckDB: no door, no lake, no pushdown."""
    connection = duckdb.connect()
    for name in ("ops", "events", "stage"):
        connection.execute(f"ATTACH '{demo.folder}/{name}.duckdb' AS {name} (READ_ONLY)")
    connection.execute("ATTACH ':memory:' AS lake")
    for statement in duckdb.extract_statements((root / "demo" / "lake.sql").read_text()):
        connection.execute(statement)
    return connection


def as_sent(value):
    """A Python value as the protocol spells it; whole numbers as text, since sums are wider than bigint and sent so."""
    if isinstance(value, (decimal.Decimal, int)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value


@pytest.mark.parametrize("name", QUESTIONS)
def test_answer_is_that_of_plain_duckdb(demo, oracle, root, name):
    wanted = [[as_sent(value) for value in row] for row in oracle.execute(question(root, name)).fetchall()]
    assert wanted, "the world must have an answer"
    assert [[as_sent(value) for value in row] for row in demo.lake().rows(question(root, name))] == wanted


@pytest.mark.parametrize("name", QUESTIONS)
def test_answer_is_the_same_over_real_servers(demo, federated, root, name):
    assert federated.lake().rows(question(root, name)) == demo.lake().rows(question(root, name))


def test_one_statement_joins_all_three_systems(federated, root):
    used = {row["name"]: row["kind"] for row in federated.lake().get("/api/v1/sources").json()["sources"]}
    assert used == {"ops": "postgres", "events": "clickhouse", "lake": "iceberg"}
    text = question(root, "2-paying-customers-by-workers-requests")
    assert all(source in text for source in ("ops.", "events.", "lake."))
    assert len(federated.lake().rows(text)) > 10


def test_invoices_equal_usage_times_price_to_the_cent(lake):
    wrong = lake.rows(
        """SELECT * FROM (SELECT period, account_id, round(sum(alloc_amount), 2) AS computed FROM lake.fct.billings_allocated GROUP BY 1, 2) f
           FULL JOIN ops.public.invoices i USING (period, account_id)
           WHERE coalesce(computed, 0) <> coalesce(amount, 0)"""
    )
    assert wrong == []


def test_planted_truths_are_there(lake):
    assert lake.value("SELECT count(*) FROM ops.public.accounts WHERE is_internal") == 10
    assert lake.value("SELECT count(*) FROM ops.public.customers WHERE customer_type IS NULL") > 0
    assert lake.value("SELECT count(*) FROM ops.public.api_tokens WHERE token NOT LIKE 'tlk\\_%' ESCAPE '\\'") == 0
    assert lake.value("SELECT count(*) FROM ops.public.support_tickets WHERE body NOT LIKE '%client_ip%'") == 0
    internal, other = lake.rows(
        """SELECT max(u.usage) FROM lake.billing.usage_daily u JOIN lake.dim.accounts a USING (account_id)
           WHERE u.metric_name = 'http_requests' GROUP BY a.is_internal ORDER BY a.is_internal DESC"""
    )
    assert float(internal[0]) > 10 * float(other[0])
