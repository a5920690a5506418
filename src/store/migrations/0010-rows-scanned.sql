-- Rows that a statement read of sources and tables; not known of older ones.
ALTER TABLE query_history ADD COLUMN rows_scanned BIGINT;
