-- What the Skimmer looked at, and when.  columns_hash: names and types as they were; another hash means it is looked at again.
CREATE TABLE skimmer_table (
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    columns_hash TEXT NOT NULL,
    failure TEXT,
    scanned_at_us BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    PRIMARY KEY (source, schema_name, table_name)
);

-- The verdict on each column.  No value is kept: findings are shapes and counts.  known_evidence: what was found when a person
-- last reviewed the column; other evidence later is told anew.
CREATE TABLE skimmer_column (
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    position BIGINT NOT NULL,
    state TEXT NOT NULL,
    mask TEXT,
    sensitivity TEXT NOT NULL,
    tags TEXT NOT NULL,
    info_type TEXT,
    likelihood TEXT,
    confidence DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL,
    known_evidence TEXT,
    findings TEXT NOT NULL,
    found_at_us BIGINT NOT NULL,
    PRIMARY KEY (source, schema_name, table_name, column_name)
);

CREATE TABLE skimmer_setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
