-- By which a provider that ends a sign-in (back-channel logout) finds its sessions here: SHA-256 of its subject and of its session.
ALTER TABLE browser_session ADD COLUMN subject_hash BLOB;
ALTER TABLE browser_session ADD COLUMN provider_session_hash BLOB;
CREATE INDEX browser_session_subject ON browser_session (subject_hash);
CREATE INDEX browser_session_provider ON browser_session (provider_session_hash);
