"""Questions in words, answered by the planner: the rows of the demo's own SQL, the proof, follow-ups, refusals, rights."""
import json
import subprocess

import pytest

from conftest import Demo


@pytest.fixture(scope="module")
def company(program, tmp_path_factory):
    """The demo with its rules in force: what nobody has reviewed is closed."""
    running = Demo(tmp_path_factory.mktemp("ask") / "demo", scale="0.02", default="closed")
    yield running
    running.stop()


class Asker:
    def __init__(self, company, user):
        self.lake = company.lake(user)
        self.conversation = None

    def post(self, question, **more):
        return self.lake.http.post(f"{self.lake.url}/api/v1/ask", json={"question": question, **more}, headers=self.lake.headers, timeout=120)

    def ask(self, question, follow=False):
        answer = self.post(question, **({"conversation": self.conversation} if follow else {}))
        assert answer.status_code == 200, answer.text
        document = answer.json()
        self.conversation = document["conversation"]
        return document

    def rows(self, question, follow=False):
        document = self.ask(question, follow)
        assert document["state"] == "answered", document
        return document["rows"]


@pytest.fixture
def analyst(company):
    return Asker(company, "analyst")


def reference(company, root, name, columns=None):
    rows = company.lake("analyst").rows((root / "demo" / "questions" / f"{name}.sql").read_text())
    return [[row[i] for i in columns] for row in rows] if columns else [list(row) for row in rows]


def test_top_customers_by_revenue_are_those_of_the_demo_sql(company, root, analyst):
    wanted = reference(company, root, "1-revenue-last-quarter")
    assert wanted
    assert analyst.rows("Top 100 customers by revenue in the last quarter") == wanted


def test_paying_customers_by_workers_requests(company, root, analyst):
    wanted = reference(company, root, "2-paying-customers-by-workers-requests")
    assert [[row[0], row[1], int(row[2])] for row in analyst.rows("what are the top 100 paying customers by Workers requests this week")] == [
        [row[0], row[1], int(row[2])] for row in wanted]


def test_new_domains_in_the_top_100(company, root, analyst):
    assert analyst.rows("How many domains that signed up today are in the top 100 by traffic?") == reference(company, root, "3-new-domains-in-top-100")


def test_storage_cost_its_change_and_the_follow_up(company, root, analyst):
    rows = analyst.rows("Show me the top 10 customers by R2 storage cost in the last 30 days, and the change versus the previous 30 days.")
    assert [[row[0], row[1], float(row[2]), float(row[4])] for row in rows] == [
        [row[0], row[1], float(row[2]), float(row[3])] for row in reference(company, root, "6-storage-cost-and-change")]
    follow = analyst.rows("Now break it down by region, and ignore internal Cloudflare accounts.", follow=True)
    # a country that had a cost in the 30 days before only is there with 0: the comparison is kept
    assert [[row[0], float(row[1])] for row in follow if float(row[1])] == [[row[0], float(row[1])] for row in reference(company, root, "6b-storage-cost-by-region")]


def test_proof_says_what_the_answer_rests_on(analyst):
    document = analyst.ask("tickets by customer and category in the last 30 days without internal accounts")
    proof = document["proof"]
    assert proof["language_model"] is False and proof["answered_by"] == "planner"
    assert {table["name"] for table in proof["tables"]} == {"ops.public.support_tickets", "lake.dim.accounts", "lake.dim.customers"}
    assert proof["grain"] == "one row per customer and category"
    (customers,) = [table for table in proof["tables"] if table["name"] == "lake.dim.customers"]
    assert customers["curated"] is True and customers["changed_at_us"] > 0 and customers["owners"] == ["group:analyst"]
    (part,) = proof["joins"]
    assert part["rows_in"] == part["rows_joined"] >= part["rows_used"] > 0
    assert sum(int(row[-1]) for row in document["rows"]) == part["rows_used"]
    assert proof["sql"] == document["sql"]


def test_words_without_a_place_are_named_and_nothing_runs(company, analyst):
    def statements():
        return json.dumps(company.lake("analyst").get("/api/v1/queries?count=500").json()).count("SUM(invoices")

    before = statements()
    document = analyst.ask("revenue by shoe size")
    assert document["state"] == "refused"
    assert "shoe" in document["refusal"]["unplaced"] and "revenue" in document["refusal"]["try"]
    assert statements() == before


def test_what_would_count_rows_twice_is_refused_with_the_reason(analyst):
    refusal = analyst.ask("revenue by ticket category last quarter")["refusal"]
    assert "cannot be split by" in refusal["reason"]


def test_rows_and_denials_are_those_of_the_person(company):
    contractor = Asker(company, "contractor")
    countries = {row[0] for row in contractor.rows("how many customers by country")}
    assert countries and countries <= {"DE", "ES", "FR", "NL", "PL", "SE"}
    denied = contractor.post("top 10 customers by revenue last quarter")
    assert denied.status_code == 403 and denied.json()["code"] == "not_allowed" and "request" in denied.json()["link"]


def test_masked_columns_stay_masked_and_the_proof_says_so(analyst):
    document = analyst.ask("list support tickets with requester email")
    column = [c["name"] for c in document["columns"]].index("requester_email")
    assert document["rows"] and all(row[column].startswith("***@") for row in document["rows"])
    (tickets,) = [t for t in document["proof"]["tables"] if t["name"] == "ops.public.support_tickets"]
    assert tickets["masks"] == {"requester_email": "email_domain"}


