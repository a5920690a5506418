-- The demo world: the event store.  {dir} is the folder that holds the exported files.
CREATE OR REPLACE TABLE default.http_requests (
    ts DateTime64(6), zone_id Int64, account_id Int64, asn Int32, country LowCardinality(String), client_ip String, method LowCardinality(String),
    path LowCardinality(String), status Int16, bytes Int64, bot_score Float64)
ENGINE = MergeTree ORDER BY (ts, zone_id) COMMENT 'One row per request that was served (sampled).';
CREATE OR REPLACE TABLE default.workers_requests (
    ts DateTime64(6), account_id Int64, script LowCardinality(String), cpu_ms Float64, requests Int64)
ENGINE = MergeTree ORDER BY (ts, account_id) COMMENT 'Requests to Workers scripts, per account and script.';
INSERT INTO default.http_requests SELECT * FROM file('{dir}/http_requests.parquet', Parquet);
INSERT INTO default.workers_requests SELECT * FROM file('{dir}/workers_requests.parquet', Parquet);
