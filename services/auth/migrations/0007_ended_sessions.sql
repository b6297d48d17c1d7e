-- All logins of an ICAT session end with it.
CREATE INDEX login_session_hash ON login (session_hash);
CREATE INDEX login_idle_ends_at ON login (idle_ends_at);

-- How often the same was to be recorded in the audit log within an hour: only the first times have entries of their own.
CREATE TABLE audit_count (
    -- Its beginning.
    hour BIGINT NOT NULL,
    kind {text} NOT NULL,
    reason {text} NOT NULL,
    -- Empty for all names together that are not those of accounts.
    user_name {text} NOT NULL,
    -- The address, or the network of an IPv6 address; empty if it is not known.
    network {text} NOT NULL,
    entries BIGINT NOT NULL,
    PRIMARY KEY (hour, kind, reason, user_name, network)
);

-- The sessions of tokens are logins since version 5.
DROP TABLE token_session;
