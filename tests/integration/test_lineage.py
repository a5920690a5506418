"""Where data comes from: statements go through the door of a running server, and what it says of their columns is compared."""
import json
import re
import subprocess

import pytest

from conftest import ROOT

CASES = ROOT / "tests" / "cases" / "lineage"
SCHEMA = "lake.lin"
TABLES = [
    f"CREATE SCHEMA {SCHEMA}",
    f"CREATE TABLE {SCHEMA}.a (id BIGINT, x BIGINT, y DOUBLE, name VARCHAR, day DATE, tags ARRAY(VARCHAR))",
    f"CREATE TABLE {SCHEMA}.b (id BIGINT, x BIGINT, amount DECIMAL(12, 2), kind VARCHAR)",
    f"CREATE VIEW {SCHEMA}.v AS SELECT x * 2 AS doubled, name FROM {SCHEMA}.a WHERE y > 0",
]


def read_cases(name):
    """(name, statements, wanted edges)"""
    cases = []
    for line in (CASES / name).read_text().splitlines():
        if line.startswith("== "):
            cases.append((line[3:], [], []))
        elif line and not line.startswith("#"):
            wanted = re.match(r"\S+ (= .* )?<- |\S+ by \S+ ", line) and not line.split()[0].isupper()
            cases[-1][2 if wanted else 1].append(line)
    return cases


def named(text):
    """"a.id" of the test's own schema; other tables are written in full."""
    parts = text.split(".")
    return tuple(SCHEMA.split(".") + parts) if len(parts) == 2 else tuple(parts)


def wanted_edges(lines):
    edges = set()
    for line in lines:
        if " <- " in line:
            head, sources = line.split(" <- ")
            column, _, expression = head.partition(" = ")
            edges |= {("value", column.strip(), expression.strip() or None, named(source)) for source in sources.split()}
        else:
            column, _, how, source = line.split()
            edges.add((how, "" if column == "*" else column, None, named(source)))
    return edges


class Asking:
    """GET /api/v1/lineage as one person."""

    def __init__(self, demo, user="admin"):
        self.lake, self.url = demo.lake(user), demo.url

    def make(self, table, query):
        self.lake.run(f"DROP TABLE IF EXISTS {SCHEMA}.{table}")
        self.lake.run(f"CREATE TABLE {SCHEMA}.{table} AS {query}", catalog="lake", schema="lin")

    def ask(self, dataset, status=200, **parameters):
        response = self.lake.http.get(f"{self.url}/api/v1/lineage", params={"dataset": dataset, **parameters}, headers=self.lake.headers, timeout=60)
        assert response.status_code == status, response.text
        return response.json()

    def edges(self, dataset, **parameters):
        answer = self.ask(dataset, depth=1, **parameters)
        names = {node["id"]: (node["source"], node["schema"], node["table"]) for node in answer["nodes"]}
        return {
            (edge["how"], edge.get("to_column", ""), edge.get("expression"), names[edge["from"]] + ((edge["from_column"],) if "from_column" in edge else ()))
            for edge in answer["edges"]
            if edge["to"] == 0
        }


@pytest.fixture(scope="module")
def world(demo):
    lake = demo.lake()
    for sql in TABLES:
        lake.run(sql)
    return Asking(demo)


def columns_of(edges):
    return {edge for edge in edges if edge[0] not in ("table", "view")}


def show(edges):
    return "\n".join(sorted(map(str, edges)))


@pytest.mark.parametrize("case", read_cases("queries.txt"), ids=lambda case: case[0])
def test_what_a_query_makes_comes_from_its_columns(world, case):
    name, statements, wanted = case
    world.make("q", " ".join(statements))
    told = columns_of(world.edges(f"{SCHEMA}.q"))
    assert told == wanted_edges(wanted), f"\n{show(told)}\nwanted\n{show(wanted_edges(wanted))}"


