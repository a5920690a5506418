"""The made world of the judged queries: 2,000 tables of a company as a DuckDB file, and what the queries find in it."""
import pathlib
import tomllib

import duckdb

CASES = pathlib.Path(__file__).resolve().parents[1] / "cases/search"
TYPES = {"id": "BIGINT", "at": "TIMESTAMP", "date": "DATE", "amount": "DECIMAL(18,2)", "count": "BIGINT", "price": "DECIMAL(18,4)"}

# Each entity stands in ten forms, as in a warehouse that has grown: one is meant when nothing else is said.
FORMS = [
    ("{domain}", "{entity}", "{text}"),
    ("raw_{domain}", "{entity}", "As it comes from the source system"),
    ("staging", "stg_{domain}_{entity}", None),
    ("intermediate", "int_{entity}_deduplicated", None),
    ("{domain}", "{entity}_daily", "{text}, per day"),
    ("{domain}", "{entity}_history", "{text}, with all former states"),
    ("archive", "{domain}_{entity}_2023", None),
    ("sandbox", "tmp_{entity}_copy", None),
    ("sandbox", "{entity}_test2", "test, do not use"),
    ("export", "{domain}_{entity}_csv", None),
]


def type_of(column):
    return next((kind for end, kind in TYPES.items() if column.split("_")[-1] == end), "VARCHAR")


def text_literal(text):
    return "'" + text.replace("'", "''") + "'"


def make(path):
    """How many tables there are."""
    domains = tomllib.loads((CASES / "world.toml").read_text())["domains"]
    statements, schemas = [], set()
    for domain, entities in domains.items():
        for entity, text, columns in entities:
            for schema, name, comment in FORMS:
                words = {"domain": domain, "entity": entity, "text": text}
                schema, name = schema.format(**words), name.format(**words)
                if schema not in schemas:
                    schemas.add(schema)
                    statements.append(f'CREATE SCHEMA "{schema}"')
                defined = ", ".join(f'"{column}" {type_of(column)}' for column in columns.split())
                statements.append(f'CREATE TABLE "{schema}"."{name}" ({defined})')
                if comment:
                    statements.append(f'COMMENT ON TABLE "{schema}"."{name}" IS {text_literal(comment.format(**words))}')
    with duckdb.connect(str(path)) as connection:
        connection.execute("BEGIN;" + ";".join(statements) + ";COMMIT")
        return connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone()[0]


def queries(name):
    return tomllib.loads((CASES / f"{name}.toml").read_text())["query"]


def judge(search, cases):
    """search(text) -> names, best first.  (mean reciprocal rank, share of what is meant among the first five, what was missed)."""
    reciprocal, recall, missed = 0.0, 0.0, []
    for case in cases:
        found, meant = search(case), set(case["relevant"])
        rank = next((rank for rank, name in enumerate(found, 1) if name in meant), None)
        reciprocal += 1 / rank if rank else 0
        share = len(meant & set(found[:5])) / min(len(meant), 5)
        recall += share
        if rank != 1 or share < 1:
            missed.append((case["text"], rank, found[:5]))
    return reciprocal / len(cases), recall / len(cases), missed
