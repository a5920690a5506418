-- What each user has taken in the window of each length that is the newest for them.
CREATE TABLE lifeguard_use (
    user_name TEXT NOT NULL,
    window_us BIGINT NOT NULL,
    start_us BIGINT NOT NULL,
    rows_scanned BIGINT NOT NULL,
    rows_out BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    time_us BIGINT NOT NULL,
    PRIMARY KEY (user_name, window_us)
);
