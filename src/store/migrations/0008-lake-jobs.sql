-- Work on tables of the lake: compaction, expiry, orphans, going back.
CREATE TABLE lake_job (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at_us BIGINT NOT NULL,
    ended_at_us BIGINT,
    counts TEXT NOT NULL,
    error TEXT
);
CREATE INDEX lake_job_started ON lake_job (started_at_us);
