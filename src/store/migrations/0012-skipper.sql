-- What people and their agents keep for later questions: corrections, and statements under a name.
CREATE TABLE skipper_memory (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL, -- the author
    scope TEXT NOT NULL,     -- user, team, all
    team TEXT,
    body TEXT NOT NULL,
    evidence TEXT,
    check_json TEXT,
    state TEXT NOT NULL,     -- active, proposed, denied
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    decided_by TEXT,
    decided_us BIGINT
);
CREATE INDEX skipper_memory_by_author ON skipper_memory (user_name);

CREATE TABLE skipper_saved_query (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL,
    name TEXT NOT NULL,
    sql TEXT NOT NULL,
    question TEXT,
    description TEXT,
    changed_us BIGINT NOT NULL,
    verified_by TEXT,        -- NULL = nobody has checked it
    verified_us BIGINT,
    UNIQUE (user_name, name)
);
