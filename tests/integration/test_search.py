"""Search over the demo's datasets: what is found, why, and that nothing of what is hidden can be found out by it."""
import re
import subprocess
import time

import pytest

from conftest import PROGRAM, Demo

WORD = re.compile(r"[a-z0-9]+")


@pytest.fixture(scope="module")
def searched(program, tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("searched") / "demo", scale="0.02", default="closed")
    wait_for(lambda: state(running.lake())["documents"] >= 16)
    yield running
    running.stop()


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def state(lake):
    response = lake.get("/api/v1/search")
    assert response.status_code == 200, response.text
    return response.json()


def search(lake, text=None, **filters):
    response = lake.get("/api/v1/search", **{**({"q": text} if text is not None else {}), **filters})
    assert response.status_code == 200, response.text
    return response.json()


def names(answer, kinds=("table", "view")):
    return [result["name"] for result in answer["results"] if result["kind"] in kinds]


def reasons(answer, name):
    (result,) = [result for result in answer["results"] if result["name"] == name]
    return [(reason["field"], reason.get("column"), tuple(reason["words"])) for reason in result["why"]]


def columns_seen(lake):
    """{column: {table}} as the caller may know them."""
    seen = {}
    for source in ("ops", "events", "lake"):
        for schema, table, column in lake.rows(f"SELECT table_schema, table_name, column_name FROM {source}.information_schema.columns "
                                               "WHERE table_schema <> 'information_schema'"):
            seen.setdefault(column, set()).add(f"{source}.{schema}.{table}")
    return seen


# ---- what is found ----


def test_a_table_named_as_asked_comes_first(searched):
    lake = searched.lake()
    assert names(search(lake, "dim.customers"))[0] == "lake.dim.customers"
    assert names(search(lake, "workers_requests"))[0] == "events.default.workers_requests"
    assert names(search(lake, "billings allocated"))[0] == "lake.fct.billings_allocated"
    assert names(search(lake, "InVoices"))[0] == "ops.public.invoices"


def test_columns_bring_their_table_up_and_say_so(searched):
    answer = search(searched.lake(), "requester email")
    assert names(answer)[0] == "ops.public.support_tickets"
    assert ("column", "requester_email", ("requester", "email")) in reasons(answer, "ops.public.support_tickets")


def test_a_description_is_shown_around_the_words(searched):
    answer = search(searched.lake(), "sales missing")
    (result,) = [result for result in answer["results"] if result["name"] == "ops.public.customers"]
    (reason,) = [reason for reason in result["why"] if reason["field"] == "description"]
    marked = [reason["snippet"].encode()[at:at + size].decode() for at, size in reason["marks"]]
    assert "sales" in marked and "missing" in marked


def test_a_beginning_and_a_slip_are_understood_and_told(searched):
    lake = searched.lake()
    assert names(search(lake, "support tick"))[0] == "ops.public.support_tickets"
    answer = search(lake, "custmers emial")
    assert names(answer)[0] == "ops.public.customers"
    read = {word["word"]: [reading["text"] for reading in word["read_as"]] for word in answer["words"]}
    assert "customers" in read["custmers"] and "email" in read["emial"]
    assert "customers" not in str(search(lake, "invoices")["words"])


def test_filters_hold_alone_and_with_words(searched):
    lake = searched.lake()
    assert all(name.startswith("lake.") for name in names(search(lake, "customer", source="lake")))
    assert set(names(search(lake, source="events", count=100))) == {"events.default.workers_requests", "events.default.http_requests"}
    assert names(search(lake, "customer", source="nowhere")) == []
    assert names(search(lake, "customer", kind="page")) == []


@pytest.mark.parametrize("parameters, what", [({"q": ""}, "no words"), ({"q": " ._- "}, "no words"), ({"q": "x" * 1001}, "1000"),
                                              ({"q": "a", "count": "0"}, "count"), ({"q": "a", "count": "ten"}, "count")])
def test_what_cannot_be_searched_is_refused_with_a_reason(searched, parameters, what):
    response = searched.lake().get("/api/v1/search", **parameters)
    assert response.status_code == 400 and what in response.text


