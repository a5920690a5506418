-- Personal and service tokens; the hash is the token's SHA-256.  groups: of a service token, a person's are found when it is used.
CREATE TABLE token (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    user_name TEXT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    groups_json TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    revoked_by TEXT,
    revoked_at_us BIGINT,
    used_at_us BIGINT
);
CREATE INDEX token_user ON token (user_name, created_at_us);

-- What the identity provider last said of a person, for their tokens.
CREATE TABLE person (
    user_name TEXT NOT NULL PRIMARY KEY,
    groups_json TEXT NOT NULL,
    attributes_json TEXT NOT NULL,
    seen_at_us BIGINT NOT NULL
);

-- Browser sessions.  hash: SHA-256 of the cookie, which alone opens `sealed` (what the provider gave: refresh and ID token).
-- A cookie that was rotated away keeps its row, replaced_at_us set, until the family ends.
CREATE TABLE browser_session (
    hash BLOB NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    user_name TEXT NOT NULL,
    groups_json TEXT NOT NULL,
    attributes_json TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    refreshed_at_us BIGINT NOT NULL,
    used_at_us BIGINT NOT NULL,
    replaced_at_us BIGINT
);
CREATE INDEX browser_session_family ON browser_session (family);
CREATE INDEX browser_session_expires ON browser_session (expires_at_us);

-- The last good answer of each source of groups.
CREATE TABLE group_answer (
    source TEXT NOT NULL PRIMARY KEY,
    answered_at_us BIGINT NOT NULL,
    body TEXT NOT NULL
);

-- Users and groups pushed by SCIM; folded = userName or displayName as it is compared.
CREATE TABLE scim_resource (
    id TEXT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    folded TEXT NOT NULL,
    active BIGINT NOT NULL,
    body TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    changed_at_us BIGINT NOT NULL,
    UNIQUE (type, folded)
);
CREATE TABLE scim_member (
    group_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX scim_member_member ON scim_member (member_id);
