"""What statements used: counted from the bound plan, and shown as far as the asker may see."""
import time

import pytest

from conftest import Demo
from test_search import wait_for


@pytest.fixture(scope="module")
def used(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("used") / "demo", scale="0.02", default="closed")
    analyst, admin = running.lake("analyst"), running.lake("admin")
    running.before = settled(lambda: usage(admin, "ops.public.accounts"))  # the demo's own statements, which make its world
    for plan in ("pro", "free", "business"):
        analyst.run(f"SELECT count(*) FROM ops.public.accounts a JOIN ops.public.customers c ON a.customer_id = c.customer_id -- secret {plan}\n"
                    f"WHERE a.plan = '{plan}' AND c.country <> 'XX' AND a.account_id > 4711")
    analyst.run("SELECT sum(amount) FROM ops.public.invoices")
    analyst.error("SELECT no_such_column FROM ops.public.invoices")
    admin.run("SELECT plan FROM ops.public.accounts GROUP BY plan")
    wait_for(lambda: counted(admin, "plan") >= counted_in(running.before, "plan") + 4)
    yield running
    running.stop()


def settled(what):
    """When it has been the same for three rounds of the thread that counts."""
    before, since = what(), time.monotonic()
    while time.monotonic() - since < 4:
        time.sleep(0.2)
        if (now := what()) != before:
            before, since = now, time.monotonic()
    return before


def usage(lake, name=None):
    response = lake.get("/api/v1/usage", **({"dataset": name} if name else {}))
    assert response.status_code == 200, response.text
    return response.json()


def counted_in(answer, column):
    return sum(row["statements"] for row in answer.get("columns", []) if row["column"] == column)


def counted(lake, column):
    return counted_in(usage(lake, "ops.public.accounts"), column)


def test_statements_users_and_columns_are_counted_once_each(used):
    accounts, before = usage(used.lake(), "ops.public.accounts"), used.before
    assert sum(week["statements"] for week in accounts["weeks"]) == accounts["statements"] == before["statements"] + 4
    assert {row["user"]: row["statements"] for row in accounts["users"]}["analyst"] == 3
    for column, more in {"plan": 4, "customer_id": 3, "account_id": 3, "email": 0}.items():
        assert counted_in(accounts, column) == counted_in(before, column) + more, column


def test_a_statement_that_failed_does_not_count(used):
    assert usage(used.lake(), "ops.public.invoices")["statements"] == 1


def test_which_column_is_joined_with_which_is_told_on_both_sides(used):
    lake = used.lake()
    (join,) = usage(lake, "ops.public.accounts")["joins"]
    assert (join["column"], join["with"], join["with_column"], join["statements"]) == ("customer_id", "ops.public.customers", "customer_id", 3)
    (join,) = usage(lake, "ops.public.customers")["joins"]
    assert (join["column"], join["with"], join["with_column"], join["statements"]) == ("customer_id", "ops.public.accounts", "customer_id", 3)


def test_statements_that_differ_in_values_are_one_example_and_others_see_no_value(used):
    (own,) = [row for row in usage(used.lake("analyst"), "ops.public.customers")["examples"] if "a.plan" in row["sql"]]
    assert own["own"] and own["statements"] == 3 and "'business'" in own["sql"]
    (example,) = [row for row in usage(used.lake(), "ops.public.customers")["examples"] if "a.plan" in row["sql"]]
    assert not example["own"] and example["user"] == "analyst" and example["statements"] == 3
    assert "a.plan = ?" in example["sql"] and "> ?" in example["sql"]
    assert not any(text in example["sql"] for text in ("business", "XX", "4711", "secret"))


def test_what_the_asker_may_not_see_is_absent(used):
    contractor = used.lake("contractor")
    assert set(usage(contractor, "ops.public.invoices")) == {"source", "schema", "table"}
    visible = {row[0] for row in contractor.rows("SELECT column_name FROM ops.information_schema.columns WHERE table_name = 'accounts'")}
    accounts = usage(contractor, "ops.public.accounts")
    assert {row["column"] for row in accounts["columns"]} <= visible
    for table in usage(contractor)["datasets"]:
        assert table["table"] != "invoices"
    assert "invoices" in {table["table"] for table in usage(used.lake())["datasets"]}


def test_an_example_is_shown_only_to_who_may_see_every_column_it_reads(used):
    """The contractor sees invoices nowhere; a statement that joins them is no example of accounts for him."""
    used.lake("analyst").run("SELECT a.plan, sum(i.amount) FROM ops.public.accounts a JOIN ops.public.invoices i USING (account_id) GROUP BY 1")
    wait_for(lambda: any("invoices" in row["sql"] for row in usage(used.lake(), "ops.public.accounts")["examples"]))
    contractor = usage(used.lake("contractor"), "ops.public.accounts")
    assert contractor["statements"] >= 5
    assert not any("invoices" in str(row) for row in contractor["examples"] + contractor["joins"])


def test_the_most_used_come_first_and_are_ranked_so(used):
    tables = usage(used.lake())["datasets"]
    assert tables[0]["table"] == "accounts" and tables[0]["users"] == 2
    assert [row["statements"] for row in tables] == sorted((row["statements"] for row in tables), reverse=True)


def test_details_have_the_usage_too(used):
    response = used.lake().get("/api/v1/catalog/dataset", name="ops.public.customers")
    assert response.json()["usage"]["joins"][0]["with"] == "ops.public.accounts"


def test_an_unknown_table_is_said(used):
    assert used.lake().get("/api/v1/usage", dataset="ops.public.nothing").status_code == 404
