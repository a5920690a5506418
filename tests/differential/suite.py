"""Which statements there are, and how many of them are judged at once."""
import concurrent.futures
import pathlib
import random
import re
import threading

import functions
import grammar
import judge
import reduce
import world

FOLDER = pathlib.Path(__file__).parent / "statements"
FILES = ("filters", "texts", "times", "aggregates", "orders", "joins", "errors")
CONNECTIONS = 4
REDUCED_MAX = 3  # failures of one test that are made smaller


def hand_written(name):
    found, zone, lines, first = [], "UTC", [], 0
    for number, line in enumerate((FOLDER / f"{name}.sql").read_text().splitlines(), 1):
        said = re.fullmatch(r"-- zone: (\S+)", line)
        if said:
            zone = said[1]
        elif not line.startswith("--"):
            first = first if lines else number
            lines.append(line)
            if line.endswith(";"):
                found.append(judge.Statement("\n".join(lines)[:-1], zone, f"{name}.sql:{first}"))
                zone, lines = "UTC", []
    assert not lines, f"{name}.sql does not end with a semicolon"
    return found


def by_size(chance, count):
    """Over tables of several parts: few rows come out, whatever is done to them."""
    made, found = grammar.Grammar(chance, world.large()), []
    made.join = lambda: made.source(share=0)  # its joins speak of other columns
    for number in range(count):
        shape = chance.choice(["top", "grouped", "top_groups", "distinct", "nested_limit", "sorted_join"])
        found.append(judge.Statement(large_statement(made, shape), chance.choice(grammar.ZONES), f"many: {shape} {number}"))
    return found


def large_statement(made, shape):
    if shape == "nested_limit":
        table = made.table()
        fields = grammar.fields_of(table, "t")
        keys = made.order([made.pick(fields).text, "t.id"])
        return f"SELECT count(*), sum(id), min(v), max(t) FROM (SELECT * FROM {table.full_name} t{made.where(fields)} ORDER BY {keys} LIMIT {made.one([10, 3000])}) q"
    if shape == "sorted_join":
        one, two = made.table(), made.table()
        a, b = grammar.fields_of(one, "a"), grammar.fields_of(two, "b")
        return (f"SELECT {made.key(a)} AS g, count(*), sum(b.v) FROM {one.full_name} a {made.one(['', 'LEFT '])}JOIN {two.full_name} b "
                f"ON a.id = b.{made.one(['k', 'id', 'v'])} AND {made.leaf(b)} WHERE a.id % {made.one([97, 1009])} = 3 AND {made.leaf(a)} GROUP BY g")
    return getattr(made, shape)()


def by_column(chance, tables, count):
    """For columns of every type: what most statements ask of one, at values that are there and between them."""
    made = grammar.Grammar(chance, tables)
    columns = [(table, column) for table in tables if table.rows for column in table.columns if column.kind != "-"]
    forms = ["counted", "grouped", "top", "compared", "compared", "listed"]
    work = [(form, table, column) for table, column in columns for form in forms]
    chance.shuffle(work)
    found = []
    for form, table, column in work[:count]:
        text = column_statement(made, form, table, grammar.field_of(column))
        found.append(judge.Statement(text, chance.choice(grammar.ZONES), f"{form} {table.full_name}.{column.name}"))
    return found


def by_function(chance, tables, count):
    return functions.by_function(grammar.Grammar(chance, tables), tables, count, grammar.ZONES)


def column_statement(made, form, table, field):
    name, rows = field.text, table.full_name
    comparable = field.family in grammar.ORDERED
    if form == "counted" or not comparable:
        extremes = f", min({name}), max({name})" if comparable else ""
        return f"SELECT count(*), count({name}), count(DISTINCT {name}){extremes} FROM {rows}"
    if form == "grouped":
        return f"SELECT {name}, count(*), min(id) FROM {rows} GROUP BY {name}"
    if form == "top":
        return f"SELECT id, {name} FROM {rows} ORDER BY {made.order([name, 'id'])} LIMIT {made.one([3, 11])}"
    if field.family == "bool":
        return f"SELECT id FROM {rows} WHERE {name} {made.one(['= true', '<> true', 'IS NOT TRUE', '< true'])}"
    if form == "listed":
        return f"SELECT id FROM {rows} WHERE {name} {made.one(['', 'NOT '])}IN ({made.in_list(field)})"
    return f"SELECT id, {name} FROM {rows} WHERE {name} {made.one(grammar.COMPARISONS)} {made.constant(field)}"


def everything(tables):
    """All rows of all tables: whatever is found later, it is not the copies that differ."""
    return [judge.Statement(f"SELECT * FROM {table.full_name}", "UTC", "everything") for table in tables]


def by_shape(seed, tables, shape, count):
    return grammar.statements(random.Random(f"{seed} {shape}"), tables, shape, count)


class Suite:
    """Statements are judged over several connections; failures come back reduced."""

    def __init__(self, servers, truth, tables):
        self.servers, self.truth, self.tables = servers, truth, tables
        self.local = threading.local()

    def judge_one(self, statement):
        if not hasattr(self.local, "judge"):
            self.local.judge = judge.Judge(self.servers, self.truth)
        return self.local.judge.judge(statement)

    def failures(self, statements):
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            found = [failure for failure in pool.map(self.judge_one, statements) if failure]
        one = judge.Judge(self.servers, self.truth)
        for failure in found[:REDUCED_MAX]:
            reduce.reduce(one, failure)
        return found

    def check(self, statements):
        """Fails with every failure in its text."""
        found = self.failures(statements)
        assert not found, f"{len(found)} of {len(statements)} statements\n" + "\n\n".join(map(str, found))


def make(servers, seed=world.DATA_SEED):
    from servers import fill
    tables = world.make(seed)
    return Suite(servers, fill(servers, tables), tables)
