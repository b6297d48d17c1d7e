-- Sessions at rest are SHA-256 of the id, so that a stolen database opens no session.
CREATE TABLE session (
    id_hash {text} PRIMARY KEY,
    user_name {text} NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_user_name ON session (user_name);
CREATE INDEX session_expires_at ON session (expires_at);

-- Counts changes of rules and public steps, so that every replica knows when its parsed rules are stale.
CREATE TABLE rule_version (n BIGINT NOT NULL);
INSERT INTO rule_version (n) VALUES (1);
