-- Conversations with Skipper.  Rows of answers are not kept: what the person may see may change.
CREATE TABLE skipper_conversation (
    id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL
);
CREATE INDEX skipper_conversation_user ON skipper_conversation (user_name, updated_at_us);

-- query: what the turn after goes on from, by the names of the semantic model (JSON).
CREATE TABLE skipper_turn (
    conversation_id TEXT NOT NULL,
    turn BIGINT NOT NULL,
    question TEXT NOT NULL,
    state TEXT NOT NULL,
    answerer TEXT NOT NULL,
    reading TEXT,
    query TEXT,
    sql_text TEXT,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, turn)
);
