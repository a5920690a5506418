"""Statements made by chance by people who may not see everything, and a reader that finds what they must not see in any byte.

usage: leak.py [--seed N] [--seconds S]      TOWNLAKE_BUILD names the build folder
What must not be seen is asked of an administrator beforehand: values of masked columns, and everything of hidden rows that no visible
row has.  A statement may fail, and often does: its error is read as closely as its rows.
"""
import argparse
import json
import os
import pathlib
import random
import re
import tempfile
import threading
import time

PEOPLE = ("analyst", "fraud", "contractor")
WORD = re.compile(r"[\w.@+:/-]{6,}")
EU = "('DE', 'ES', 'FR', 'NL', 'PL', 'SE')"
ACCOUNTS_EU = f"customer_id IN (SELECT customer_id FROM ops.public.customers WHERE country IN {EU})"

# table: columns that are masked for all three, and the rows that the contractor may see (None = none at all)
TABLES = {
    "ops.public.customers": (["owner_email"], f"country IN {EU}"),
    "ops.public.accounts": (["name", "email", "phone"], ACCOUNTS_EU),
    "ops.public.support_tickets": (["requester_email", "body"], None),
    "ops.public.api_tokens": (["token", "last_ip"], None),
    "ops.public.zones": ([], f"account_id IN (SELECT account_id FROM ops.public.accounts WHERE {ACCOUNTS_EU})"),
    "ops.public.invoices": ([], None),
    'events."default".http_requests': (["client_ip"], f"country IN {EU}"),
    "lake.dim.customers": ([], f"country IN {EU}"),
    "lake.billing.usage_daily": ([], None),
}
UNIQUE = {  # columns of rows that are hidden: values that tell one row from all others
    "ops.public.customers": ["name"], "ops.public.zones": ["domain"], "lake.dim.customers": ["name"],
    "ops.public.support_tickets": ["requester_email", "body"], "ops.public.api_tokens": ["token"],
}
COLUMNS = {}


def learn(admin):
    """The words that nobody of these people may see: person -> set."""
    for table in TABLES:
        COLUMNS[table] = [name for name, *_ in admin.rows(f"DESCRIBE {table}")]
    secret = {person: set() for person in PEOPLE}
    for table, (masked, visible) in TABLES.items():
        for column in masked:
            values = {str(value) for (value,) in admin.rows(f"SELECT DISTINCT {column} FROM {table}") if value is not None}
            for person in PEOPLE:
                secret[person] |= values
        for column in UNIQUE.get(table, []):
            hidden = {str(v) for (v,) in admin.rows(f"SELECT DISTINCT {column} FROM {table}" + (f" WHERE NOT coalesce({visible}, false)" if visible else ""))}
            shown = {str(v) for (v,) in admin.rows(f"SELECT DISTINCT {column} FROM {table} WHERE {visible}")} if visible else set()
            secret["contractor"] |= hidden - shown
    inner = set()  # what is written inside of texts
    for values in secret.values():
        inner |= {word for value in values for word in WORD.findall(value) if "@" in word or word.startswith("+1-555")}
    visible_words = public_words(admin)
    return {person: (values | inner) - visible_words for person, values in secret.items()}


def public_words(admin):
    """Words that stand in columns which are open to everybody too: seeing them says nothing."""
    words = set()
    for table, column in (("ops.public.customers", "name"), ("ops.public.support_tickets", "subject"), ("ops.public.support_tickets", "category")):
        words |= {word for (value,) in admin.rows(f"SELECT DISTINCT {column} FROM {table} " + (f"WHERE country IN {EU}" if table.endswith("customers") else ""))
                  for word in [str(value), *WORD.findall(str(value))]}
    return words


class Finder:
    """Does a text hold one of many values?  By words first, then whole values with spaces in them."""

    def __init__(self, values):
        self.words = {value for value in values if WORD.fullmatch(value)}
        self.texts = [value for value in values if not WORD.fullmatch(value) and len(value) >= 8][:20000]
        self.pattern = re.compile("|".join(re.escape(text) for text in self.texts)) if self.texts else None

    def find(self, text):
        for word in WORD.findall(text):
            for part in {word, word.strip("./:-"), *re.split(r"[/:]", word)}:
                if part in self.words:
                    return part
        found = self.pattern.search(text) if self.pattern else None
        return found.group(0) if found else None


