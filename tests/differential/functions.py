"""What may be computed from one column, by its family: {x} is the column or a constant of its type."""
from judge import Statement

TEXT = """lower({x}); upper({x}); length({x}); strlen({x}); substring({x}, 1, 1); substring({x}, 2); substring({x}, 2, 2); substring({x}, 0, 2)
substring({x}, -2); substring({x}, 1, 0); left({x}, 2); left({x}, -1); right({x}, 2); right({x}, -1); left({x}, 0); trim({x}); ltrim({x}); rtrim({x})
trim({x}, 'a '); rtrim({x}, 'c'); replace({x}, 'a', 'bb'); replace({x}, '', 'x'); {x} || 'é'; 'a' || {x}; instr({x}, 'b'); strpos({x}, '')
position('c' IN {x}); md5({x}); concat({x}, 'z'); reverse({x}); {x} LIKE 'a%'; {x} LIKE '%\\%'; {x} LIKE '_'; {x} ILIKE '_'; {x} ILIKE 'A%'; {x} ILIKE 'ß'
{x} ILIKE 'i%'; {x} NOT LIKE '%b%'; starts_with({x}, 'a'); ends_with({x}, ' '); contains({x}, 'b'); coalesce({x}, '~'); nullif({x}, 'a'); {x} IN ('a', 'b', '')
repeat({x}, 2); ascii({x}); unicode({x}); split_part({x}, 'b', 1); lpad({x}, 3, '*'); rpad({x}, 3, ' '); translate({x}, 'ab', 'x'); {x} = 'a' OR {x} > 'b'
CASE WHEN {x} = '' THEN 'empty' WHEN {x} < 'a' THEN 'low' ELSE {x} END; CASE {x} WHEN 'a' THEN 1 WHEN 'b' THEN 2 END; length(lower({x})); lower(trim({x}))
substring(upper({x}), 1, 2); TRY_CAST({x} AS INTEGER); regexp_matches({x}, '^[a-z]+$'); regexp_replace({x}, '[aä]', '_'); {x} IS NULL; length(trim({x})) > 1
{x} BETWEEN 'a' AND 'b'; greatest({x}, 'b'); least({x}, 'b', NULL); bit_length({x}); hash({x}) IS NULL; {x} COLLATE NOCASE = 'ab'; {x} SIMILAR TO 'a.*'
concat_ws('-', {x}, 'x'); starts_with(lower({x}), 'a'); upper({x}) LIKE 'A%'; lower({x}) || 'x'; {x} > 'a' AND {x} <> 'ab'; strip_accents({x}); chr(length({x})::INT + 64)"""

INT = """{x} + 1; {x} - 1; {x} * 2; {x} // 2; {x} // -3; {x} % 3; {x} % -3; {x} / 2; -{x}; abs({x}); sign({x}); {x} & 3; {x} | 4; xor({x}, 1); {x} + 100
CAST({x} AS SMALLINT); CAST({x} AS BIGINT); CAST({x} AS DOUBLE); CAST({x} AS REAL); CAST({x} AS DECIMAL(20, 2)); CAST({x} AS VARCHAR); CAST({x} AS BOOLEAN)
CAST({x} AS HUGEINT); CAST({x} AS UBIGINT); CAST({x} AS DECIMAL(4, 2)); TRY_CAST({x} AS TINYINT); {x} IN (1, 2, 7); {x} NOT IN (1, NULL); {x} BETWEEN 0 AND 5
coalesce({x}, 0); nullif({x}, 1); greatest({x}, 3); least({x}, 3); CASE WHEN {x} > 3 THEN 'big' WHEN {x} IS NULL THEN 'none' ELSE 'small' END; {x} IS NULL
{x} = 1 OR {x} > 5; NOT ({x} > 3); {x} > 1.5; {x} + 0.5; {x} * 1.1; round({x} / 3, 1); {x} // 0; {x} % 0; {x} / 0; pow({x} % 10, 2); sqrt(abs({x} % 100)); {x} <> 2
CASE {x} WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE CAST({x} AS VARCHAR) END; {x} > 2 AND {x} < 7; ({x} > 2) = ({x} < 7); ceil({x} / 4.0); {x}::VARCHAR || '!'
{x} IS DISTINCT FROM 3; CAST(CAST({x} AS VARCHAR) AS BIGINT); hex({x}) IS NULL; {x} + CAST({x} AS BIGINT); {x} * {x} > 4; {x} % 2 = 0; length({x}::VARCHAR)"""

