-- API keys of programs. A key is 256 random bits, of which only the SHA-256 is stored.
CREATE TABLE api_key (
    id {text} PRIMARY KEY,
    key_hash {text} NOT NULL,
    name {text} NOT NULL,
    -- The ICAT user that it acts for.
    user_name {text} NOT NULL,
    -- JSON lists. No instruments: every instrument.
    scopes {text} NOT NULL,
    instruments {text} NOT NULL,
    created_at BIGINT NOT NULL,
    created_by {text} NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Not more exact than an hour; NULL if it was never used.
    last_used_at BIGINT,
    revoked_at BIGINT,
    revoked_by {text}
);
CREATE UNIQUE INDEX api_key_key_hash ON api_key (key_hash);
-- The name of a key that was revoked can be given again.
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;
CREATE INDEX api_key_created_at ON api_key (created_at, id);
CREATE INDEX api_key_user_name ON api_key (user_name, created_at, id);
