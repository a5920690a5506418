"""Pushdown changes no answer: every statement over real servers, with and without it, answers as one plain DuckDB with the same rows."""
import random

import pytest

import grammar
import suite as suite_module
import world
from judge import Failure, Judge, Statement

BY_COLUMN, BY_FUNCTION, BY_SHAPE, BY_SIZE = 160, 220, 22, 20
STATEMENTS_MIN = 500

# a statement, and what the source must have been asked to do: words of its filters, of its limit
PUSHED = [
    ("SELECT id FROM pg.public.facts WHERE grp = 3", ["grp = 3"], []),
    ("SELECT id FROM pg.public.facts WHERE code IN ('a', 'b') AND amount > 1", ["code", "amount > 1"], []),
    ("SELECT id FROM pg.public.facts WHERE code LIKE 'x%' OR day IS NULL", ["x"], []),
    ("SELECT id FROM pg.public.facts WHERE NOT (flag OR even < 0)", ["flag", "even"], []),
    ("SELECT id FROM pg.public.facts ORDER BY day DESC NULLS LAST, id LIMIT 3", [], ["3", "day DESC NULLS LAST", "id"]),
    ("SELECT id FROM pg.public.facts LIMIT 4", [], ["4"]),
    ("SELECT id FROM pg.public.texts WHERE word LIKE 'a%' ORDER BY word, id LIMIT 2 OFFSET 1", ["a"], ["3", "word", "id"]),
    ("SELECT id FROM ch.\"default\".facts WHERE grp = 3", ["grp = 3"], []),
    ("SELECT id FROM ch.\"default\".facts WHERE code IN ('a', 'b') AND amount > 1", ["code", "amount > 1"], []),
    ("SELECT id FROM ch.\"default\".facts WHERE code LIKE 'x%' OR day IS NULL", ["x"], []),
    ("SELECT id FROM ch.\"default\".facts WHERE NOT (flag OR even < 0)", ["flag", "even"], []),
    ("SELECT id FROM ch.\"default\".facts ORDER BY day DESC NULLS LAST, id LIMIT 3", [], ["3", "day DESC NULLS LAST", "id"]),
    ("SELECT id FROM ch.\"default\".facts LIMIT 4", [], ["4"]),
    ("SELECT a.id FROM ch.\"default\".facts a JOIN pg.public.dims b ON a.id = b.grp WHERE b.id = 1", ["id"], []),
    ("SELECT a.id FROM pg.public.facts a WHERE a.id IN (SELECT b.grp FROM ch.\"default\".dims b WHERE b.id < 4)", ["id"], []),
]

COMPUTED = [
    ("SELECT grp, count(*), sum(amount) FROM pg.public.facts GROUP BY grp", "aggregate", "count_star()"),
    ("SELECT grp, count(*), sum(amount) FROM ch.\"default\".facts GROUP BY grp", "aggregate", "count_star()"),
    ("SELECT max(day), avg(amount), count(DISTINCT code) FROM pg.public.facts WHERE lower(code) = 'a'", "aggregate", "max"),
    ("SELECT max(day), min(amount) FROM ch.\"default\".facts WHERE length(code) = 1", "aggregate", "max"),
    ("SELECT DISTINCT status FROM pg.public.facts", "aggregate", "DISTINCT"),
]


def scans_of(lake, text, pushdown):
    """What the query history says of its scans."""
    page = lake.run(text, session=f"pushdown={pushdown}").page
    found = lake.get("/api/v1/queries", count=20).json()
    return next(query for query in found if query["id"] == page["id"])["scans"]


def asked_of(scan):
    """What the source was asked to do, as kind and words."""
    found = [(item["kind"], item["what"]) if isinstance(item, dict) else ("filter", item) for item in scan["pushed"]]
    if scan.get("limit") is not None:
        found.append(("limit", f"{scan['limit']} BY {', '.join(scan['order'])}"))
    return found


def test_copies_are_equal(suite):
    suite.check(suite_module.everything(suite.tables))


@pytest.mark.parametrize("name", suite_module.FILES)
def test_hand_written_statements_answer_the_same(suite, name):
    suite.check(suite_module.hand_written(name))


