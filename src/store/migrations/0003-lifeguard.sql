-- The rules.  Each change is a version: who, why, when.  An item stands from the version that made it until the one that ended
-- it (NULL = it stands), so that the rules of any past day can be read.
CREATE TABLE lifeguard_version (
    version BIGINT NOT NULL PRIMARY KEY,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT
);
CREATE INDEX lifeguard_version_subject ON lifeguard_version (subject, version);

CREATE TABLE lifeguard_item (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    from_version BIGINT NOT NULL,
    to_version BIGINT,
    PRIMARY KEY (kind, name, from_version)
);
CREATE INDEX lifeguard_item_standing ON lifeguard_item (to_version, kind);

CREATE TABLE lifeguard_comment (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX lifeguard_comment_subject ON lifeguard_comment (subject, at_us);

CREATE TABLE lifeguard_request (
    id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    decided_at_us BIGINT,
    decided_by TEXT,
    decision_reason TEXT,
    grant_id TEXT
);
CREATE INDEX lifeguard_request_state ON lifeguard_request (state, created_at_us);

-- Each time somebody chose to see personal data.
CREATE TABLE lifeguard_pii (
    id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT,
    began_at_us BIGINT NOT NULL,
    ends_at_us BIGINT NOT NULL
);
CREATE INDEX lifeguard_pii_user ON lifeguard_pii (user_name, ends_at_us);

-- Groups as they were when a user was seen, so that "who could see this" has an answer for a past day.
CREATE TABLE lifeguard_membership (
    user_name TEXT NOT NULL,
    seen_at_us BIGINT NOT NULL,
    groups_json TEXT NOT NULL,
    PRIMARY KEY (user_name, seen_at_us)
);

ALTER TABLE query_history ADD COLUMN pii_reason TEXT;
ALTER TABLE query_history ADD COLUMN policy_version BIGINT;

-- Keys that masks are computed with.
CREATE TABLE lifeguard_key (
    name TEXT NOT NULL PRIMARY KEY,
    digits TEXT NOT NULL
);
