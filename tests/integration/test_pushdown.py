"""What sources are asked to do is seen: EXPLAIN says it, and question 2 fetches little more than it needs."""
import json
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


def test_json_says_the_same_as_the_text(federated):
    lake = federated.lake()
    sql = ("SELECT a.plan, sum(w.requests) FROM events.\"default\".workers_requests w JOIN ops.public.accounts a ON a.account_id = w.account_id "
           "WHERE NOT a.is_internal GROUP BY a.plan")
    plan, text = json.loads(lake.value(f"EXPLAIN (FORMAT JSON) {sql}")), lake.value(f"EXPLAIN {sql}")
    assert plan["name"] == "Output" and plan["id"] == "0" and "fetched" not in str(plan["sources"])
    names, said = [], []

    def walk(node):
        names.append(node["name"])
        said.extend(f"{key}: {value}" for key, value in node.get("descriptor", {}).items())
        for child in node["children"]:
            walk(child)

    walk(plan)
    assert [line.strip().split()[1] for line in text.split("Sources")[0].splitlines() if line.strip().startswith("- ")] == names[1:]
    assert said and all(line in text for line in said) and "p:" not in json.dumps(plan)
    by_source = {scan["source"]: scan for scan in plan["sources"]}
    assert by_source["ops"]["datasets"] == ["public.accounts"] and by_source["ops"]["estimated"]["rows"] > 0
    for scan in plan["sources"]:
        for item in scan["pushed"]:
            assert f"pushed to {scan['source']}: {item['kind']} {item['what']}" in text
        for item in scan["not_pushed"]:
            assert f"not pushed: {item['kind']} {item['what']} ({item['reason']})" in text
    assert any(item["kind"] == "filter" for item in by_source["ops"]["pushed"])
    assert any(item["kind"] == "join" for scan in plan["sources"] for item in scan["not_pushed"])


def test_json_tells_what_was_fetched(federated):
    lake = federated.lake()
    plan = json.loads(lake.value("EXPLAIN ANALYZE (FORMAT JSON) SELECT name FROM ops.public.accounts WHERE NOT is_internal"))
    (scan,) = plan["sources"]
    assert scan["fetched"]["rows"] == lake.value("SELECT count(*) FROM ops.public.accounts WHERE NOT is_internal") and scan["fetched"]["bytes"] > 0
    assert plan["elapsed_ms"] > 0 and plan["children"][0]["rows"] == scan["fetched"]["rows"]


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