@pytest.mark.parametrize("case", read_cases("changes.txt"), ids=lambda case: case[0])
def test_what_a_change_leaves(world, case):
    name, statements, wanted = case
    world.lake.run(f"DROP VIEW IF EXISTS {SCHEMA}.t")
    world.lake.run(f"DROP TABLE IF EXISTS {SCHEMA}.t")
    world.lake.run(f"CREATE TABLE {SCHEMA}.t (p BIGINT, q VARCHAR, r DOUBLE)")
    prepared = {}
    for sql in statements:
        result = world.lake.run(sql, catalog="lake", schema="lin", **prepared)
        if "X-Trino-Added-Prepare" in result.headers:
            prepared = {"prepared_statement": result.headers["X-Trino-Added-Prepare"]}
    told = columns_of(world.edges(f"{SCHEMA}.t"))
    assert told == wanted_edges(wanted), f"\n{show(told)}\nwanted\n{show(wanted_edges(wanted))}"
    world.lake.run(f"DROP VIEW IF EXISTS {SCHEMA}.t")


FACTS = {
    ("period", "value"): {("lake.billing.usage_daily", "date")},
    ("account_id", "value"): {("lake.dim.accounts", "account_id")},
    ("customer_id", "value"): {("lake.dim.customers", "customer_id")},
    ("customer_name", "value"): {("lake.dim.customers", "name")},
    ("customer_type", "value"): {("lake.dim.customers", "customer_type")},
    ("country", "value"): {("lake.dim.customers", "country")},
    ("product", "value"): {("lake.seed.product_classification", "product")},
    ("family", "value"): {("lake.seed.product_classification", "family")},
    ("metric_name", "value"): {("lake.billing.usage_daily", "metric_name")},
    ("usage", "value"): {("lake.billing.usage_daily", "usage")},
    ("alloc_amount", "value"): {("lake.billing.usage_daily", "usage"), ("lake.seed.product_classification", "unit_price")},
    ("", "filter"): {("lake.dim.accounts", "is_internal"), ("lake.dim.customers", "customer_type")},
    ("", "join"): {
        ("lake.seed.product_classification", "metric_name"), ("lake.billing.usage_daily", "metric_name"), ("lake.dim.accounts", "account_id"),
        ("lake.billing.usage_daily", "account_id"), ("lake.dim.customers", "customer_id"), ("lake.dim.accounts", "customer_id"),
    },
}


def by_column(edges):
    told = {}
    for how, column, _, source in edges:
        if how not in ("table", "view", "group"):
            told.setdefault((column, how), set()).add((".".join(source[:3]), source[3]))
    return told


def test_the_facts_of_the_demo_are_right_to_the_column(demo):
    edges = Asking(demo).edges("lake.fct.billings_allocated")
    assert by_column(edges) == FACTS
    expressions = {column: expression for how, column, expression, _ in edges if how == "value"}
    assert expressions["usage"] == "sum(usage)" and expressions["alloc_amount"] == "sum(usage * unit_price)" and expressions["country"] == "country"
    assert "date_trunc('month', date)" in expressions["period"]
    assert {edge[3] for edge in edges if edge[0] == "table"} == {
        ("lake", "billing", "usage_daily"), ("lake", "seed", "product_classification"), ("lake", "dim", "accounts"), ("lake", "dim", "customers")}