def test_errors_are_errors_in_the_truth(suite):
    judge = Judge(suite.servers, suite.truth)
    for statement in suite_module.hand_written("errors"):
        assert judge.ask_truth(statement).error, statement.text
    for name in suite_module.FILES[:-1]:
        for statement in suite_module.hand_written(name):
            assert not judge.ask_truth(statement).error, statement.text


def test_columns_of_every_type_answer_the_same(suite, seed):
    suite.check(suite_module.by_column(random.Random(seed), suite.tables, BY_COLUMN))


def test_functions_of_columns_answer_the_same(suite, seed):
    suite.check(suite_module.by_function(random.Random(seed), suite.tables, BY_FUNCTION))


def test_large_tables_answer_the_same(suite, seed):
    copies = [Statement(f"SELECT count(*), sum(id), sum(k), sum(v), sum(m), sum(x), count(t), min(day), max(day) FROM {table.full_name}")
              for table in world.large()]
    suite.check(copies + suite_module.by_size(random.Random(seed), BY_SIZE))


@pytest.mark.parametrize("shape", grammar.Grammar.SHAPES)
def test_statements_made_by_chance_answer_the_same(suite, seed, shape):
    suite.check(suite_module.by_shape(seed, suite.tables, shape, BY_SHAPE))


@pytest.mark.parametrize("name", suite_module.FILES)
def test_pushdown_changes_nothing_in_trinos_dialect(suite, name):
    judge = Judge(suite.servers, suite.truth)
    found = [failure for failure in map(judge.judge_in_trino, suite_module.hand_written(name)) if failure]
    assert not found, f"{len(found)} statements\n" + "\n\n".join(map(str, found))


def test_there_are_enough_statements():
    written = sum(len(suite_module.hand_written(name)) for name in suite_module.FILES)
    assert written + BY_COLUMN + BY_FUNCTION + BY_SHAPE * len(grammar.Grammar.SHAPES) >= STATEMENTS_MIN and written >= 300


@pytest.mark.parametrize("text, filters, limit", PUSHED)
def test_source_is_asked_to_do_it(suite, text, filters, limit):
    asked = [item for scan in scans_of(suite.servers.lake(), text, "on") for item in asked_of(scan)]
    for kind, wanted in (("filter", filters), ("limit", limit)):
        words = " AND ".join(what for said, what in asked if said.endswith(kind))
        assert all(word in words for word in wanted), asked


@pytest.mark.parametrize("text, kind, word", COMPUTED)
def test_source_computes_it(suite, text, kind, word):
    asked = [item for scan in scans_of(suite.servers.lake(), text, "on") for item in asked_of(scan)]
    assert any(said == kind and word in what for said, what in asked), asked
    suite.check([Statement(text)])


@pytest.mark.parametrize("text", [row[0] for row in PUSHED + COMPUTED])
def test_source_is_asked_nothing_when_pushdown_is_off(suite, text):
    assert [asked_of(scan) for scan in scans_of(suite.servers.lake(), text, "off") if asked_of(scan)] == []


def test_wrong_answer_is_found_and_reduced(suite):
    """The suite itself: a truth that lacks a row is noticed, and the statement comes back small."""
    truth = suite.truth.cursor()
    truth.execute("BEGIN")
    truth.execute("DELETE FROM pg.public.facts WHERE id = 7")
    judge = Judge(suite.servers, suite.truth)
    judge.truth = truth
    text = """WITH w AS (SELECT id, grp, code FROM pg.public.facts WHERE id < 20 AND (code IS NULL OR code <> 'nothing') AND id IN (1, 2, 3, 7, 8))
              SELECT w.id, w.code, d.code FROM w LEFT JOIN pg.public.dims d ON w.id = d.id WHERE w.id > 0 ORDER BY w.id"""
    failure = judge.judge(Statement(text))
    assert isinstance(failure, Failure) and "other rows" in failure.what
    suite_module.reduce.reduce(judge, failure)
    truth.execute("ROLLBACK")
    assert "pushdown adds 1 x" in str(failure) and failure.reduced in str(failure)
    assert len(failure.reduced) < len(text) / 2, failure.reduced
    assert judge.judge(Statement(text)) is None
