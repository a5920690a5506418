-- What statements used, counted by week; kinds and items: catalog/usage_int.h.
CREATE TABLE catalog_usage (
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    item TEXT NOT NULL,
    week BIGINT NOT NULL,
    statements BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    PRIMARY KEY (kind, source, schema_name, name, item, week)
);
CREATE INDEX catalog_usage_week ON catalog_usage (week, kind);

-- Different statements over a table, the latest of each form; their texts are in query_history.
CREATE TABLE catalog_usage_example (
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    shape BIGINT NOT NULL,
    statement_id TEXT NOT NULL,
    statements BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    PRIMARY KEY (source, schema_name, name, shape)
);

-- One row: the event that was taken in last, and the week in which old counts were last dropped.
CREATE TABLE catalog_usage_seen (
    event_id BIGINT NOT NULL,
    swept_week BIGINT NOT NULL
);
INSERT INTO catalog_usage_seen (event_id, swept_week) VALUES (0, 0);
