"""Statements made by chance over the tables of world.py.  What they leave open has one right answer only: LIMIT comes with a total
order, windows are ordered by a key, sums of DOUBLE are over numbers that add up exactly."""
import dataclasses

from judge import Statement
from world import POOLS, quote

ZONES = ["UTC", "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
ORDERED = {"id", "int", "decimal", "even", "float", "text", "bool", "date", "timestamp", "instant", "time", "uuid"}
NUMERIC = {"id", "int", "decimal", "even"}
UNSUMMED = {"decimal38", "wide", "int128"}  # whether their sum overflows depends on the order of the rows
PATTERNS = ["a%", "%a", "%b%", "_", "__", "a_c", "%", "", "A%", "%c %", "ä%", "_\u0308", "%\n%", "a%c", "% "]
ESCAPED = [("a!%c", "!"), ("a!_c", "!"), ("!!%", "!"), ("%!_%", "!"), ("!%", "!"), ("a\\\\%", "\\"), ("#%#_%", "#")]
UNITS = ["year", "quarter", "month", "week", "day", "hour", "minute"]
PARTS = ["year", "month", "day", "quarter", "dow", "isodow", "doy", "week", "hour", "minute", "second"]


def literal(value):
    return "'" + value.replace("'", "''") + "'"


@dataclasses.dataclass(frozen=True)
class Field:
    """A column that a part of a statement may speak of."""
    text: str
    family: str
    kind: str
    type: str


def field_of(column, alias=""):
    return Field(alias + column.quoted, column.family, column.kind, column.type)


def fields_of(table, alias):
    return [field_of(column, alias + ".") for column in table.columns]


class Grammar:
    def __init__(self, chance, tables):
        self.chance = chance
        self.tables = tables
        self.facts = [table for table in tables if table.name in ("facts", "dims")]
        self.wide = [table for table in tables if table.name not in ("empty", "nested")]

    # --- pieces ---

    field = staticmethod(field_of)

    def one(self, items):
        return self.chance.choice(list(items))

    def sometimes(self, share):
        return self.chance.random() < share

    def pick(self, fields, families=ORDERED):
        found = [field for field in fields if field.family in families]
        return self.one(found) if found else None

    def constant(self, field):
        if field.family == "id":
            return str(self.chance.randint(0, 60))
        if field.kind in POOLS:
            value = self.one([item for item in POOLS[field.kind] if isinstance(item, str)])
        else:
            value = "0"
        if field.family == "int" or field.family == "decimal" and self.sometimes(0.5):
            return f"({value})" if value.startswith("-") else value
        if field.family == "instant" and "infinity" not in value:
            value += self.one(["+00", "+00", "-05", "+05:30"])
        return literal(value) if field.family == "text" else f"CAST({literal(value)} AS {field.type})"

    def in_list(self, field):
        if field.family in ("id", "int") and self.sometimes(0.25):
            start = self.chance.randint(-50, 50)
            return ", ".join(str(n) for n in range(start, start + self.one([60, 700, 3000])) if n % 3 or n < 10) or "1"
        items = [self.constant(field) for _ in range(self.chance.randint(1, 7))]
        return ", ".join(items + (["NULL"] if self.sometimes(0.08) else []))

    def text_test(self, field):
        t = field.text
        choice = self.chance.randint(0, 11)
        if choice <= 2:
            return f"{t} {self.one(['LIKE', 'LIKE', 'NOT LIKE', 'ILIKE'])} {literal(self.one(PATTERNS))}"
        if choice == 3:
            pattern, escape = self.one(ESCAPED)
            return f"{t} {self.one(['LIKE', 'NOT LIKE'])} {literal(pattern)} ESCAPE {literal(escape)}"
        word = literal(self.one(POOLS["text"]))
        forms = [
            f"starts_with({t}, {word})", f"contains({t}, {word})", f"suffix({t}, {word})", f"lower({t}) = lower({word})",
            f"upper({t}) IN ('A', 'AB', 'STRASSE', 'Ä')", f"length({t}) {self.one(COMPARISONS)} {self.chance.randint(0, 4)}",
            f"substring({t}, {self.chance.randint(1, 3)}, {self.chance.randint(0, 3)}) = {literal(self.one(['a', 'ab', '', 'b', 'ä']))}",
            f"trim({t}) = {literal(self.one(['abc', 'a', '']))}", f"{t} || 'x' = {literal(self.one(POOLS['text']) + 'x')}",
            f"replace({t}, 'a', 'b') = 'b'", f"coalesce({t}, 'none') <> {word}", f"concat({t}, '-') LIKE '%a%-'",
        ]
        return self.one(forms)

    def time_test(self, field):
        t = field.text
        unit = self.one(UNITS[:5] if field.family == "date" else UNITS)
        part = self.one(PARTS[:8] if field.family == "date" else PARTS)
        day = self.one(POOLS["day"])
        return self.one([
            f"date_trunc('{unit}', {t}) = date_trunc('{unit}', {self.constant(field)})", f"date_trunc('{unit}', {t}) >= DATE '{day}'",
            f"extract({part} FROM {t}) {self.one(COMPARISONS)} {self.chance.randint(0, 12)}", f"year({t}) IN (2024, 1999, 1970)",
            f"CAST({t} AS DATE) = DATE '{day}'", f"{t} >= DATE '{day}' AND {t} < DATE '{day}' + INTERVAL 1 DAY",
            f"CAST({t} AS VARCHAR) LIKE '2024-0%'", f"month({t}) = {self.chance.randint(1, 12)}",
        ])

    def number_test(self, field, fields):
        t, other = field.text, self.pick(fields, {field.family})
        small = self.chance.randint(1, 9)
        return self.one([
            f"abs({t}) {self.one(COMPARISONS)} {small}" if field.kind in ("tiny", "cents", "even") else f"{t} > {small}",
            f"{t} % {small} = 1" if field.kind in ("tiny", "uint8", "int16", "-") else f"{t} <> {small}",
            f"{t} + {small} > {small}" if field.kind in ("tiny", "cents", "even") else f"{t} < {small}",
            f"CAST({t} AS DOUBLE) > 0.5", f"CAST({t} AS VARCHAR) LIKE '1%'", f"sign({t}) = -1" if field.family != "id" else f"{t} = {small}",
            f"{t} IS DISTINCT FROM {other.text}", f"nullif({t}, {other.text}) IS NULL", f"{t} {self.one(COMPARISONS)} {other.text}",
            f"greatest({t}, 0) = 0" if field.family == "int" and "u" not in field.kind else f"{t} >= 0",
        ])

    def leaf(self, fields):
        field = self.pick(fields)
        t = field.text
        choice = self.chance.randint(0, 10)
        if choice == 0:
            return f"{t} IS {self.one(['NULL', 'NOT NULL'])}"
        if field.family == "bool" and choice < 6:
            return self.one([t, f"NOT {t}", f"{t} IS NOT TRUE", f"{t} IS FALSE", f"{t} = true"])
        if choice <= 3:
            return f"{t} {self.one(COMPARISONS)} {self.constant(field)}"
        if choice == 4 and field.family != "bool":
            return f"{t} {self.one(['', 'NOT '])}BETWEEN {self.constant(field)} AND {self.constant(field)}"
        if choice <= 6 and field.family != "bool":
            return f"{t} {self.one(['IN', 'IN', 'NOT IN'])} ({self.in_list(field)})"
        if field.family == "text":
            return self.text_test(field)
        if field.family in ("date", "timestamp", "instant"):
            return self.time_test(field)
        if field.family in NUMERIC:
            return self.number_test(field, fields)
        other = self.pick(fields, {field.family})
        return f"{t} {self.one(COMPARISONS)} {other.text}"

    def predicate(self, fields, depth=2):
        if depth == 0 or self.sometimes(0.4):
            return self.leaf(fields)
        if self.sometimes(0.15):
            return f"NOT ({self.predicate(fields, depth - 1)})"
        if self.sometimes(0.08):
            return f"CASE WHEN {self.leaf(fields)} THEN {self.leaf(fields)} ELSE {self.leaf(fields)} END"
        word = self.one([" AND ", " AND ", " OR "])
        return "(" + word.join(self.predicate(fields, depth - 1) for _ in range(self.chance.randint(2, 3))) + ")"

    def where(self, fields, share=0.85):
        return f" WHERE {self.predicate(fields)}" if self.sometimes(share) else ""

    def value(self, fields, may_fail=True):
        """Something to show.  May not fail below LIMIT: rows that are not shown need not be computed."""
        field = self.pick(fields)
        t = field.text
        if self.sometimes(0.55) or (field.family == "int" and field.kind != "tiny" and not may_fail):
            return t
        if field.family in ("int", "id"):
            return self.one([f"{t} + 1", f"{t} * 2", f"-{t}" if "u" not in field.kind and field.family == "int" else t, f"CAST({t} AS VARCHAR)",
                             f"{t} // 3", f"CASE WHEN {t} > 2 THEN 'big' ELSE 'small' END", f"coalesce({t}, 0)"])
        if field.family == "decimal":
            return self.one([f"{t} * 1", f"round({t}, 1)", f"CAST({t} AS VARCHAR)", f"CAST({t} AS DOUBLE)", f"-{t}"])
        if field.family == "text":
            return self.one([f"lower({t})", f"upper({t})", f"length({t})", f"substring({t}, 1, 2)", f"{t} || '!'", f"{t} LIKE 'a%'", f"md5({t})"])
        if field.family in ("date", "timestamp", "instant"):
            unit = self.one(UNITS[:5])
            return self.one([f"date_trunc('{unit}', {t})", f"extract({self.one(PARTS[:8])} FROM {t})", f"CAST({t} AS VARCHAR)", f"CAST({t} AS DATE)"])
        return self.one([t, f"{t} IS NULL", f"CAST({t} AS VARCHAR)" if field.family != "float" else t])

    def key(self, fields):
        """Something to group by, with few values."""
        field = self.pick(fields, ORDERED - {"id"})
        t = field.text
        if field.family in ("date", "timestamp", "instant") and self.sometimes(0.6):
            return f"date_trunc('{self.one(UNITS[:5])}', {t})"
        if field.family == "text" and self.sometimes(0.4):
            return self.one([f"lower({t})", f"substring({t}, 1, 1)", f"length({t})", f"{t} = ''"])
        if field.kind == "tiny" and self.sometimes(0.3):
            return self.one([f"{t} % 3", f"{t} > 2", f"{t} + 1"])
        return f"{t} IS NULL" if self.sometimes(0.1) else t

    def aggregate(self, fields):
        filtered = f" FILTER (WHERE {self.leaf(fields)})" if self.sometimes(0.2) else ""
        field = self.pick(fields)
        t, choice = field.text, self.chance.randint(0, 9)
        if choice == 0:
            return "count(*)" + filtered
        if choice == 1:
            return f"count({t}){filtered}"
        if choice == 2:
            return f"count(DISTINCT {t}){filtered}"
        if choice <= 4 and field.family not in ("uuid",):
            return f"{self.one(['min', 'max'])}({t}){filtered}"
        number = self.pick([field for field in fields if field.kind not in UNSUMMED], NUMERIC)
        distinct = "DISTINCT " if self.sometimes(0.15) else ""
        if choice <= 7 and number:
            return f"sum({distinct}{number.text}){filtered}"
        if number and number.kind in ("tiny", "even", "cents", "int32", "-", "uint8", "int16"):
            return f"avg({distinct}{number.text}){filtered}"
        return f"bool_or({self.leaf(fields)})"

    # --- sources of rows ---

    def table(self, tables=None):
        return self.one(tables or self.wide)

    def join(self):
        """FROM text and its fields: two or three tables, of one source or of several."""
        first = self.one(self.facts)
        text, fields = f"{first.full_name} a", fields_of(first, "a")
        for alias in ["b", "c"][:1 + self.sometimes(0.25)]:
            same = [table for table in self.facts if table.source == first.source]
            table = self.one(same if self.sometimes(0.5) else self.facts)
            more = fields_of(table, alias)
            condition = self.join_condition(fields, more, alias)
            text += f" {self.one(['JOIN', 'JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'])} {table.full_name} {alias} ON {condition}"
            fields += more
        return text, fields

    def join_condition(self, fields, more, alias):
        key = self.one(["id", "id", "grp", "code", "amount", "day", "order"])
        # many to many would be large: one side is then narrowed by its id
        condition = f"a.{quote(key)} = {alias}.{quote(key)}"
        if key != "id":
            condition += f" AND {alias}.id {self.one(['< 12', '= a.id', '> 230', 'IN (1, 2, 3, 5, 8)'])}"
        if self.sometimes(0.25):
            condition += f" AND {self.leaf(more if self.sometimes(0.6) else fields)}"
        return condition

    def source(self, share=0.3):
        if self.sometimes(share):
            return self.join()
        table = self.table()
        return f"{table.full_name} t", fields_of(table, "t")

    @staticmethod
    def ids(fields):
        return [field.text for field in fields if field.family == "id"]

    def order(self, keys):
        return ", ".join(f"{key} {self.one(['', 'ASC', 'DESC'])}{self.one(['', ' NULLS FIRST', ' NULLS LAST'])}" for key in keys)

    # --- shapes of statements ---

    def scan(self):
        rows, fields = self.source()
        shown = [self.value(fields) for _ in range(self.chance.randint(1, 4))]
        return f"SELECT {', '.join(shown)} FROM {rows}{self.where(fields)}"

    def top(self):
        rows, fields = self.source(0.2)
        keys = [self.one([self.pick(fields).text, self.value(fields, may_fail=False)]) for _ in range(self.chance.randint(0, 2))] + self.ids(fields)
        offset = f" OFFSET {self.chance.randint(0, 20)}" if self.sometimes(0.4) else ""
        shown = ", ".join([*self.ids(fields), *(self.value(fields, may_fail=False) for _ in range(2))])
        return f"SELECT {shown} FROM {rows}{self.where(fields, 0.6)} ORDER BY {self.order(keys)} LIMIT {self.one([0, 1, 3, 10, 50])}{offset}"

    def grouped(self):
        rows, fields = self.source()
        keys = [self.key(fields) for _ in range(self.chance.randint(0, 2))]
        shown = keys + [self.aggregate(fields) for _ in range(self.chance.randint(1, 3))]
        text = f"SELECT {', '.join(shown)} FROM {rows}{self.where(fields, 0.6)}"
        if keys:
            sets = self.one(["{}", "{}", "{}", "ROLLUP ({})", "CUBE ({})", "GROUPING SETS (({}), ())"])
            text += " GROUP BY " + sets.format(", ".join(keys))
            if self.sometimes(0.3):
                text += f" HAVING {self.one(['count(*) > 1', 'count(*) BETWEEN 2 AND 20', self.aggregate(fields) + ' IS NOT NULL'])}"
        return text

    def top_groups(self):
        rows, fields = self.source(0.2)
        key = self.key(fields)
        return (f"SELECT {key} AS k, {self.aggregate(fields)} AS v FROM {rows}{self.where(fields, 0.5)} GROUP BY {key} "
                f"ORDER BY {self.order(['v', 'k'])} LIMIT {self.one([1, 3, 5])}")

    def distinct(self):
        rows, fields = self.source(0.2)
        keys = [self.key(fields) for _ in range(self.chance.randint(1, 3))]
        if self.sometimes(0.3):
            return f"SELECT count(*), count(DISTINCT k) FROM (SELECT DISTINCT {keys[0]} AS k FROM {rows}{self.where(fields, 0.5)}) q"
        return f"SELECT DISTINCT {', '.join(keys)} FROM {rows}{self.where(fields, 0.5)}"

    def semi(self):
        outer, inner = self.table(self.facts), self.table(self.facts)
        a, b = fields_of(outer, "a"), fields_of(inner, "b")
        key = self.one(["grp", "code", "amount", "day", "id", "order"])
        word = self.one(["", "NOT "])
        if self.sometimes(0.5):
            nulls = self.one(["", f" AND b.{quote(key)} IS NOT NULL", f" AND b.id > {self.chance.randint(0, 200)}"])
            test = f"a.{quote(key)} {word}IN (SELECT b.{quote(key)} FROM {inner.full_name} b WHERE {self.leaf(b)}{nulls})"
        else:
            test = f"{word}EXISTS (SELECT 1 FROM {inner.full_name} b WHERE b.{quote(key)} = a.{quote(key)} AND {self.leaf(b)})"
        shown = self.one(["count(*), sum(a.id)", "a.id, " + self.value(a)])
        return f"SELECT {shown} FROM {outer.full_name} a WHERE {test} {self.one(['AND', 'AND', 'OR'])} {self.leaf(a)}"

    def united(self):
        one, two = self.table(self.facts), self.table(self.facts)
        names = self.chance.sample([column for column in one.columns if column.family != "id"], self.chance.randint(1, 3))
        parts = []
        for table in (one, two):
            fields = fields_of(table, "t")
            parts.append(f"SELECT {', '.join('t.' + name.quoted for name in names)} FROM {table.full_name} t{self.where(fields, 0.7)}")
        word = self.one(["UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"])
        text = f"{parts[0]} {word} {parts[1]}"
        if self.sometimes(0.4):
            key = names[0].quoted
            return f"SELECT {key}, count(*) FROM ({text}) u WHERE {key} IS NOT NULL GROUP BY {key}"
        return text

    def shared(self):
        rows, fields = self.source(0.2)
        key = self.one(["grp", "code"]) if " a" in rows else None
        first, second = self.pick(fields), self.pick(fields)
        number = self.pick(fields, NUMERIC)
        made = f"WITH w AS (SELECT {fields[0].text} AS id, {first.text} AS p, {second.text} AS q, {number.text} AS n FROM {rows}{self.where(fields, 0.6)})"
        own = [dataclasses.replace(first, text="x.p"), dataclasses.replace(second, text="x.q"), dataclasses.replace(number, text="x.n")]
        forms = [
            f"{made} SELECT (SELECT count(*) FROM w x WHERE {self.leaf(own)}), (SELECT count(*) FROM w x WHERE {self.leaf(own)})",
            f"{made} SELECT x.id, x.p, y.q FROM w x JOIN w y ON x.id = y.id WHERE {self.leaf(own)}",
            f"{made} SELECT x.p, count(*) FROM w x WHERE x.n >= (SELECT min(n) FROM w) GROUP BY x.p",
            f"{made} SELECT x.p FROM w x WHERE {self.leaf(own)} UNION ALL SELECT x.p FROM w x WHERE {self.leaf(own)}",
        ]
        return self.one(forms if key is None else forms[:3])

    def windowed(self):
        table = self.table()
        fields = fields_of(table, "t")
        part = f"PARTITION BY {self.key(fields)} " if self.sometimes(0.6) else ""
        over = f"OVER ({part}ORDER BY {self.order([self.pick(fields).text, 't.id'])})"
        function = self.one(["row_number()", "rank()", "dense_rank()", "lag(t.id)", "lead(t.id, 2)", "first_value(t.id)", "count(*)",
                             f"max({self.pick(fields, ORDERED - {'uuid'}).text})", "sum(t.id)", "ntile(3)"])
        text = f"SELECT t.id, {function} {over} AS w FROM {table.full_name} t{self.where(fields, 0.5)}"
        if self.sometimes(0.4):
            text = f"SELECT count(*), sum(w::DOUBLE) FROM ({text}) q WHERE q.id > {self.chance.randint(0, 20)}" if "max(" not in function else text
        return text + (f" QUALIFY row_number() {over} <= 2" if self.sometimes(0.2) and not text.startswith("SELECT count") else "")

    def nested(self):
        outer, inner = self.table(self.facts), self.table(self.facts)
        a, b = fields_of(outer, "a"), fields_of(inner, "b")
        key = self.one(["grp", "id", "code"])
        value = self.one(["count(*)", "max(b.amount)", "sum(b.even)", "min(b.day)", "count(DISTINCT b.code)"])
        correlated = f"(SELECT {value} FROM {inner.full_name} b WHERE b.{key} = a.{key}{' AND ' + self.leaf(b) if self.sometimes(0.5) else ''})"
        number = self.pick(b, {"int", "decimal", "even"})
        return self.one([
            f"SELECT a.id, {correlated} FROM {outer.full_name} a{self.where(a, 0.6)}",
            f"SELECT a.id FROM {outer.full_name} a WHERE {correlated} IS NULL OR {self.leaf(a)}",
            f"SELECT count(*) FROM {outer.full_name} a WHERE a.amount > (SELECT avg(b.amount) FROM {inner.full_name} b WHERE {self.leaf(b)})",
            f"SELECT a.id, a.code FROM {outer.full_name} a WHERE a.{key} = ANY (SELECT b.{key} FROM {inner.full_name} b WHERE {self.leaf(b)})",
            f"SELECT q.{key}, q.n FROM (SELECT b.{key}, count(*) AS n, max({number.text}) AS m FROM {inner.full_name} b GROUP BY b.{key}) q "
            f"JOIN {outer.full_name} a ON a.{key} = q.{key} WHERE q.n > 1 AND {self.leaf(a)}",
            f"SELECT count(*), sum(q.id) FROM (SELECT b.id, b.code FROM {inner.full_name} b{self.where(b, 0.5)} "
            f"ORDER BY b.{self.one(['amount', 'day', 'code'])}, b.id LIMIT {self.one([5, 40])}) q WHERE {self.one(['q.code IS NOT NULL', 'q.id > 20'])}",
            f"SELECT count(*) FROM (SELECT b.id FROM {inner.full_name} b{self.where(b, 0.5)} LIMIT {self.one([0, 3, 30])}) q",
        ])

    SHAPES = ("scan", "top", "grouped", "top_groups", "distinct", "joined", "semi", "united", "shared", "windowed", "nested")

    def joined(self):
        rows, fields = self.join()
        if self.sometimes(0.4):
            return f"SELECT {self.key(fields)} AS k, {self.aggregate(fields)} FROM {rows}{self.where(fields, 0.6)} GROUP BY k"
        return f"SELECT {', '.join(self.ids(fields))}, {self.value(fields)}, {self.value(fields)} FROM {rows}{self.where(fields, 0.6)}"


def statements(chance, tables, shape, count):
    grammar = Grammar(chance, tables)
    return [Statement(getattr(grammar, shape)(), chance.choice(ZONES), f"{shape} {number}") for number in range(count)]
