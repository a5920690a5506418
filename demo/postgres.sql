-- The demo world's operational database.  Run by psql in the folder that holds the exported files.
\set ON_ERROR_STOP on
CREATE TABLE customers (
    customer_id bigint PRIMARY KEY, name text NOT NULL, customer_type text, country text NOT NULL, owner_email text NOT NULL, created_at timestamp NOT NULL);
CREATE TABLE accounts (
    account_id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, name text NOT NULL, email text NOT NULL, phone text NOT NULL,
    plan text NOT NULL, is_internal boolean NOT NULL, created_at timestamp NOT NULL);
CREATE TABLE zones (zone_id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, domain text NOT NULL, created_at timestamp NOT NULL);
CREATE TABLE support_tickets (
    ticket_id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, requester_email text NOT NULL, category text NOT NULL,
    subject text NOT NULL, body text NOT NULL, priority text NOT NULL, created_at timestamp NOT NULL);
CREATE TABLE api_tokens (
    token_id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, token text NOT NULL, last_ip text NOT NULL, created_at timestamp NOT NULL);
CREATE TABLE invoices (
    invoice_id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, period date NOT NULL, currency text NOT NULL, amount numeric(12,2) NOT NULL);
\copy customers FROM 'customers.csv' (FORMAT csv, HEADER)
\copy accounts FROM 'accounts.csv' (FORMAT csv, HEADER)
\copy zones FROM 'zones.csv' (FORMAT csv, HEADER)
\copy support_tickets FROM 'support_tickets.csv' (FORMAT csv, HEADER)
\copy api_tokens FROM 'api_tokens.csv' (FORMAT csv, HEADER)
\copy invoices FROM 'invoices.csv' (FORMAT csv, HEADER)
CREATE INDEX ON accounts (customer_id);
CREATE INDEX ON zones (account_id);
CREATE INDEX ON support_tickets (account_id);
CREATE INDEX ON invoices (account_id, period);
COMMENT ON TABLE customers IS 'One row per customer. customer_type is NULL where sales has no data: count those as paygo.';
COMMENT ON TABLE accounts IS 'One row per account. Every account belongs to exactly one customer. is_internal marks our own.';
COMMENT ON TABLE invoices IS 'One row per account and month: usage times price, to the cent.';
COMMENT ON COLUMN customers.customer_type IS 'contract, paygo, free; NULL = not known, default paygo';
COMMENT ON COLUMN accounts.is_internal IS 'our own accounts: leave them out of business questions';
ANALYZE;
