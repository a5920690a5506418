"""The rows that all systems hold: the same seed makes the same rows, and each value exactly one spelling a system.

A value is None, a text, or a list of texts.  What is not carried alike, and how the copies in the truth are made instead:
  char(n)         padded with blanks, as PostgreSQL gives it           FixedString   without the zeros at its end
  enums           their labels, compared as text                       jsonb         in PostgreSQL's own spelling
  DateTime        without a zone: the wall clock of UTC; with one: the instant
  -0.0            equal to 0.0 in every answer (which of the two a group shows is free)
"""
import dataclasses
import random

DATA_SEED = 20260101


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    family: str  # what the grammar may do with it
    kind: str    # where its values come from
    type: str    # in the truth, and what the door must say it is
    here: str    # in the source's own words

    @property
    def quoted(self):
        return quote(self.name)


@dataclasses.dataclass
class Table:
    source: str
    schema: str
    name: str
    columns: list
    rows: list

    @property
    def full_name(self):
        return f"{self.source}.{quote(self.schema)}.{quote(self.name)}"


RESERVED = {"at", "order", "default", "select", "group", "table"}


def quote(name):
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower() and name not in RESERVED
    return name if plain else '"' + name.replace('"', '""') + '"'


SMALL_INTS = [str(n) for n in range(-3, 9)]
DECIMAL38 = ["9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "0.0000000001", "-0.0000000001", "1.5",
             "1.5000000000", "12345678901234567890.0000000000", "0"]
WORDS = ["", " ", "a", "A", "b", "B", "ab", "aB", "abc", "abc ", "abc  ", " abc", "ä", "Ä", "ß", "ss", "é", "e\u0301", "z", "Z", "_", "%", "a_c", "a%c",
         "a\\c", "\\", "'", '"', "日本", "🦆", "İ", "i", "I", "ı", "coop", "co-op", "10", "9", "-1", "null", "NULL", "tab\there", "line\nend", "O'Brien",
         "ﬁ", "Straße", "STRASSE", "x" * 40]
DAYS = ["2024-02-29", "2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03", "2023-12-31", "2024-01-01", "1970-01-01", "1999-12-31", "2000-01-01",
        "2024-12-30", "2021-01-03"]
CLOCKS = ["00:00:00", "23:59:59.999999", "01:30:00", "02:00:00", "02:30:00", "12:00:00.5", "06:59:59", "00:00:00.000001", "03:00:00"]
STAMPS = [f"{day} {clock}" for day in DAYS for clock in CLOCKS]

