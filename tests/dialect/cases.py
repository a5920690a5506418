"""The cases of tests/cases/dialect: what Trino 476 answers to each, and where we answer otherwise.

A file holds cases, each a line of SQL (a whole statement, or an expression that stands for SELECT of it), then indented:
    = type, type | [row, row]       what Trino gives: the columns' types and the rows as its protocol has them
    ! NAME                          or the name of its error
    differs: why                    we do not give this, and this is why (the documentation lists it)
"""
import dataclasses
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "cases" / "dialect"
STATEMENTS = ("SELECT ", "VALUES ", "WITH ", "TABLE ")


@dataclasses.dataclass
class Case:
    text: str
    file: str
    types: list = None
    rows: list = None
    error: str = None
    differs: str = None

    @property
    def sql(self):
        return self.text if self.text.startswith(STATEMENTS) else f"SELECT {self.text}"


def read(path):
    """The lines of a file: strings (comments, blank lines) and cases."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            lines.append(line)
        elif not line.startswith("    "):
            lines.append(Case(line, path.stem))
        else:
            read_answer(lines[-1], line.strip())
    return lines


def read_answer(case, line):
    if line.startswith("= "):
        types, rows = line[2:].split(" | ", 1)
        case.types, case.rows = json.loads(types), json.loads(rows)
    elif line.startswith("! "):
        case.error = line[2:]
    elif line.startswith("differs: "):
        case.differs = line[len("differs: "):]
    else:
        raise ValueError(f"{case.file}: not an answer: {line}")


def written(lines):
    out = []
    for line in lines:
        if isinstance(line, str):
            out.append(line)
            continue
        out.append(line.text)
        if line.error:
            out.append(f"    ! {line.error}")
        elif line.types is not None:
            out.append(f"    = {json.dumps(line.types)} | {json.dumps(line.rows, ensure_ascii=False)}")
        if line.differs:
            out.append(f"    differs: {line.differs}")
    return "\n".join(out) + "\n"


def files():
    return sorted(FOLDER.glob("*.txt"))


def cases():
    return [line for path in files() for line in read(path) if isinstance(line, Case)]


def plain_type(name):
    """Without what our types do not say: the length of a text, the precision of a time; Trino writes INTERVAL in capitals."""
    name = name.lower()
    name = re.sub(r"\b(varchar|char)\(\d+\)", "varchar", name)
    name = re.sub(r"\bchar\b", "varchar", name)
    return re.sub(r"\b(time|timestamp)\(\d+\)", r"\1", name)


def plain_value(value):
    """Times with as many digits as they need."""
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {key: plain_value(item) for key, item in value.items()}
    if isinstance(value, str):
        return re.sub(r"^((?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d)\.(\d*?)0+(?=$| )", lambda m: m[1] + ("." + m[2] if m[2] else ""), value)
    return value


# Words with a bracket behind them that are no functions.
WORDS = {
    "as", "in", "values", "over", "from", "and", "or", "not", "on", "using", "select", "when", "then", "any", "all", "some", "exists", "varchar",
    "char", "decimal", "numeric", "timestamp", "time", "array", "row", "map", "t", "a", "b", "u", "g", "rollup", "cube", "sets", "by", "group",
    "filter", "offset", "limit", "bernoulli", "system", "columns", "table", "u", "l", "w", "ordinality", "lateral", "key", "with", "recursive",
}


def functions_of(case):
    return set(re.findall(r"\b([a-z_][a-z0-9_]*)\(", case.sql.lower())) - WORDS


def equal_functions(everything):
    """Functions in at least one case whose answer is Trino's, errors aside."""
    return {name for case in everything if not case.differs and not case.error for name in functions_of(case)}


def listing(names):
    return ", ".join(f"`{name}`" for name in sorted(names))


def cell(text):
    return "`" + text.replace("|", "\\|") + "`"


def document(mark, everything):
    """docs/reference/dialect.md"""
    equal, differing = equal_functions(everything), {}
    for case in everything:
        if case.differs:
            differing.setdefault(case.differs, []).append(case)
    same = sum(1 for case in everything if not case.differs)
    out = [
        f"<!-- {mark} -->",
        "# Trino's SQL",
        "",
        "The door speaks Trino's SQL: where a function or an operator has another meaning in the engine below, Trino's counts. What is said",
        f"here is tested: {len(everything)} statements and expressions of `tests/cases/dialect` run at the door and are compared with what a",
        f"Trino 476 answered; {same} are equal in types and rows, the others are listed below with the reason. Texts are compared without the",
        "length in their type, times without the number of digits in theirs. The engine's own functions and forms (`SHOW FUNCTIONS`,",
        "[functions](functions.md)) can be used besides.",
        "",
        "Who writes DuckDB's SQL and no other starts the server with `engine.dialect: duckdb` ([configuration](configuration.md)): then every",
        "function, operator and cast is the engine's own, `7 / 2` is 3.5, and nothing of this page holds. It holds for all who ask that",
        "server, and for its views, so choose once: a view is stored as its author wrote it and read in the dialect of the day.",
        "",
        f"## {len(equal)} functions with Trino's answers",
        "",
        listing(equal),
        "",
        "## What differs",
        "",
        "| What | Where |",
        "|---|---|",
    ]
    for why, examples in sorted(differing.items(), key=lambda item: item[0].lower()):
        out.append(f"| {why.replace('|', chr(92) + '|')} | {'<br>'.join(cell(case.text) for case in examples)} |")
    missing = differing.get("the function is not offered", [])
    absent = {name for case in missing for name in functions_of(case)} - equal
    out += ["", f"Not offered: {listing(absent)}.", ""]
    out += [
        "## How this is checked",
        "",
        "```",
        "TOWNLAKE_BUILD=$PWD/build-test .deps/venv/bin/python -m pytest tests/integration/test_dialect.py",
        "```",
        "",
        "`tests/dialect/capture.py URL` asks a running Trino 476 all of it again and writes its answers into the files; with `--check` it",
        "only compares, and `make test-trino` does that with a Trino of its own.",
        "",
    ]
    return "\n".join(out)
