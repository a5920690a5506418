-- What exists and existed: a row a table or view.  change_number rises with each change of the row or of its columns, so that who
-- follows asks for what is above the last one seen.  changed_at_us: when its rows last changed, as far as the source tells.
-- The hashes are of what was listed: equal hashes, nothing to write.
CREATE TABLE catalog_dataset (
    dataset_id BIGINT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    comment TEXT,
    column_count BIGINT NOT NULL,
    row_count BIGINT,
    size_bytes BIGINT,
    changed_at_us BIGINT,
    change_marker BIGINT,
    structure_hash BIGINT NOT NULL,
    statistics_hash BIGINT NOT NULL,
    change_number BIGINT NOT NULL,
    described_at_us BIGINT NOT NULL,
    first_seen_us BIGINT NOT NULL,
    last_seen_us BIGINT NOT NULL,
    gone_at_us BIGINT,
    UNIQUE (source, schema_name, name)
);
CREATE INDEX catalog_dataset_change ON catalog_dataset (change_number);

-- Columns, also those that are gone.  No value of the data is kept.
CREATE TABLE catalog_column (
    dataset_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    type TEXT NOT NULL,
    source_type TEXT,
    nullable BIGINT NOT NULL,
    comment TEXT,
    key_position BIGINT NOT NULL,
    null_fraction DOUBLE PRECISION,
    distinct_count BIGINT,
    average_bytes BIGINT,
    first_seen_us BIGINT NOT NULL,
    last_seen_us BIGINT NOT NULL,
    gone_at_us BIGINT,
    PRIMARY KEY (dataset_id, name)
);

-- The last crawl of each source; ended_at_us NULL: it was not brought to its end, and goes on where it was.
CREATE TABLE catalog_crawl (
    source TEXT NOT NULL PRIMARY KEY,
    began_at_us BIGINT NOT NULL,
    ended_at_us BIGINT,
    datasets BIGINT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    gone BIGINT NOT NULL
);