def test_conversation_of_another_user_is_not_there(company, analyst):
    analyst.ask("how many tickets this month")
    other = Asker(company, "fraud")
    assert other.post("by category", conversation=analyst.conversation).status_code == 404
    assert other.lake.get(f"/api/v1/conversations/{analyst.conversation}").status_code == 404
    turns = analyst.lake.get(f"/api/v1/conversations/{analyst.conversation}").json()["turns"]
    assert [turn["question"] for turn in turns] == ["how many tickets this month"]


def test_events_tell_the_answer_as_it_comes(company, analyst):
    answer = analyst.lake.http.post(f"{analyst.lake.url}/api/v1/ask", json={"question": "tickets by category this month"}, timeout=120,
                                    headers={**analyst.lake.headers, "Accept": "text/event-stream"})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    kinds = [lines[0].removeprefix("event: ") for lines in events]
    assert kinds[:4] == ["reading", "sql", "columns", "rows"] and kinds[-2:] == ["proof", "done"]
    assert all(json.loads(lines[1].removeprefix("data: ")) is not None for lines in events)


@pytest.mark.parametrize("body,status", [("{}", 400), ("[]", 400), ('{"question": ""}', 400), ('{"question": 7}', 400), ("x", 400)])
def test_what_is_no_question_is_an_error(analyst, body, status):
    answer = analyst.lake.http.post(f"{analyst.lake.url}/api/v1/ask", data=body, headers=analyst.lake.headers, timeout=60)
    assert answer.status_code == status


@pytest.mark.parametrize("question", ["x" * 100_000, "どのお客様が一番多く払いましたか", "'; DROP TABLE customers; --", "\u0000", "by by by top top", "1 2 3"])
def test_odd_questions_are_refused_and_not_guessed(analyst, question):
    assert analyst.ask(question)["state"] == "refused"


def test_command_line_answers_and_goes_on(company, program):
    environment = {"TOWNLAKE_URL": company.url, "TOWNLAKE_TOKEN": company.token("analyst"), "PATH": "/usr/bin:/bin"}

    def ask(*words):
        return subprocess.run([program, "ask", *words], env=environment, capture_output=True, text=True, timeout=120, check=False)

    first = ask("--output", "table", "top 3 customers by revenue last quarter")
    assert first.returncode == 0 and "(3 rows)" in first.stdout and "no language model was used" in first.stdout
    follow = ask("--continue", "--output", "json", "now by plan")
    assert [c["name"] for c in json.loads(follow.stdout)["columns"]] == ["plan", "revenue"]
    refused = ask("what is the meaning of life")
    assert refused.returncode == 1 and "meaning" in refused.stderr
    assert ask().returncode == 2


def test_demo_model_names_only_what_is_there(company):
    (model,) = company.lake().get("/api/v1/semantic-models").json()["models"]
    assert model["problems"] == [] and len(model["metrics"]) > 20


def test_suite_is_judged_by_rows_and_compared_with_the_run_before(company, program, tmp_path):
    suite = tmp_path / "suite.yaml"
    suite.write_text("""questions:
  - {ask: tickets by category, sql: "SELECT category, count(*) FROM ops.public.support_tickets GROUP BY 1 ORDER BY 2", tables: [ops.public.support_tickets]}
  - {ask: and by priority, follow: true, sql: "SELECT priority, count(*) + 1 FROM ops.public.support_tickets GROUP BY 1"}
  - {ask: revenue by shoe size, refuse: true}
  - {ask: revenue by country, denied: true, as: contractor}
""")
    environment = {"TOWNLAKE_URL": company.url, "TOWNLAKE_TOKEN": company.token("analyst"), "TOWNLAKE_TOKEN_CONTRACTOR": company.token("contractor")}

    def run(*options):
        return subprocess.run([program, "skipper", "eval", str(suite), *options], env=environment, capture_output=True, text=True, timeout=120, check=False)

    first = run("--record", str(tmp_path / "run.json"))
    assert first.returncode == 1 and "3 of 4 right: 1 of 2 answers, 2 of 2 refusals and denials" in first.stdout
    assert "missing: " in first.stdout and "read as: ticket count by priority" in first.stdout
    again = run("--last", str(tmp_path / "run.json"))
    assert again.returncode == 0, again.stdout + again.stderr
    suite.write_text(suite.read_text().replace("shoe size", "country"))
    (tmp_path / "run.json").write_text((tmp_path / "run.json").read_text().replace("shoe size", "country"))
    worse = run("--last", str(tmp_path / "run.json"))
    assert worse.returncode == 1 and "wrong since the last run: revenue by country" in worse.stdout
    suite.write_text("questions:\n  - {ask: x}\n")
    wrong = run()
    assert wrong.returncode != 0 and "suite.yaml:2: a question has" in wrong.stderr


def test_deprecated_table_is_a_doubt(company, analyst):
    admin = company.lake()

    def say(deprecated):
        said = {"dataset": "ops.public.api_tokens", "deprecated": deprecated}
        done = admin.http.post(f"{admin.url}/api/v1/catalog/annotate", json=said, headers=admin.headers, timeout=60)
        assert done.ok, done.text

    assert all(f["kind"] != "deprecated" for f in analyst.ask("how many API tokens")["proof"]["findings"])
    say({"reason": "it moves"})
    proof = analyst.ask("how many API tokens")["proof"]
    assert [f["kind"] for f in proof["findings"]] == ["deprecated"] and proof["confidence"].startswith("medium")
    say(False)