DECIMAL = """{x} + 1; {x} - 0.01; {x} * 2; {x} * 0.1; {x} / 3; -{x}; abs({x}); sign({x}); round({x}); round({x}, 1); round({x}, -1); floor({x}); ceil({x}); trunc({x})
CAST({x} AS INTEGER); CAST({x} AS BIGINT); CAST({x} AS DOUBLE); CAST({x} AS VARCHAR); CAST({x} AS DECIMAL(38, 1)); CAST({x} AS DECIMAL(14, 2)); {x} > 1; {x} > 1.005
{x} IN (0.01, 2.5, 100.1); {x} NOT IN (1, 2.45); {x} BETWEEN -1 AND 2.5; coalesce({x}, 0); nullif({x}, 0); {x} IS NULL; {x} % 2; {x} // 2; greatest({x}, 1); {x} = 2.50
CASE WHEN {x} < 0 THEN 'debt' WHEN {x} = 0 THEN 'even' ELSE 'credit' END; {x} <> 1; CAST({x} AS DECIMAL(38, 0)); {x} > 0.1::DOUBLE; {x} + 0.005; CAST({x} AS REAL)"""

DOUBLE = """{x} + 1; {x} * 2; {x} / 4; -{x}; abs({x}); floor({x}); ceil({x}); round({x}); round({x}, 1); trunc({x}); CAST({x} AS VARCHAR); CAST({x} AS REAL); sign({x})
{x} IN (0, 1, 2.5); {x} NOT IN (1, 0.5); {x} BETWEEN 0 AND 2; {x} > 0; NOT ({x} > 0); {x} = 0; coalesce({x}, -1); nullif({x}, 0); {x} IS NULL; {x} <> 0.5; {x} < {x} + 1
isnan({x}); isinf({x}); isfinite({x}); CASE WHEN {x} > 1 THEN 'more' ELSE 'less' END; greatest({x}, 1); least({x}, 1); {x} = {x}; {x} >= 2.5; {x} IS DISTINCT FROM 0; {x} * 0"""

EVEN = DOUBLE + """; CAST({x} AS INTEGER); CAST({x} AS BIGINT); CAST({x} AS DECIMAL(18, 3)); {x} % 2; sqrt(abs({x})); {x} / 0; pow({x}, 2); exp(least({x}, 10)) > 1; {x} // 2"""

DATE = """year({x}); month({x}); day({x}); quarter({x}); week({x}); dayofweek({x}); isodow({x}); dayofyear({x}); weekofyear({x}); yearweek({x}); era({x}); century({x})
extract(isoyear FROM {x}); extract(epoch FROM {x}); extract(year FROM {x}); extract(dow FROM {x}); extract(decade FROM {x}); date_part('month', {x})
date_trunc('year', {x}); date_trunc('quarter', {x}); date_trunc('month', {x}); date_trunc('week', {x}); date_trunc('day', {x}); {x} + INTERVAL 1 DAY; {x} IS NULL
{x} - INTERVAL 1 MONTH; {x} + INTERVAL 1 YEAR; CAST({x} AS VARCHAR); strftime({x}, '%Y-%m'); last_day({x}); dayname({x}); monthname({x}); {x} > DATE '2024-01-01'
{x} BETWEEN DATE '2024-02-01' AND DATE '2024-03-31'; {x} IN (DATE '2024-02-29', DATE '2000-01-01'); {x} < TIMESTAMP '2024-03-10 12:00:00'; coalesce({x}, DATE '2000-01-01')
date_diff('day', DATE '2024-01-01', {x}); date_diff('month', {x}, DATE '2024-03-01'); CASE WHEN {x} > DATE '2020-01-01' THEN 'new' ELSE 'old' END; isfinite({x})
{x} = '2024-02-29'; date_sub('month', {x}, DATE '2024-03-01'); greatest({x}, DATE '2001-01-01'); {x} <> DATE '1970-01-01'; date_trunc('decade', {x}); nullif({x}, DATE '1970-01-01')"""

DAY = DATE + """; {x} + 1; {x} - 1; {x} - DATE '2024-01-01'; CAST({x} AS TIMESTAMP)"""