@pytest.mark.parametrize("text", ['a"', "NEAR(a b)", "a* OR b", "name:customers", "') -- a", "{label} : x", "\x00", "\N{PILE OF POO}", "顧客", "AND NOT OR"])
def test_no_text_is_an_error(searched, text):
    search(searched.lake(), text)


def test_a_table_that_comes_and_goes_is_followed(searched):
    lake = searched.lake()
    lake.run("CREATE TABLE lake.scratch.quokka_sightings (seen_at TIMESTAMP, zookeeper VARCHAR)")
    wait_for(lambda: "lake.scratch.quokka_sightings" in names(search(lake, "quokka")))
    lake.run("ALTER TABLE lake.scratch.quokka_sightings ADD COLUMN pouch_temperature DOUBLE")
    assert lake.call("POST", "/api/v1/catalog/crawl", {"source": "lake"}).status_code < 300
    wait_for(lambda: "lake.scratch.quokka_sightings" in names(search(lake, "pouch temperature")))
    lake.run("DROP TABLE lake.scratch.quokka_sightings")
    wait_for(lambda: names(search(lake, "quokka")) == [])


def test_a_rebuild_changes_nothing_that_is_found(searched):
    lake = searched.lake()
    before, built = names(search(lake, "customer")), state(lake)["built_at_us"]
    assert searched.lake("analyst").call("POST", "/api/v1/search/rebuild").status_code == 403
    assert lake.call("POST", "/api/v1/search/rebuild").status_code == 204
    wait_for(lambda: state(lake)["built_at_us"] > built)
    assert sorted(names(search(lake, "customer"))) == sorted(before)


# ---- what people said ----


def test_the_glossary_s_other_words_are_understood_and_told(searched):
    answer = search(searched.lake(), "turnover")
    assert answer["words"] == [{"word": "turnover", "found": True, "read_as": [{"text": "Revenue", "how": "synonym"}]}]
    assert "Revenue" in names(answer, ["term"]) and "revenue" in names(answer, ["page"])
    assert {"ops.public.invoices", "lake.fct.billings_allocated"} <= set(names(answer))
    assert ("term", None, ("Revenue",)) in reasons(answer, "ops.public.invoices")


def test_owners_domains_and_curation_are_filters_and_shown(searched):
    lake = searched.lake()
    billing = search(lake, domain="Billing", kind="table")["results"]
    assert billing and all(result["domain"] == "Billing" for result in billing)
    curated = search(lake, "customer", curated="true", kind="table")["results"]
    assert [result["name"] for result in curated][:1] == ["lake.dim.customers"] and all(result["curated"] for result in curated)


def test_what_was_just_said_is_found(searched):
    lake = searched.lake()
    said = {"dataset": "ops.public.zones", "description": "Every zorkmid that was ever minted.", "deprecated": {"reason": "old"}}
    response = lake.call("POST", "/api/v1/catalog/annotate", said)
    assert response.status_code < 300, response.text
    wait_for(lambda: names(search(lake, "zorkmid")) == ["ops.public.zones"])
    (result,) = search(lake, "zorkmid")["results"]
    assert result["deprecated"] == "old" and result["why"][-1]["snippet"] == "Every zorkmid that was ever minted."


def test_a_page_is_found_by_who_may_see_all_that_it_is_about(searched):
    assert names(search(searched.lake(), "earned invoices", kind="page"), ["page"])[0] == "revenue"
    contractor = searched.lake("contractor")
    assert search(contractor, "earned", kind="page")["results"] == []
    assert search(contractor, kind="page", domain="Billing")["results"] == []


# ---- what is hidden ----


def test_the_sql_of_a_view_is_searched_for_its_owner_alone(searched):
    owner, other = searched.lake(), searched.lake("contractor")
    owner.run("CREATE VIEW lake.scratch.recent AS SELECT customer_id AS id FROM lake.dim.customers WHERE customer_type = 'wombatish'")
    wait_for(lambda: names(search(owner, "wombatish")) == ["lake.scratch.recent"])
    assert names(search(other, "wombatish")) == []
    owner.run("DROP VIEW lake.scratch.recent")


