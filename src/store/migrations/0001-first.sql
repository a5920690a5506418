-- Sources that were added by command; those of the configuration are not kept here.  Options hold secret references, never secrets.
CREATE TABLE source (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    comment TEXT,
    writable BIGINT NOT NULL DEFAULT 0,
    options TEXT NOT NULL,
    origin TEXT,
    created_at_us BIGINT
);

-- The last listing of each source (schemas, tables, columns) as JSON, so that a start need not wait for the sources.
CREATE TABLE source_listing (
    name TEXT NOT NULL PRIMARY KEY,
    listed_at_us BIGINT NOT NULL,
    listing TEXT NOT NULL
);

-- Namespaces of the lake: levels joined by 0x1F; folded = the name as it is compared without case.
CREATE TABLE lake_namespace (
    name TEXT NOT NULL PRIMARY KEY,
    parent TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    properties TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX lake_namespace_parent ON lake_namespace (parent, name);

-- The pointer of each lake table; version counts its moves and decides who commits first.
CREATE TABLE lake_table (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    uuid TEXT NOT NULL,
    location TEXT NOT NULL,
    metadata_location TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (namespace, name),
    UNIQUE (namespace, folded)
);

CREATE TABLE view (
    catalog TEXT NOT NULL,
    schema TEXT NOT NULL,
    name TEXT NOT NULL,
    sql TEXT NOT NULL,
    session_catalog TEXT,
    session_schema TEXT,
    columns_json TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (catalog, schema, name)
);

-- One row a statement.
CREATE TABLE query_history (
    id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_position BIGINT,
    tables_json TEXT,
    columns_json TEXT,
    source TEXT,
    client_info TEXT,
    update_type TEXT,
    "rows" BIGINT,
    bytes BIGINT,
    created_at_us BIGINT NOT NULL,
    queued_us BIGINT,
    plan_us BIGINT,
    run_us BIGINT,
    cpu_us BIGINT,
    peak_memory_bytes BIGINT,
    scans_json TEXT
);
CREATE INDEX query_history_created ON query_history (created_at_us);
CREATE INDEX query_history_user ON query_history (user_name, created_at_us);

-- Facts, appended only.  The writer counts the ids.
CREATE TABLE event (
    id BIGINT NOT NULL PRIMARY KEY,
    at_us BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX event_kind ON event (kind, id);
CREATE INDEX event_subject ON event (subject, id);