class Grammar:
    def __init__(self, chance):
        self.chance = chance

    def one(self, items):
        return self.chance.choice(list(items))

    def column(self, table):
        return self.one(COLUMNS[table])

    def secret_column(self, table):
        masked = TABLES[table][0] + UNIQUE.get(table, [])
        return self.one(masked or COLUMNS[table])

    def wrapped(self, c):
        return self.one([
            c, f"upper({c})", f"reverse(reverse({c}::VARCHAR))", f"concat('a', {c})", f"CAST({c} AS INTEGER)", f"TRY_CAST({c} AS DATE)", f"CAST({c} AS DATE)",
            f"CAST({c} AS UUID)", f"CAST({c} AS BOOLEAN)", f"CAST({c} AS TIMESTAMP)", f"1 / length({c}::VARCHAR)", f"CAST({c}::VARCHAR || 'x' AS BIGINT)",
            f"regexp_matches('x', '(' || {c}::VARCHAR)", f"regexp_extract('x', '[' || {c}::VARCHAR)", f"strptime({c}::VARCHAR, '%Y')",
            f"json_extract_string({c}::VARCHAR, '$.x')", f"CAST({c}::VARCHAR AS JSON)", f"substr({c}::VARCHAR, 1, 40)", f"list_value({c})", f"struct_pack(a := {c})",
            f"map([1], [{c}])", f"coalesce({c}::VARCHAR, 'n')", f"CASE WHEN {c}::VARCHAR LIKE '%a%' THEN CAST({c}::VARCHAR AS INT) END", f"to_json({c})", f"md5({c}::VARCHAR)",
            f"CAST(repeat({c}::VARCHAR, 2) AS DECIMAL(5,1))", f"printf('%s', {c}::VARCHAR)", f"format('{{}}', {c}::VARCHAR)", f"error({c}::VARCHAR)",
            f"split_part({c}::VARCHAR, '@', 1)", f"hex({c}::VARCHAR)", f"from_hex(hex({c}::VARCHAR))", f"CAST({c}::VARCHAR AS INTERVAL)", f"chr(CAST({c}::VARCHAR AS INT))",
            f"date_trunc({c}::VARCHAR, DATE '2020-01-01')", f"make_date(length({c}::VARCHAR)::INT, 99, 99)",
        ])

    def aggregate(self, c):
        return self.one([f"min({c})", f"max({c})", f"string_agg({c}::VARCHAR, ',')", f"array_agg({c})", f"any_value({c})", f"mode({c})", f"histogram({c})",
                         f"arg_max({c}, {c})", f"first({c})", f"approx_top_k({c}, 5)", f"count(DISTINCT {c})", f"list({c}) FILTER (WHERE {c}::VARCHAR LIKE '%a%')",
                         f"sum(CAST({c}::VARCHAR AS INT))", f"quantile_disc({c}, 0.5)", f"map_agg(1, {c})", "count(*)"])

    def predicate(self, table, alias=""):
        c = alias + (self.secret_column(table) if self.chance.random() < 0.7 else self.column(table))
        return self.one([f"{c}::VARCHAR LIKE '%a%'", f"{c} IS NOT NULL", f"CAST({c}::VARCHAR AS INTEGER) > 0", f"length({c}::VARCHAR) / 0 = 1", f"{c}::VARCHAR > 'm'",
                         f"regexp_matches({c}::VARCHAR, '^.*@')", "true", f"1 = 1 / (CASE WHEN {c}::VARCHAR LIKE 's%' THEN 0 ELSE 1 END)",
                         f"{c} IN (SELECT {c.split('.')[-1]} FROM {table})", f"NOT ({self.wrapped(c)}) IS NULL", f"error({c}::VARCHAR) IS NULL"])

    def source(self, table, alias):
        return self.one([f"{table} {alias}", f"(SELECT * FROM {table}) {alias}", f"(FROM {table}) {alias}", f"{table} AS {alias} TABLESAMPLE 50 PERCENT",
                         f"(SELECT *, row_number() OVER () AS rn FROM {table}) {alias}", f"(SELECT DISTINCT * FROM {table}) {alias}", f"(TABLE {table}) {alias}"])

    def select(self, table):
        c = self.secret_column(table)
        items = ", ".join(self.one([self.wrapped("t." + c), "t." + self.column(table), "t.*", "*", "t", "COLUMNS('.*')", "to_json(t)", "t::VARCHAR", self.wrapped("t." + c)])
                          for _ in range(self.chance.randint(1, 3)))
        tail = self.one(["", f" ORDER BY {self.wrapped(c)}", f" ORDER BY {c} LIMIT 5", " LIMIT 3 OFFSET 2", f" QUALIFY row_number() OVER (PARTITION BY {c} ORDER BY {c}) = 1"])
        return f"SELECT {items} FROM {self.source(table, 't')} WHERE {self.predicate(table, 't.')}{tail}"

    def grouped(self, table):
        c = self.secret_column(table)
        return f"SELECT {self.aggregate(c)}, {self.one([c, self.wrapped(c), self.aggregate(c)])} FROM {self.source(table, 't')} WHERE {self.predicate(table)} GROUP BY {self.one([c, 'ALL', '()', self.wrapped(c)])} HAVING {self.one(['true', 'count(*) > 0', self.predicate(table)])}"

    def joined(self, table):
        other = self.one(TABLES)
        c, d = self.secret_column(table), self.secret_column(other)
        kind = self.one(["JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "SEMI JOIN", "ANTI JOIN", "POSITIONAL JOIN", "NATURAL JOIN"])
        on = "" if kind in ("CROSS JOIN", "POSITIONAL JOIN", "NATURAL JOIN") else f" ON a.{c}::VARCHAR = b.{d}::VARCHAR"
        return f"SELECT {self.wrapped('a.' + c)}, * FROM {table} a {kind} {self.source(other, 'b')}{on} LIMIT 20"

    def odd(self, table):
        c, name = self.secret_column(table), table.split(".")[-1].strip('"')
        return self.one([
            f"DESCRIBE {table}", f"SHOW COLUMNS FROM {table}", f"SHOW STATS FOR {table}", f"SUMMARIZE {table}", f"SUMMARIZE SELECT * FROM {table}", f"EXPLAIN SELECT {c} FROM {table} WHERE {self.predicate(table)}",
            f"EXPLAIN ANALYZE SELECT {self.wrapped(c)} FROM {table} WHERE {self.predicate(table)}", f"EXPLAIN ANALYZE (FORMAT JSON) SELECT {c} FROM {table} WHERE {self.predicate(table)}", f"SHOW CREATE TABLE {table}", f"PIVOT {table} ON {c} USING count(*)", f"UNPIVOT {table} ON {c} INTO NAME n VALUE v",
            f"WITH {name} AS (SELECT * FROM {table}) SELECT * FROM {name}", f"WITH RECURSIVE r AS (SELECT {c} AS v, 1 AS n FROM {table} UNION ALL SELECT v, n + 1 FROM r WHERE n < 2) SELECT * FROM r LIMIT 9",
            f"SELECT (SELECT {self.aggregate(c)} FROM {table}), {self.wrapped(chr(39) + 'x' + chr(39))}", f"SELECT x.* FROM (VALUES (1)) v(i), LATERAL (SELECT {c} FROM {table} LIMIT i) x",
            f"SELECT {c} FROM {table} UNION BY NAME SELECT {c} FROM {table}", f"SELECT {c} FROM {table} EXCEPT SELECT 'x'", f"SELECT unnest(list({c})) FROM {table}", f"SELECT * FROM query('SELECT * FROM {table}')",
            f"SELECT * FROM query_table('{table}')", f"SELECT * FROM \"p:ops\".public.{name}", f"SELECT * FROM duckdb_columns() WHERE column_name = '{c}'", f"SELECT * FROM pragma_storage_info('{name}')",
            f"EXECUTE IMMEDIATE 'SELECT {c} FROM {table}'", f"PREPARE p FROM SELECT {c} FROM {table}", f"CREATE TABLE lake.scratch.l{self.chance.randint(0, 10**9)} AS SELECT {c} FROM {table} LIMIT 5",
            f"SELECT {c}.x FROM {table}", f"SELECT nope_{c} FROM {table}", f"SELECT {c} FROM {table} AT (VERSION => 1)", f"SELECT getvariable('{c}')", "SELECT * FROM system.audit.records", "SELECT * FROM system.audit.events", "SELECT * FROM system.runtime.queries",
            f"SELECT * FROM information_schema.columns WHERE table_name = '{name}'", f"SELECT lag({c}) OVER (ORDER BY {c}), ntile(3) OVER (ORDER BY {c}) FROM {table}", f"SELECT {c}, rowid FROM {table}",
            f"INSERT INTO lake.scratch.busy_accounts SELECT {c} FROM {table}", f"UPDATE lake.scratch.busy_accounts SET account_id = (SELECT CAST({c} AS BIGINT) FROM {table} LIMIT 1)",
            f"FROM {table} SELECT {c} USING SAMPLE 5", f"SELECT list_transform(list({c}), x -> CAST(x::VARCHAR AS INT)) FROM {table}", f"SELECT TRY(CAST({c} AS INT)), {self.wrapped(c)} FROM {table}",
        ])

    def statement(self):
        table = self.one(TABLES)
        return self.one([self.select, self.select, self.grouped, self.joined, self.odd])(table)


class Leak(Exception):
    pass


class Attacker:
    """One person with one connection: everything that comes back is read."""

    def __init__(self, demo, person, finder, seed):
        self.demo, self.person, self.finder = demo, person, finder
        self.grammar = Grammar(random.Random(f"{seed} {person}"))
        self.lake = demo.lake(person)
        self.tried = self.answered = self.failed = 0

    def read(self, sql, response):
        text = response.text + " " + json.dumps(dict(response.headers))
        try:
            text += " " + json.dumps(response.json(), ensure_ascii=False)
        except ValueError:
            pass
        found = self.finder.find(text)
        if found and found not in sql:
            raise Leak(f"{self.person} saw {found!r} by: {sql}")

    def ask(self, sql):
        self.tried += 1
        response = self.lake.post(sql)
        for _ in range(200):
            self.read(sql, response)
            if response.status_code != 200:
                break
            page = response.json()
            if "error" in page:
                self.failed += 1
                if page["error"].get("townlake", {}).get("code") in ("engine_lost", "internal"):
                    raise Leak(f"not a leak, but {page['error']['message'][:300]}: {sql}")
                return
            if "nextUri" not in page:
                self.answered += 1
                return
            if page["stats"].get("elapsedTimeMillis", 0) > 5000:
                self.lake.http.delete(page["nextUri"], timeout=30)
                return
            response = self.lake.http.get(page["nextUri"], timeout=60)

    def run(self, until, leaks):
        while time.monotonic() < until and not leaks:
            try:
                self.ask(self.grammar.statement())
            except Leak as leak:
                leaks.append(leak)


def attack(demo, seed, seconds):
    """The attackers, and the leaks they found."""
    secret = learn(demo.lake("admin"))
    attackers = [Attacker(demo, person, Finder(secret[person]), seed) for person in PEOPLE]
    leaks = []
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=attacker.run, args=(until, leaks)) for attacker in attackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = demo.log.read_text(errors="replace")
    for attacker in attackers:
        found = attacker.finder.find(log)
        if found:
            leaks.append(Leak(f"the server's log holds {found!r}"))
            break
    return attackers, leaks


def main():
    from conftest import Demo  # pylint: disable=import-outside-toplevel

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="townlake-leak-") as folder:
        demo = Demo(pathlib.Path(folder) / "demo", default="closed")
        try:
            attackers, leaks = attack(demo, options.seed, options.seconds)
        finally:
            demo.process.terminate()
            demo.process.wait(60)
    for attacker in attackers:
        print(f"{attacker.person}: {attacker.tried} statements, {attacker.answered} answered, {attacker.failed} refused or failed")
    print(f"seed {options.seed}: " + ("no leak" if not leaks else "\n".join(map(str, leaks))))
    return 1 if leaks else 0


if __name__ == "__main__":
    os.environ.setdefault("TOWNLAKE_BUILD", "build")
    raise SystemExit(main())