def test_words_of_hidden_columns_find_nothing_and_are_shown_nowhere(searched):
    admin, contractor = columns_seen(searched.lake()), columns_seen(searched.lake("contractor"))
    lake = searched.lake("contractor")
    hidden = {column: tables - contractor.get(column, set()) for column, tables in admin.items()}
    hidden = {column: tables for column, tables in hidden.items() if tables}
    assert len(hidden) > 20  # there is something to hide
    for column, tables in hidden.items():
        answer = search(lake, column.replace("_", " "), count=100)
        for result in answer["results"]:
            for reason in result["why"]:
                if "column" in reason:
                    assert result["name"] in contractor.get(reason["column"], set()), (column, result)
            assert result["why"], (column, result)  # never up for a reason that is not told


def test_a_word_in_hidden_columns_alone_is_as_unknown_as_any_other(searched):
    admin, lake = searched.lake(), searched.lake("contractor")
    known = {word for column in columns_seen(lake) for word in WORD.findall(column)}
    shown = " ".join(str(result) for place in ({"source": "ops"}, {"source": "events"}, {"source": "lake"}, {"kind": "term"}, {"kind": "page"})
                     for result in search(lake, **place, count=100)["results"]).lower()
    secret = {word for column in columns_seen(admin) for word in WORD.findall(column)} - known
    secret = {word for word in secret if word not in shown and word.rstrip("s") not in shown and len(word) > 3}
    assert len(secret) > 5
    unknown = search(lake, "zzyzzx")
    assert unknown["results"] == []
    for word in secret:
        answer = search(lake, word)
        for result in answer["results"]:  # a word that the caller knows, one letter away
            assert word not in str(result["why"]), (word, result)
        if not answer["results"]:
            assert answer["words"] == [{"word": word, "found": False, "read_as": []}]


def test_hidden_columns_change_no_order(searched):
    """What the contractor sees is the same before and after a table with the same words in closed columns exists."""
    admin, lake = searched.lake(), searched.lake("contractor")
    queries = ["customer", "account plan", "zone", "created", "email", "customer type"]
    before = [names(search(lake, query)) for query in queries]
    admin.run("CREATE TABLE lake.scratch.opaque (customer VARCHAR, account_plan VARCHAR, zone VARCHAR, created TIMESTAMP, email VARCHAR, customer_type VARCHAR)")
    wait_for(lambda: "lake.scratch.opaque" in names(search(admin, "opaque")))
    assert [names(search(lake, query)) for query in queries] == before
    assert names(search(lake, "opaque")) == ["lake.scratch.opaque"]  # that it exists may be known
    admin.run("DROP TABLE lake.scratch.opaque")


# ---- the command ----


def test_the_command_shows_what_was_found_and_how_words_were_read(searched):
    run = subprocess.run([str(PROGRAM), "catalog", "search", "custmers", "email", "--source", "ops"], capture_output=True, text=True, check=False, timeout=60,
                         env={"TOWNLAKE_URL": searched.url, "TOWNLAKE_TOKEN": searched.token(), "PATH": "/usr/bin"})
    assert run.returncode == 0, run.stderr
    assert '"custmers" was also read as customers' in run.stdout and "ops.public.customers  table" in run.stdout
    assert "columns  " in run.stdout and "lake.dim.customers  table" not in run.stdout


def test_a_damaged_index_is_made_anew_at_start_and_doctor_says_so(program, tmp_path):
    before = Demo(tmp_path / "demo", scale="0.02")
    wait_for(lambda: state(before.lake())["documents"] >= 16)
    before.stop()
    files = list((tmp_path / "demo/state").glob("search-?.db"))
    assert len(files) == 1
    files[0].write_bytes(b"no database " * 1000)
    after = Demo(tmp_path / "demo", scale="0.02")
    try:
        wait_for(lambda: state(after.lake())["documents"] >= 16)
        run = subprocess.run([program, "doctor"], capture_output=True, text=True, check=False, timeout=60,
                             env={"TOWNLAKE_URL": after.url, "TOWNLAKE_TOKEN": after.token(), "PATH": "/usr/bin", "HOME": str(tmp_path)})
        assert f"made anew: the file {files[0].name} was removed" in run.stdout, run.stdout
    finally:
        after.stop()
