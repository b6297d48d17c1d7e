-- Logins that browsers were sent to identity providers for. The row is found by the SHA-256 of `state`, and belongs to the
-- browser with this secret, under which the nonce and the PKCE verifier are encrypted.
CREATE TABLE provider_login (
    state_hash {text} PRIMARY KEY,
    browser_hash {text} NOT NULL,
    provider {text} NOT NULL,
    return_to {text} NOT NULL,
    -- What the browser gets: `page` or `portal`.
    session_kind {text} NOT NULL,
    sealed {blob} NOT NULL,
    -- A JSON list of the levels that the request demanded.
    acr_values {text} NOT NULL,
    -- In seconds; NULL if the request demanded none.
    max_age BIGINT,
    started_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX provider_login_started_at ON provider_login (started_at);

-- Tokens that are accepted once, by their SHA-256: assertions for ICAT, ID tokens that a client brought, logout tokens.
CREATE TABLE used_token (
    token_hash {text} PRIMARY KEY,
    -- The token is not accepted after this anyway.
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_token_expires_at ON used_token (expires_at);

-- The login at an identity provider behind a login, so that the provider can end it.
CREATE TABLE provider_session (
    sid_hash {text} PRIMARY KEY,
    issuer {text} NOT NULL,
    -- SHA-256 of `sub`.
    subject_hash {text} NOT NULL,
    -- SHA-256 of the provider's `sid`; NULL if it names none.
    session_hash {text},
    started_at BIGINT NOT NULL
);
CREATE INDEX provider_session_subject ON provider_session (issuer, subject_hash);
CREATE INDEX provider_session_session ON provider_session (issuer, session_hash);

-- Whom an ICAT user name belongs to: the provider's user who came with it first, by the issuer and the SHA-256 of `sub`. Another
-- one whom the provider calls so later is somebody else.
CREATE TABLE provider_user (
    user_name {text} PRIMARY KEY,
    issuer {text} NOT NULL,
    subject_hash {text} NOT NULL,
    bound_at BIGINT NOT NULL
);
