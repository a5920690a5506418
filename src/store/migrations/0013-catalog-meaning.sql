-- What people say of tables, columns, terms of the glossary and domains, a field a row.  kind: "dataset", "column", "term", "domain";
-- the name of a term or domain is in `name`; what a kind does not have is ''.  value: text, or JSON (lists; deprecated).
-- Names, no ids: what was said outlives a table that is dropped and made again.  No crawl writes here.
CREATE TABLE catalog_meaning (
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    edited_at_us BIGINT NOT NULL,
    edited_by TEXT NOT NULL,
    PRIMARY KEY (kind, source, schema_name, name, column_name, field)
);

-- The other way round: where an owner, term or domain is named.  Written with the field it is of.
CREATE TABLE catalog_link (
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    PRIMARY KEY (field, value, kind, source, schema_name, name, column_name)
);

-- Each edit: who, when, what stood there before.  Who follows asks for what is above the last edit_id seen.
CREATE TABLE catalog_edit (
    edit_id BIGINT NOT NULL PRIMARY KEY,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    field TEXT NOT NULL,
    value_before TEXT,
    value_after TEXT
);
CREATE INDEX catalog_edit_of ON catalog_edit (kind, source, schema_name, name, edit_id);

-- Data-model pages; front: what stands above the text, as JSON; text: the file as it is.  Edits of pages are in catalog_edit too
-- (kind "page", name the path).
CREATE TABLE catalog_page (
    path TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    front TEXT NOT NULL,
    text TEXT NOT NULL,
    origin TEXT NOT NULL,
    version BIGINT NOT NULL,
    edited_at_us BIGINT NOT NULL,
    edited_by TEXT NOT NULL,
    gone_at_us BIGINT
);
CREATE TABLE catalog_page_version (
    path TEXT NOT NULL,
    version BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (path, version)
);