def test_columns_are_followed_through_tables_and_views_to_their_sources(world, demo):
    world.lake.run(f"CREATE VIEW {SCHEMA}.by_country AS SELECT country, sum(alloc_amount) AS revenue FROM lake.fct.billings_allocated GROUP BY country")
    world.lake.run(f"CREATE TABLE {SCHEMA}.top AS SELECT country, revenue / 12 AS monthly FROM {SCHEMA}.by_country WHERE revenue > 100")
    edges = world.edges(f"{SCHEMA}.top")
    fct = ("lake", "fct", "billings_allocated")
    assert ("value", "monthly", "sum(alloc_amount) / 12", fct + ("alloc_amount",)) in edges
    assert ("view", "", None, ("lake", "lin", "by_country")) in edges and ("table", "", None, fct) in edges
    names = {node["name"]: node for node in world.ask(f"{SCHEMA}.top", column="country")["nodes"]}
    assert names["ops.public.customers"]["distance"] == 3 and names["ops.public.customers"]["columns"] == ["country"]
    # and down again: what hangs on the column of the source, views told apart
    down = world.ask("ops.public.customers", column="country", direction="down")
    kinds = {node["name"]: node["kind"] for node in down["nodes"]}
    assert kinds.keys() >= {"lake.dim.customers", "lake.fct.billings_allocated", f"{SCHEMA}.by_country", f"{SCHEMA}.top"}
    assert down["complete"]
    steps = world.ask("ops.public.customers", column="country", direction="down", depth=1)
    assert "lake.fct.billings_allocated" not in {node["name"] for node in steps["nodes"]}


def test_a_circle_is_walked_once(world):
    world.make("ring1", f"SELECT id FROM {SCHEMA}.a")
    world.make("ring2", f"SELECT id FROM {SCHEMA}.ring1")
    world.lake.run(f"INSERT INTO {SCHEMA}.ring1 SELECT id FROM {SCHEMA}.ring2")
    for direction in ("up", "down"):
        answer = world.ask(f"{SCHEMA}.ring1", column="id", direction=direction)
        assert answer["complete"] and len(answer["nodes"]) == len({node["name"] for node in answer["nodes"]}) <= 3


