-- What the federated demo's servers are filled from: plain files, made from the same world.
COPY ops.public.customers TO 'customers.csv' (HEADER);
COPY ops.public.accounts TO 'accounts.csv' (HEADER);
COPY ops.public.zones TO 'zones.csv' (HEADER);
COPY ops.public.support_tickets TO 'support_tickets.csv' (HEADER);
COPY ops.public.api_tokens TO 'api_tokens.csv' (HEADER);
COPY ops.public.invoices TO 'invoices.csv' (HEADER);
COPY events."default".http_requests TO 'http_requests.parquet' (FORMAT parquet);
COPY events."default".workers_requests TO 'workers_requests.parquet' (FORMAT parquet);
