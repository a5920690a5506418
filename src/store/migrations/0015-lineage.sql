-- What a statement read and made of it, by its bound plan (engine/lineage.h); not known of older ones.
ALTER TABLE query_history ADD COLUMN lineage_json TEXT;

-- Where data comes from: an edge from a column, or from a table as a whole (column ''), to what it reached.  how: "value"; what only
-- steers: "filter", "join", "group", "order", "window", "condition"; of whole tables "table", and "view" for what was read through one.
-- origin: "statement" (the bound plan of a statement that went through the door), "openlineage", "datahub".
-- Tables are named, not numbered: what is told of one outlives it.  An edge that holds no more has an end.
CREATE TABLE lineage_edge (
    to_source TEXT NOT NULL,
    to_schema TEXT NOT NULL,
    to_table TEXT NOT NULL,
    to_column TEXT NOT NULL,
    from_source TEXT NOT NULL,
    from_schema TEXT NOT NULL,
    from_table TEXT NOT NULL,
    from_column TEXT NOT NULL,
    how TEXT NOT NULL,
    kind TEXT,
    expression TEXT,
    origin TEXT NOT NULL,
    statement_id TEXT NOT NULL,
    statement_kind TEXT NOT NULL,
    made_by TEXT NOT NULL,
    first_seen_us BIGINT NOT NULL,
    last_seen_us BIGINT NOT NULL,
    ended_at_us BIGINT NOT NULL,
    PRIMARY KEY (to_source, to_schema, to_table, to_column, from_source, from_schema, from_table, from_column, how, origin, ended_at_us)
);
CREATE INDEX lineage_edge_from ON lineage_edge (from_source, from_schema, from_table, from_column);

-- Up to which event the facts have been read ("read"), and told to others ("sent").
CREATE TABLE lineage_position (
    name TEXT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL
);
