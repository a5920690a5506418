"""One statement, three answers: through the door with pushdown and without, and of the truth.  They must be the same."""
import base64
import collections
import dataclasses
import decimal
import json
import math
import re
import struct

import duckdb
import requests

from servers import StatementError

TRINO_TYPES = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "HUGEINT": "decimal(38, 0)",
    "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "decimal(20, 0)", "UHUGEINT": "decimal(38, 0)",
    "FLOAT": "real", "DOUBLE": "double", "VARCHAR": "varchar", "JSON": "json", "BLOB": "varbinary", "UUID": "uuid", "DATE": "date",
    "TIME": "time(6)", "TIMESTAMP": "timestamp(6)", "TIMESTAMP_NS": "timestamp(9)", "TIMESTAMP WITH TIME ZONE": "timestamp(6) with time zone",
    '"NULL"': "unknown", "NULL": "unknown",
}
TEMPORAL = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
STATEMENT_CODES = {"syntax", "type_mismatch", "unsupported", "not_found"}
ROWS_SHOWN, WIDTH_SHOWN = 8, 300


@dataclasses.dataclass
class Statement:
    text: str
    zone: str = "UTC"
    origin: str = ""  # where it comes from, for the report


@dataclasses.dataclass
class Answer:
    types: list = None
    rows: list = None  # of tokens
    error: str = None  # its class
    message: str = ""

    def summary(self):
        return f"error ({self.error}): {self.message}" if self.error else f"{len(self.rows)} rows of {', '.join(self.types)}"


@dataclasses.dataclass
class Failure:
    statement: Statement
    answers: dict
    what: str
    order_only: bool = False
    reduced: str = None

    def __str__(self):
        lines = [f"--- {self.what} [{self.statement.origin}] time zone {self.statement.zone}", self.statement.text]
        if self.reduced:
            lines += ["reduced to:", self.reduced]
        lines += [f"{name:9} {answer.summary()}" for name, answer in self.answers.items()]
        return "\n".join(lines + differences(self.answers))


def differences(answers):
    if any(answer.error for answer in answers.values()):
        return []
    lines = []
    truth = collections.Counter(answers["truth"].rows)
    for name in ("pushdown", "fetched"):
        got = collections.Counter(answers[name].rows)
        for mark, rows in (("lacks", truth - got), ("adds", got - truth)):
            lines += [f"  {name} {mark} {count} x {row}"[:WIDTH_SHOWN] for row, count in list(rows.items())[:ROWS_SHOWN]]
    return lines


def trino_type(name):
    if name in TRINO_TYPES:
        return TRINO_TYPES[name]
    if name.endswith("[]"):
        return f"array({trino_type(name[:-2])})"
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", name)
    return f"decimal({match[1]}, {match[2]})" if match else name


def float_token(value, single):
    number = float(value)
    if single and math.isfinite(number):
        number = struct.unpack("f", struct.pack("f", number))[0]
    return repr(number + 0.0) if number != 0 else "0.0"


def door_token(value, kind):
    if value is None:
        return "NULL"
    if kind.startswith("array("):
        return "[" + ", ".join(door_token(item, kind[6:-1]) for item in value) + "]"
    if kind in ("double", "real"):
        return float_token(value, kind == "real")
    if isinstance(value, str):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def iso_time(text, kind, zone):
    """The engine's text of a date or time as the protocol spells it; instants by the zone's clock."""
    zone = " " + zone if kind.endswith("zone") else ""
    if "infinity" in text:
        return text
    match = re.fullmatch(r"(?:(\d+)-(\d\d-\d\d))?( \(BC\))?( )?(?:(\d\d:\d\d:\d\d)(?:\.(\d+))?)?", text)
    year, day, before, blank, clock, fraction = match.groups()
    out = ""
    if year is not None:
        number = 1 - int(year) if before else int(year)
        sign = "-" if number < 0 else "+" if number > 9999 else ""
        out = f"{sign}{abs(number):04d}-{day}{blank or ''}"
    digits = 9 if kind == "timestamp(9)" else 6
    return out + (f"{clock}.{(fraction or '').ljust(digits, '0')}{zone}" if clock else "")


def truth_token(value, kind, zone):
    if value is None:
        return "NULL"
    if kind.startswith("array("):
        return "[" + ", ".join(truth_token(item, kind[6:-1], zone) for item in value) + "]"
    if kind in ("double", "real"):
        return float_token(value, kind == "real")
    if kind.startswith("decimal("):
        scale = int(kind[:-1].split(", ")[1])
        with decimal.localcontext(prec=60):
            return repr(f"{decimal.Decimal(value):.{scale}f}")
    if kind == "date" or kind.startswith("time"):
        return repr(iso_time(value, kind, zone))
    if kind == "varbinary":
        return repr(base64.b64encode(value).decode())
    if kind == "uuid":
        return repr(str(value))
    return repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def door_class(code):
    if code in ("invalid_value", "division_by_zero"):
        return "value"
    return "statement" if code in STATEMENT_CODES or str(code).endswith("_not_found") else str(code)


