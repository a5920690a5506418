"""What sources are asked to do is seen: EXPLAIN says it, and question 2 fetches little more than it needs."""
import re


def test_explain_says_what_each_source_does(federated):
    text = federated.lake().value("EXPLAIN SELECT plan, count(*) AS n FROM ops.public.accounts WHERE NOT is_internal GROUP BY plan")
    assert "Sources\nops: public.accounts" in text, text
    assert "pushed to ops: aggregate" in text, text
    assert "pushed to ops: filter" in text, text
    assert "fetched" not in text, text


def test_explain_says_why_not(federated):
    text = federated.lake().value("EXPLAIN SELECT a.plan, sum(w.requests) FROM events.\"default\".workers_requests w "
                                  "JOIN ops.public.accounts a ON a.account_id = w.account_id GROUP BY a.plan")
    assert re.search(r"not pushed: join .*\(its sides are in different sources\)", text), text


def test_question_2_fetches_what_it_needs(federated, root):
    lake = federated.lake()
    question = (root / "demo/questions/2-paying-customers-by-workers-requests.sql").read_text()
    text = lake.value("EXPLAIN ANALYZE " + question)
    fetched = {source: int(rows) for source, rows in re.findall(r"^(\w+): .*; fetched: (\d+) rows", text, re.M)}
    paying = """FROM ops.public.accounts a JOIN lake.dim.customers c ON c.customer_id = a.customer_id
                WHERE c.customer_type <> 'free' AND NOT a.is_internal"""
    needed = {
        "ops": lake.value(f"SELECT count(*) {paying}"),
        "events": lake.value(f"""SELECT count(*) FROM events."default".workers_requests w WHERE w.ts >= current_date - INTERVAL 6 DAY
                                 AND w.account_id IN (SELECT a.account_id {paying})"""),
    }
    assert set(fetched) == set(needed), text
    for source, rows in needed.items():
        assert fetched[source] <= 1.1 * rows, text