POOLS = {
    "tiny": SMALL_INTS,
    "many": ["0", "1", "37", "500", "9007", "50000", "100002", "-1000"],
    "int16": ["32767", "-32768", *SMALL_INTS],
    "int32": ["2147483647", "-2147483648", "2147483646", *SMALL_INTS],
    "int64": ["9223372036854775807", "-9223372036854775808", "9223372036854775806", "9007199254740993", "2147483648", "-2147483649", *SMALL_INTS],
    "int128": ["170141183460469231731687303715884105727", "-170141183460469231731687303715884105727", "18446744073709551616", *SMALL_INTS],
    "uint8": ["0", "255", "254", "128", "127", "1", "7"],
    "uint64": ["0", "18446744073709551615", "9223372036854775808", "9223372036854775807", "1", "7", "9007199254740993"],
    "decimal38": DECIMAL38,
    "wide": ["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0", "1", "-1", "18446744073709551616"],
    "cents": ["0.00", "0.01", "-0.01", "1.00", "2.50", "2.45", "-7.77", "9999999999.99", "-9999999999.99", "100.10", "0.05", "33.33"],
    "even": ["0", "0.5", "-0.5", "1.25", "2", "1024.75", "-3.125", "100", "7", "0.0625"],
    "double": ["nan", "inf", "-inf", "0", "-0", "1", "-1", "0.1", "0.30000000000000004", "1e308", "-1e308", "5e-324", "2.5", "3.5", "-2.5",
               "9007199254740992", "1e22", "1.0000000000000002"],
    "real": ["nan", "inf", "-inf", "0", "-0", "1", "-1", "0.1", "16777216", "16777217", "3.4028235e38", "1e-45", "2.5", "-2.5"],
    "bool": ["true", "false"],
    "text": WORDS,
    "ascii": [word for word in WORDS if word.isascii()],
    "code": ["a", "b", "c", "d", "A", "a ", "", "é", "x1", "x2"],
    "padded": ["", "a", "A", "b", "ab", "abc", "abcdef", "ä", "a_", "10"],
    "fixed": ["", "a", "A", "ab", "abc", "abcdef", "b", "10", " a"],
    "mood": ["sad", "ok", "happy"],
    "status": ["new", "paid", "void", "New"],
    "date": ["infinity", "-infinity", "0001-01-01", "9999-12-31", "1582-10-15", "1582-10-04", "0004-02-29", *DAYS],
    "date_lake": ["0001-01-01", "9999-12-31", "1582-10-15", *DAYS],
    "date32": ["1900-01-01", "2299-12-31", "1969-12-31", *DAYS],
    "date16": ["1970-01-01", "2149-06-06", *DAYS],
    "day": DAYS,
    "timestamp": ["infinity", "-infinity", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999", *STAMPS],
    "stamp": STAMPS,
    "stamp64": ["1900-01-01 00:00:00", "2299-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999", *STAMPS],
    "seconds": ["1970-01-01 00:00:00", "2106-02-07 06:28:15", *(stamp for stamp in STAMPS if "." not in stamp)],
    "time": ["00:00:00", "23:59:59.999999", "12:00:00", "00:00:00.000001", "11:59:59"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "80000000-0000-0000-0000-000000000000",
             "7fffffff-ffff-ffff-ffff-ffffffffffff", "12345678-9abc-def0-1234-56789abcdef0", "00000000-0000-0001-0000-000000000000"],
    "ip": ["0.0.0.0", "255.255.255.255", "10.0.0.1", "9.9.9.9", "192.168.1.1"],
    "inet": ["10.0.0.1", "192.168.0.0/24", "::1", "9.9.9.9"],
    "json": ['{"a": 1}', "null", "[1, 2]", '"x"', '{"b": [], "aa": null}', "1.50"],
    "free": ["1", "1.0", "-0.001", "123456789012345678901234567890.123456789012345678901234567890", "NaN", "10", "9"],
    "tags": [[], ["a"], ["a", "b"], ["b", "a"], ["", "a b", "é"], ["a", "a"]],
    "nums": [[], ["1"], ["1", "2"], ["2", "1"], ["-1", "2147483647"]],
    "blob": ["\\x", "\\x00", "\\x61", "\\xff00", "\\x6162"],
}


def columns(text):
    """Lines of: name family kind type [| type at the source]."""
    found = []
    for line in text.strip().splitlines():
        left, _, here = line.partition("|")
        name, family, kind, type_ = left.split(None, 3)
        found.append(Column(name, family, kind, type_.strip(), here.strip() or type_.strip()))
    return found


FACTS = """
    id      id        -          INTEGER             | {int}
    grp     int       tiny       INTEGER             | {nint}
    code    text      code       VARCHAR             | {ntext}
    big     int       int64      BIGINT              | {nbig}
    amount  decimal   cents      DECIMAL(12,2)       | {ndec}
    even    even      even       DOUBLE              | {ndouble}
    flag    bool      bool       BOOLEAN             | {nbool}
    day     date      day        DATE                | {ndate}
    at      timestamp stamp      TIMESTAMP           | {nstamp}
    instant instant   stamp      TIMESTAMP WITH TIME ZONE | {ninstant}
    order   int       int32      INTEGER             | {nint}
    status  text      status     VARCHAR             | {text}
"""
PG = dict(int="integer PRIMARY KEY", nint="integer", ntext="text", text="text NOT NULL", nbig="bigint", ndec="numeric(12,2)",
          ndouble="double precision", nbool="boolean", ndate="date", nstamp="timestamp", ninstant="timestamptz")
CH = dict(int="Int32", nint="Nullable(Int32)", ntext="Nullable(String)", text="LowCardinality(String)", nbig="Nullable(Int64)",
          ndec="Nullable(Decimal(12, 2))", ndouble="Nullable(Float64)", nbool="Nullable(Bool)", ndate="Nullable(Date32)",
          nstamp="Nullable(DateTime64(6))", ninstant="Nullable(DateTime64(6, 'America/New_York'))")
LAKE = dict(int="INTEGER", nint="INTEGER", ntext="VARCHAR", text="VARCHAR", nbig="BIGINT", ndec="DECIMAL(12,2)", ndouble="DOUBLE", nbool="BOOLEAN",
            ndate="DATE", nstamp="TIMESTAMP", ninstant="TIMESTAMP WITH TIME ZONE")

PG_NUMBERS = """
    id    id      -         INTEGER        | integer PRIMARY KEY
    i16   int     int16     SMALLINT       | smallint
    i32   int     int32     INTEGER        | integer
    i64   int     int64     BIGINT         | bigint
    cents decimal cents     DECIMAL(12,2)  | numeric(12,2)
    exact decimal decimal38 DECIMAL(38,10) | numeric(38,10)
    wide  decimal wide      DECIMAL(38,0)  | numeric(38,0)
    free  text    free      VARCHAR        | numeric
    f32   float   real      FLOAT          | real
    f64   float   double    DOUBLE         | double precision
    even  even    even      DOUBLE         | double precision
    flag  bool    bool      BOOLEAN        | boolean
"""
PG_TEXTS = """
    id     id   -      INTEGER | integer PRIMARY KEY
    word   text text   VARCHAR | text
    plain  text ascii  VARCHAR | varchar(60) NOT NULL
    sorted text text   VARCHAR | text COLLATE "en-x-icu"
    folded text code   VARCHAR | text COLLATE folded
    padded text padded VARCHAR | char(6)
    mood   text mood   VARCHAR | mood
    addr   text inet   VARCHAR | inet
    uid    uuid uuid   UUID    | uuid
"""
PG_MOMENTS = """
    id      id        -         INTEGER   | integer PRIMARY KEY
    day     date      date      DATE      | date
    at      timestamp timestamp TIMESTAMP | timestamp
    instant instant   timestamp TIMESTAMP WITH TIME ZONE | timestamptz
    tod     time      time      TIME      | time
    short   timestamp seconds   TIMESTAMP | timestamp(0)
"""
PG_NESTED = """
    id   id   -    INTEGER   | integer PRIMARY KEY
    tags list tags VARCHAR[] | text[]
    nums list nums INTEGER[] | integer[]
    doc  json json JSON      | jsonb
    raw  blob blob BLOB      | bytea
"""
CH_NUMBERS = """
    id    id      -         UINTEGER       | UInt32
    u8    int     uint8     UTINYINT       | UInt8
    u64   int     uint64    UBIGINT        | Nullable(UInt64)
    i16   int     int16     SMALLINT       | Int16
    i32   int     int32     INTEGER        | Nullable(Int32)
    i64   int     int64     BIGINT         | Nullable(Int64)
    i128  int     int128    HUGEINT        | Nullable(Int128)
    cents decimal cents     DECIMAL(12,2)  | Decimal(12, 2)
    exact decimal decimal38 DECIMAL(38,10) | Nullable(Decimal(38, 10))
    f32   float   real      FLOAT          | Nullable(Float32)
    f64   float   double    DOUBLE         | Nullable(Float64)
    even  even    even      DOUBLE         | Float64
    flag  bool    bool      BOOLEAN        | Nullable(Bool)
"""
CH_TEXTS = """
    id    id   -      UINTEGER | UInt32
    word  text text   VARCHAR  | Nullable(String)
    plain text ascii  VARCHAR  | String
    low   text code   VARCHAR  | LowCardinality(String)
    lown  text code   VARCHAR  | LowCardinality(Nullable(String))
    fixed text fixed  VARCHAR  | FixedString(6)
    mood  text mood   VARCHAR  | Nullable(Enum8('sad' = 3, 'ok' = 1, 'happy' = 2))
    addr  text ip     VARCHAR  | Nullable(IPv4)
    uid   uuid uuid   UUID     | Nullable(UUID)
"""
CH_MOMENTS = """
    id      id        -       UINTEGER  | UInt32
    day     date      date32  DATE      | Nullable(Date32)
    d16     date      date16  DATE      | Date
    at      timestamp stamp64 TIMESTAMP | Nullable(DateTime64(6))
    short   timestamp seconds TIMESTAMP | DateTime
    instant instant   seconds TIMESTAMP WITH TIME ZONE | Nullable(DateTime('Europe/Berlin'))
    precise instant   stamp64 TIMESTAMP WITH TIME ZONE | DateTime64(6, 'America/New_York')
"""
CH_NESTED = """
    id   id   -    UINTEGER  | UInt32
    tags list tags VARCHAR[] | Array(String)
    nums list nums INTEGER[] | Array(Nullable(Int32))
"""
LAKE_NUMBERS = """
    id    id      -         INTEGER
    i32   int     int32     INTEGER
    i64   int     int64     BIGINT
    cents decimal cents     DECIMAL(12,2)
    exact decimal decimal38 DECIMAL(38,10)
    f32   float   real      FLOAT
    f64   float   double    DOUBLE
    even  even    even      DOUBLE
    flag  bool    bool      BOOLEAN
    word  text    text      VARCHAR
    day   date    date_lake DATE
"""

LAYOUT = [
    ("pg", "public", "facts", FACTS.format(**PG), 240), ("pg", "public", "dims", FACTS.format(**PG), 24),
    ("pg", "public", "numbers", PG_NUMBERS, 70), ("pg", "public", "texts", PG_TEXTS, 90), ("pg", "public", "moments", PG_MOMENTS, 90),
    ("pg", "public", "nested", PG_NESTED, 30),
    ("ch", "default", "facts", FACTS.format(**CH), 240), ("ch", "default", "dims", FACTS.format(**CH), 24),
    ("ch", "default", "numbers", CH_NUMBERS, 70), ("ch", "default", "texts", CH_TEXTS, 90), ("ch", "default", "moments", CH_MOMENTS, 90),
    ("ch", "default", "nested", CH_NESTED, 30),
    ("lake", "diff", "facts", FACTS.format(**LAKE), 160), ("lake", "diff", "dims", FACTS.format(**LAKE), 20),
    ("lake", "diff", "numbers", LAKE_NUMBERS, 60),
    ("pg", "public", "empty", FACTS.format(**PG), 0), ("ch", "default", "empty", FACTS.format(**CH), 0),
]

NULL_SHARE = 0.15

# --- tables of many rows, by the same sum everywhere ---

MANY_ROWS = {"pg": 20000, "ch": 70001}
MANY_TABLES = [("pg", "public", "many"), ("pg", "public", "split"), ("ch", "default", "many")]
MANY_COLUMNS = """
    id  id      -    INTEGER
    k   int     tiny INTEGER
    v   int     many BIGINT
    t   text    code VARCHAR
    day date    day  DATE
    x   even    even DOUBLE
    m   decimal many DECIMAL(12,2)
"""
FROM = {"postgres": "generate_series(1, {rows}) AS r(n)", "clickhouse": "(SELECT toInt64(number + 1) AS n FROM numbers({rows})) AS r", "engine": "range(1, {rows} + 1) AS r(n)"}
TYPES = {
    "postgres": {"int": "integer", "big": "bigint", "text": "text", "day": "date", "double": "double precision", "decimal": "numeric(12,2)"},
    "clickhouse": {"int": "Int32", "big": "Nullable(Int64)", "text": "Nullable(String)", "day": "Date32", "double": "Float64", "decimal": "Nullable(Decimal(12, 2))"},
    "engine": {"int": "INTEGER", "big": "BIGINT", "text": "VARCHAR", "day": "DATE", "double": "DOUBLE", "decimal": "DECIMAL(12,2)"},
}


def many(system, rows):
    types = TYPES[system]
    day = {"postgres": "DATE '2020-01-01' + (n % 1500)::integer", "clickhouse": "addDays(toDate32('2020-01-01'), n % 1500)",
           "engine": "DATE '2020-01-01' + (n % 1500)::INTEGER"}[system]
    return (f"SELECT CAST(n AS {types['int']}) AS id, CAST(n * 7919 % 1009 AS {types['int']}) AS k, "
            f"CAST(CASE WHEN n % 11 = 0 THEN NULL ELSE n * 37 % 100003 END AS {types['big']}) AS v, "
            f"CASE WHEN n % 13 = 0 THEN NULL ELSE concat('w', CAST(n % 97 AS {types['text']})) END AS t, {day} AS day, "
            f"CAST(n % 1000 AS {types['double']}) / 8 AS x, "
            f"CAST(CASE WHEN n % 7 = 0 THEN NULL ELSE n % 10007 - 1000 END AS {types['decimal']}) AS m FROM {FROM[system].format(rows=rows)}")


def nullable(source, column):
    if column.kind == "-" or "NOT NULL" in column.here:
        return False
    return source != "ch" or "Nullable(" in column.here and not column.here.startswith("Array")


def make_rows(source, table_columns, count, chance):
    values = []
    for column in table_columns:
        if column.kind == "-":
            values.append([str(number) for number in range(1, count + 1)])
            continue
        pool = list(POOLS[column.kind])
        chance.shuffle(pool)
        own = (pool if count >= len(pool) else []) + [chance.choice(pool) for _ in range(count)]  # each value at least once
        may_be_null = nullable(source, column)
        padded = [value.ljust(6) if column.here == "char(6)" else value for value in own[:count]]
        values.append([None if may_be_null and chance.random() < NULL_SHARE else value for value in padded])
    return [list(row) for row in zip(*values)]


def make(seed=DATA_SEED):
    tables = []
    for source, schema, name, text, count in LAYOUT:
        found = columns(text)
        chance = random.Random(f"{seed} {source} {name}")
        tables.append(Table(source, schema, name, found, make_rows(source, found, count, chance)))
    return tables


def large():
    """Without their rows: the grammar only needs to know the columns."""
    return [Table(source, schema, name, columns(MANY_COLUMNS), []) for source, schema, name in MANY_TABLES]