def test_a_statement_that_fails_leaves_nothing(world):
    world.make("kept", f"SELECT id FROM {SCHEMA}.a")
    with pytest.raises(Exception):
        world.lake.run(f"INSERT INTO {SCHEMA}.kept SELECT x / 0 FROM (VALUES 1) v(x)")
    world.lake.run(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.kept AS SELECT x AS id FROM {SCHEMA}.b")
    assert columns_of(world.edges(f"{SCHEMA}.kept")) == {("value", "id", "id", ("lake", "lin", "a", "id"))}


def test_bad_questions_are_refused(world):
    assert "missing" in world.lake.http.get(f"{world.url}/api/v1/lineage", headers=world.lake.headers, timeout=60).json()["message"]
    for parameters in ({"direction": "left"}, {"depth": "0"}, {"depth": "x"}, {"depth": "101"}):
        assert world.ask("lake.lin.a", status=400, **parameters)["code"] == "invalid_argument"
    assert world.ask("justone", status=400)["code"] == "invalid_argument"
    assert world.ask("lake.lin.nowhere")["edges"] == []


def test_the_command_draws_a_tree(world, program, demo):
    def run(*words):
        done = subprocess.run([program, "catalog", "lineage", *words, "--url", demo.url, "--token", demo.token()], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    text = run("lake.fct.billings_allocated")
    assert "lake.fct.billings_allocated" in text.splitlines()[0] and "├─ lake.billing.usage_daily" in text
    assert "   └─ ops.public.accounts" in text or "│  └─ ops.public.accounts" in text
    assert re.search(r"alloc_amount +.*usage_daily\.usage.*= sum\(usage \* unit_price\)", text)
    text = run("lake.fct.billings_allocated.country")
    assert "└─ ops.public.customers.country" in text
    assert "lake.fct.billings_allocated.country" in run("ops.public.customers.country", "--down")
    assert json.loads(run("lake.dim.accounts", "--output", "json"))["nodes"][0]["name"] == "lake.dim.accounts"
    failed = subprocess.run([program, "catalog", "lineage", "lake.dim.accounts", "--up", "--down", "--url", demo.url], capture_output=True, text=True)
    assert failed.returncode != 0


# --- others: OpenLineage, DataHub ---


def take(world, path, body, status=200):
    headers = {**world.lake.headers, "Content-Type": "application/json"}
    response = world.lake.http.post(f"{world.url}{path}", data=body if isinstance(body, str) else json.dumps(body), headers=headers, timeout=60)
    assert response.status_code == status, response.text
    return response.json()


def event(outputs, inputs=(), kind="COMPLETE"):
    return {
        "eventType": kind, "eventTime": "2026-01-31T12:00:00Z", "producer": "https://example.com/tests",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "01941f29-7c00-7000-8000-000000000000"}, "job": {"namespace": "airflow", "name": "load.orders"},
        "inputs": list(inputs), "outputs": list(outputs),
    }


ORDERS = {"namespace": "postgres://shop:5432", "name": "shop.public.orders"}


def test_every_change_is_an_event_that_the_official_schemas_take(world, demo):
    world.make("told", f"SELECT name, sum(x) OVER (PARTITION BY name ORDER BY day) AS s FROM {SCHEMA}.a WHERE y > 0")
    world.lake.run(f"ALTER TABLE {SCHEMA}.told RENAME TO told_so")
    world.lake.run(f"DROP TABLE {SCHEMA}.told_so")
    response = world.lake.http.get(f"{world.url}/api/v1/lineage/events", params={"count": 10000}, headers=world.lake.headers, timeout=60)
    assert response.status_code == 200, response.text
    python = ROOT / ".deps" / "dbt" / "bin" / "python"
    checked = subprocess.run([python, ROOT / "tests" / "openlineage" / "check.py"], input=response.text, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0 and checked.stdout == "", checked.stdout + checked.stderr
    events = [json.loads(line) for line in response.text.splitlines()]
    assert len(events) > 10
    told = [event for event in events if event["job"]["name"] == f"{SCHEMA}.told"]
    assert [event["outputs"][0]["facets"]["lifecycleStateChange"]["lifecycleStateChange"] for event in told] == ["CREATE", "RENAME"]
    fields = told[0]["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert fields["name"]["inputFields"][0]["transformations"][0]["subtype"] == "IDENTITY"
    assert {(field["field"], field["transformations"][0]["subtype"]) for field in fields["s"]["inputFields"]} == {
        ("x", "AGGREGATION"), ("name", "WINDOW"), ("day", "WINDOW")}
    assert told[0]["outputs"][0]["facets"]["columnLineage"]["dataset"][0]["transformations"][0] == {"type": "INDIRECT", "subtype": "FILTER", "masking": False}
    # a wrong event is found out by the same check
    wrong = {**events[0], "eventTime": "yesterday", "run": {}}
    checked = subprocess.run([python, ROOT / "tests" / "openlineage" / "check.py"], input=json.dumps(wrong), capture_output=True, text=True, timeout=120)
    assert checked.stdout.startswith("event 1")
    # and one goes on where one ended
    last = response.headers["X-Townlake-Last"]
    more = world.lake.http.get(f"{world.url}/api/v1/lineage/events", params={"after": last}, headers=world.lake.headers, timeout=60)
    assert more.text == "" and more.headers["X-Townlake-Last"] == last


def test_events_of_others_become_edges(world):
    world.lake.run(f"CREATE TABLE {SCHEMA}.loaded (total DOUBLE)")
    field = {**ORDERS, "field": "amount", "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "description": "sum(amount)"}]}
    output = {"namespace": "townlake", "name": f"{SCHEMA}.loaded", "facets": {"columnLineage": {
        "_producer": "x:y", "_schemaURL": "x:y", "fields": {"total": {"inputFields": [field]}}}, "unknown": {"anything": 1}}}
    assert take(world, "/api/v1/lineage", event([output], [ORDERS], "START"))["edges"] == 0
    assert world.edges(f"{SCHEMA}.loaded") == set()
    assert take(world, "/api/v1/lineage", event([output], [ORDERS]))["edges"] == 2
    place = ("postgres://shop:5432", "", "shop.public.orders")
    assert world.edges(f"{SCHEMA}.loaded") == {("table", "", None, place), ("value", "total", "sum(amount)", place + ("amount",))}
    down = world.ask('"postgres://shop:5432"."shop.public.orders"', direction="down")
    assert f"{SCHEMA}.loaded" in {node["name"] for node in down["nodes"]}
    take(world, "/api/v1/lineage", event([{**output, "facets": {"lifecycleStateChange": {"lifecycleStateChange": "TRUNCATE"}}}]))
    assert world.edges(f"{SCHEMA}.loaded") == set()


def test_bad_events_are_refused_whole(world, demo):
    good = {"namespace": "townlake", "name": f"{SCHEMA}.loaded"}
    for body in ("", "[]", "nothing", "{}", json.dumps(event([good, {"namespace": "townlake"}], [ORDERS])), json.dumps({**event([]), "eventType": "DONE"})):
        assert take(world, "/api/v1/lineage", body, 400)["code"] in ("invalid_argument", "invalid_value")
    assert ("table", "", None, ("postgres://shop:5432", "", "shop.public.orders")) not in world.edges(f"{SCHEMA}.loaded")
    analyst = Asking(demo, "analyst")
    assert take(analyst, "/api/v1/lineage", event([{"namespace": "townlake", "name": "lake.fct.billings_allocated"}], [ORDERS]), 403)["code"] == "not_allowed"
    assert take(analyst, "/api/v1/lineage", event([ORDERS]), 403)["code"] == "not_allowed"
    refused = analyst.lake.http.get(f"{demo.url}/api/v1/lineage/events", headers=analyst.lake.headers, timeout=60)
    assert refused.status_code == 403


def test_datahub_takes_and_gives_proposals(world):
    world.make("hub", f"SELECT id, x * 2 AS twice FROM {SCHEMA}.a")
    response = world.lake.http.post(f"{world.url}/api/v1/catalog/crawl", data="{}", headers=world.lake.headers, timeout=120)
    assert response.status_code in (200, 204), response.text
    given = world.lake.http.get(f"{world.url}/api/v1/lineage/datahub", params={"source": "lake"}, headers=world.lake.headers, timeout=60).json()
    urn = f"urn:li:dataset:(urn:li:dataPlatform:townlake,{SCHEMA}.hub,PROD)"
    own = {proposal["aspectName"]: proposal["aspect"]["json"] for proposal in given if proposal["entityUrn"] == urn}
    assert [field["fieldPath"] for field in own["schemaMetadata"]["fields"]] == ["id", "twice"]
    assert own["upstreamLineage"]["upstreams"][0]["dataset"] == f"urn:li:dataset:(urn:li:dataPlatform:townlake,{SCHEMA}.a,PROD)"
    fine = {tuple(line["upstreams"] + line["downstreams"]) for line in own["upstreamLineage"]["fineGrainedLineages"]}
    assert (f"urn:li:schemaField:(urn:li:dataset:(urn:li:dataPlatform:townlake,{SCHEMA}.a,PROD),x)", f"urn:li:schemaField:({urn},twice)") in fine
    topic = "urn:li:dataset:(urn:li:dataPlatform:kafka,shop.orders%2Cv2,PROD)"
    proposal = {"entityType": "dataset", "entityUrn": urn, "changeType": "UPSERT", "aspectName": "upstreamLineage", "aspect": {"json": {
        "upstreams": [{"dataset": topic, "type": "TRANSFORMED"}],
        "fineGrainedLineages": [{"upstreamType": "FIELD_SET", "upstreams": [f"urn:li:schemaField:({topic},[version=2.0].[type=long].amount)"],
                                 "downstreamType": "FIELD", "downstreams": [f"urn:li:schemaField:({urn},twice)"], "transformOperation": "amount * 2"}]}}}
    assert take(world, "/api/v1/lineage/datahub", [proposal, {**proposal, "aspectName": "ownership"}]) == {"edges": 2, "left": 1}
    place = ("kafka", "", "shop.orders,v2")
    assert {("table", "", None, place), ("value", "twice", "amount * 2", place + ("amount",))} <= world.edges(f"{SCHEMA}.hub")
    # what is told anew takes the place of what was told before, and of nothing else
    assert take(world, "/api/v1/lineage/datahub", [{**proposal, "aspect": {"json": {"upstreams": []}}}]) == {"edges": 0, "left": 0}
    assert {edge[3][:3] for edge in world.edges(f"{SCHEMA}.hub")} == {("lake", "lin", "a")}
    for bad in ({}, "x", [1], [{**proposal, "entityUrn": "urn:li:dataset:x"}], [{**proposal, "changeType": "DELETE"}], [proposal, {**proposal, "aspect": {}}]):
        assert take(world, "/api/v1/lineage/datahub", bad, 400)["code"] in ("invalid_argument", "invalid_value")
    assert {edge[3][:3] for edge in world.edges(f"{SCHEMA}.hub")} == {("lake", "lin", "a")}


# --- what one may see ---


def test_masks_and_row_rules_do_not_show(demo, world):
    """The analyst sees e-mails masked, the contractor customers of some countries only: both are read as what they are called."""
    analyst = Asking(demo, "analyst")
    masked = analyst.lake.rows("SELECT email FROM ops.public.accounts LIMIT 1")[0][0]
    assert masked != world.lake.rows("SELECT email FROM ops.public.accounts LIMIT 1")[0][0]
    analyst.lake.run("CREATE TABLE lake.scratch.lin_masked AS SELECT account_id, upper(email) AS e, email FROM ops.public.accounts WHERE plan <> 'free'")
    accounts = ("ops", "public", "accounts")
    assert columns_of(world.edges("lake.scratch.lin_masked")) == {
        ("value", "account_id", "account_id", accounts + ("account_id",)), ("value", "e", "upper(email)", accounts + ("email",)),
        ("value", "email", "email", accounts + ("email",)), ("filter", "", None, accounts + ("plan",))}
    grant = {"group": "contractor", "privileges": "write", "scope": {"source": "lake", "schema": "lin"}, "duration": "1d", "reason": "a test"}
    granted = world.lake.http.post(f"{world.url}/api/v1/lifeguard/grants", json=grant, headers=world.lake.headers, timeout=60)
    assert granted.ok, granted.text
    contractor = Asking(demo, "contractor")
    contractor.lake.run(f"CREATE TABLE {SCHEMA}.ruled AS SELECT a.account_id, c.name FROM ops.public.accounts a JOIN ops.public.customers c USING (customer_id)")
    customers = ("ops", "public", "customers")
    assert columns_of(world.edges(f"{SCHEMA}.ruled")) == {
        ("value", "account_id", "account_id", accounts + ("account_id",)), ("value", "name", "name", customers + ("name",)),
        ("join", "", None, accounts + ("customer_id",)), ("join", "", None, customers + ("customer_id",))}
    world.lake.run("DROP TABLE lake.scratch.lin_masked")


def test_closed_columns_are_absent(demo, world):
    closed = Asking(demo, "contractor").ask("lake.fct.billings_allocated")
    names = {node["name"]: node for node in closed["nodes"]}
    assert names["lake.fct.billings_allocated"]["columns"] == [] and names["lake.billing.usage_daily"]["columns"] == []
    assert "customer_type" in names["lake.dim.customers"]["columns"]
    text = json.dumps(closed)
    assert "alloc_amount" not in text and "unit_price *" not in text and "sum(" not in text
    assert all("expression" not in edge for edge in closed["edges"])
    # asked by its name, a closed column is as one that is not there
    for column in ("alloc_amount", "nowhere"):
        Asking(demo, "contractor").ask("lake.fct.billings_allocated", status=400, column=column)
    # the chain goes on behind what is closed
    down = Asking(demo, "contractor").ask("ops.public.accounts", direction="down")
    assert "lake.fct.billings_allocated" in {node["name"] for node in down["nodes"]}
    admin = world.ask("lake.fct.billings_allocated")
    assert "sum(usage * unit_price)" in json.dumps(admin)