STAMP = DATE + """; hour({x}); minute({x}); second({x}); extract(millisecond FROM {x}); extract(microsecond FROM {x}); date_trunc('hour', {x}); date_trunc('minute', {x})
date_trunc('second', {x}); date_trunc('millisecond', {x}); {x} + INTERVAL 1 HOUR; {x} - INTERVAL 90 SECOND; CAST({x} AS DATE); epoch({x}); epoch_ms({x}); epoch_us({x})
date_diff('hour', TIMESTAMP '2024-01-01', {x}); CAST({x} AS DATE) = DATE '2024-03-10'; {x} >= DATE '2024-03-10' AND {x} < DATE '2024-03-11'; strftime({x}, '%H:%M:%S.%f')"""

TIMESTAMP = STAMP + """; CAST({x} AS TIME); time_bucket(INTERVAL 1 DAY, {x}); CAST({x} AS TIMESTAMP WITH TIME ZONE); {x} AT TIME ZONE 'Europe/Berlin'"""

INSTANT = STAMP + """; {x} AT TIME ZONE 'America/New_York'; CAST({x} AS TIMESTAMP); extract(timezone FROM {x}); extract(timezone_hour FROM {x})
{x} > TIMESTAMPTZ '2024-03-10 02:30:00'; date_trunc('day', {x} AT TIME ZONE 'Asia/Kolkata'); {x} + INTERVAL 24 HOUR; {x} = TIMESTAMP '2024-03-10 02:00:00'"""

TIME = """hour({x}); minute({x}); second({x}); CAST({x} AS VARCHAR); {x} > TIME '12:00:00'; {x} IN (TIME '00:00:00', TIME '12:00:00'); {x} + INTERVAL 1 HOUR; {x} IS NULL
extract(microsecond FROM {x}); coalesce({x}, TIME '01:00:00'); {x} BETWEEN TIME '00:00:00' AND TIME '12:00:00'; epoch({x})"""

BOOL = """NOT {x}; CAST({x} AS INTEGER); CAST({x} AS VARCHAR); coalesce({x}, false); {x} IS NULL; {x} = true; {x} IS NOT TRUE; {x} IS FALSE; {x} AND true; {x} OR NULL
{x} <> false; CASE WHEN {x} THEN 'yes' WHEN NOT {x} THEN 'no' END; {x} < true; {x} IN (true); nullif({x}, true); {x} IS DISTINCT FROM false; CAST({x} AS DOUBLE)"""

UUID = """CAST({x} AS VARCHAR); {x} IS NULL; substring({x}::VARCHAR, 1, 4); {x} > '7fffffff-ffff-ffff-ffff-ffffffffffff'::UUID; nullif({x}, '00000000-0000-0000-0000-000000000000'::UUID)
{x} IN ('00000000-0000-0000-0000-000000000000', '12345678-9abc-def0-1234-56789abcdef0'); coalesce({x}, '00000000-0000-0000-0000-000000000001'::UUID)"""

FAMILIES = {"text": TEXT, "int": INT, "decimal": DECIMAL, "float": DOUBLE, "even": EVEN, "date": DAY, "timestamp": TIMESTAMP, "instant": INSTANT, "time": TIME,
            "bool": BOOL, "uuid": UUID}


def templates(family):
    return [text.strip() for line in FAMILIES[family].splitlines() for text in line.split("; ") if text.strip()]


def statement(made, table, field, template):
    """One of the ways a computed value is used; `made` is a Grammar."""
    value, other, rows = f"({template.format(x=field.text)})", f"({template.format(x=made.constant(field))})", table.full_name
    compared = f"SELECT id, {field.text} FROM {rows} WHERE {value} {made.one(['=', '=', '<>', '<', '<=', '>', '>='])} {other}"
    counted = f"SELECT count({value}), count(DISTINCT {value}), min({value}), max({value}) FROM {rows}"
    return made.one([
        compared, compared, counted,
        f"SELECT {value} AS k, count(*), min(id) FROM {rows} GROUP BY k",
        f"SELECT DISTINCT {value} FROM {rows}{made.where([field], 0.3)}",
        f"SELECT id, {value} FROM {rows} WHERE {value} IS NOT NULL",
        f"SELECT id FROM {rows} ORDER BY {made.order([value])}, id LIMIT {made.one([5, 20])}",
    ])


def by_function(made, tables, count, zones):
    """A sample of all functions over all columns of their family."""
    columns = [(table, column) for table in tables if table.rows for column in table.columns if column.family in FAMILIES]
    chosen = [(table, column, template) for table, column in columns for template in templates(column.family)]
    made.chance.shuffle(chosen)
    found = []
    for table, column, template in chosen[:count]:
        text = statement(made, table, made.field(column), template)
        found.append(Statement(text, made.one(zones), f"function {table.full_name}.{column.name} {template}"))
    return found