TRUTH_CLASSES = ((duckdb.ConversionException, "value"), (duckdb.OutOfRangeException, "value"), (duckdb.InvalidInputException, "value"),
                 (duckdb.ProgrammingError, "statement"), (duckdb.NotSupportedError, "statement"))


def truth_class(error):
    if "nimplemented type for cast" in str(error):
        return "statement"
    return next((name for kind, name in TRUTH_CLASSES if isinstance(error, kind)), type(error).__name__)


class Judge:
    """One a thread: it holds connections."""

    def __init__(self, servers, truth):
        self.servers, self.lake = servers, servers.lake()
        self.truth = truth.cursor()

    def ask_door(self, statement, pushdown):
        try:
            result = self.lake.run(statement.text, session=f"pushdown={pushdown}", time_zone=statement.zone)
        except StatementError as error:
            return Answer(error=door_class(error.code), message=str(error))
        except (requests.RequestException, AssertionError, ValueError) as error:  # an answer that no client could read
            return Answer(error="protocol", message=repr(error))
        return Answer(result.types, [tuple(map(door_token, row, result.types)) for row in result.rows])

    def ask_truth(self, statement):
        try:
            self.truth.execute(f"SET TimeZone = '{statement.zone}'")
            self.truth.execute(statement.text)
            names = [str(column[1]) for column in self.truth.description]
            rows = self.truth.fetchall() if not TEMPORAL.intersection(names) else self.fetch_with_times(statement, names)
        except duckdb.Error as error:
            return Answer(error=truth_class(error), message=str(error))
        types = [trino_type(name) for name in names]
        return Answer(types, [tuple(truth_token(value, kind, statement.zone) for value, kind in zip(row, types)) for row in rows])

    def fetch_with_times(self, statement, names):
        """Dates and times as text: Python's own cannot hold them all."""
        self.truth.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {statement.text}")
        columns = [row[0] for row in self.truth.execute("DESCRIBE answer").fetchall()]
        parts = []
        for name, column in zip(names, columns):
            quoted = '"' + column.replace('"', '""') + '"'
            instant = f"timezone('{statement.zone}', {quoted})" if name == "TIMESTAMP WITH TIME ZONE" else quoted
            parts.append(f"CAST({instant} AS VARCHAR)" if name in TEMPORAL else quoted)
        return self.truth.execute(f"SELECT {', '.join(parts)} FROM answer").fetchall()

    def tree_of(self, text):
        made = json.loads(self.truth.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchone()[0])
        return None if made["error"] else made

    def text_of(self, tree):
        return self.truth.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone()[0]

    def is_ordered(self, text):
        """Whoever writes ORDER BY outside of everything makes it total."""
        tree = self.tree_of(text)
        return bool(tree) and any(item["type"] == "ORDER_MODIFIER" for item in tree["statements"][0]["node"]["modifiers"])

    def judge_in_trino(self, statement):
        """What Trino's dialect changes in operators and aggregates has no truth here: with and without pushdown it is the same."""
        self.lake = self.servers.trino_lake()
        pushdown, fetched = self.ask_door(statement, "on"), self.ask_door(statement, "off")
        same = (pushdown.error, pushdown.types) == (fetched.error, fetched.types)
        if same and (pushdown.error or collections.Counter(pushdown.rows) == collections.Counter(fetched.rows)):
            return None
        return Failure(statement, {"truth": fetched, "pushdown": pushdown, "fetched": fetched}, "pushdown: another answer in Trino's dialect")

    def judge(self, statement, ordered=None):
        """None, or the failure."""
        answers = {"truth": self.ask_truth(statement), "pushdown": self.ask_door(statement, "on"), "fetched": self.ask_door(statement, "off")}
        truth = answers["truth"]
        what = None
        for name in ("pushdown", "fetched"):
            answer = answers[name]
            if truth.error != answer.error:
                what = what or f"{name}: {answer.error or 'rows'} instead of {truth.error or 'rows'}"
            elif not truth.error and truth.types != answer.types:
                what = what or f"{name}: other types"
            elif not truth.error and collections.Counter(truth.rows) != collections.Counter(answer.rows):
                what = what or f"{name}: other rows"
        if what:
            return Failure(statement, answers, what)
        if not truth.error and any(truth.rows != answers[name].rows for name in ("pushdown", "fetched")):
            if self.is_ordered(statement.text) if ordered is None else ordered:
                return Failure(statement, answers, "another order", order_only=True)
        return None
