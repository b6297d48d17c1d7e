-- The ICAT session behind an access token. The key is SHA-256 of the token's `sid`; the session id is encrypted under a
-- key that only the `sid` gives, so that a stolen database opens no session.
CREATE TABLE token_session (
    sid_hash {text} PRIMARY KEY,
    sealed {blob} NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX token_session_expires_at ON token_session (expires_at);
