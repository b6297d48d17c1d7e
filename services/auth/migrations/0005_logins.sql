-- A login: who it is, how and when it was proved, and until when. The key is SHA-256 of the `sid` of its tokens. The id of
-- its ICAT session is encrypted under a key that only the `sid` gives, so that a stolen database opens no session.
CREATE TABLE login (
    sid_hash {text} PRIMARY KEY,
    user_name {text} NOT NULL,
    -- The mechanism or provider that was asked.
    mechanism {text} NOT NULL,
    client {text} NOT NULL,
    sealed {blob} NOT NULL,
    -- SHA-256 of the ICAT session id.
    session_hash {text} NOT NULL,
    -- As ICAT said when it was asked last.
    session_ends_at BIGINT NOT NULL,
    -- NULL if it is not known when the user proved who they are.
    auth_time BIGINT,
    acr {text},
    -- A JSON list.
    amr {text} NOT NULL,
    started_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    -- No token that was signed for it is valid any more after this.
    tokens_end_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    idle_ends_at BIGINT NOT NULL,
    address {text},
    user_agent {text},
    ended_at BIGINT,
    end_reason {text}
);
CREATE INDEX login_user_name ON login (user_name, started_at, sid_hash);
CREATE INDEX login_ended_at ON login (ended_at);
CREATE INDEX login_ends_at ON login (ends_at);

-- The refresh tokens of a login, which are one family: each is used once and replaced by the next. Used ones are kept, so
-- that a copy of one is recognised. The `sid` is encrypted under a key that only the token gives.
CREATE TABLE refresh_token (
    token_hash {text} PRIMARY KEY,
    sid_hash {text} NOT NULL,
    sealed_sid {blob} NOT NULL,
    issued_at BIGINT NOT NULL,
    consumed_at BIGINT
);
CREATE INDEX refresh_token_sid_hash ON refresh_token (sid_hash);

-- What happened to logins, accounts and keys. Rows are added and, when they are old, removed, but never changed.
CREATE TABLE audit (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind {text} NOT NULL,
    reason {text} NOT NULL,
    -- Who did it, if not the user whom it concerns.
    actor {text},
    user_name {text},
    provider {text},
    client {text},
    address {text},
    user_agent {text},
    sid_hash {text},
    request_id {text}
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user_name ON audit (user_name, at);

-- Sessions of tokens become logins. `token_session` stays for replicas of the version before, which may still run.
INSERT INTO login (sid_hash, user_name, mechanism, client, sealed, session_hash, session_ends_at, amr, started_at,
    last_used_at, tokens_end_at, ends_at, idle_ends_at)
SELECT sid_hash, user_name, 'unknown', 'undulator', sealed, session_hash, expires_at, '[]', expires_at, expires_at,
    expires_at, expires_at, expires_at
FROM token_session WHERE user_name IS NOT NULL AND session_hash IS NOT NULL;
