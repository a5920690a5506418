-- Views share the names of tables.
ALTER TABLE lake_table ADD COLUMN kind TEXT NOT NULL DEFAULT 'table';
CREATE INDEX lake_table_location ON lake_table (location);

-- Tables that were dropped and can be had back until their time ends; purge: their files go then.
CREATE TABLE lake_dropped (
    uuid TEXT NOT NULL PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    metadata_location TEXT NOT NULL,
    version BIGINT NOT NULL,
    purge BIGINT NOT NULL,
    dropped_at_us BIGINT NOT NULL,
    ends_at_us BIGINT NOT NULL
);
CREATE INDEX lake_dropped_name ON lake_dropped (namespace, name);
CREATE INDEX lake_dropped_ends ON lake_dropped (ends_at_us);

-- Calls that clients may send again: what was asked (hash) and how it ended.
CREATE TABLE lake_idempotency (
    id TEXT NOT NULL PRIMARY KEY,
    asked TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    made_at_us BIGINT NOT NULL
);
CREATE INDEX lake_idempotency_made ON lake_idempotency (made_at_us);
