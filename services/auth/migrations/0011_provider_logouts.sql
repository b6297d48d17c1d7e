-- Logouts at identity providers, so that a login which is stored a moment later ends as well.
CREATE TABLE provider_logout (
    -- SHA-256 of issuer and `jti`.
    token_hash {text} NOT NULL PRIMARY KEY,
    issuer {text} NOT NULL,
    -- SHA-256 of `sub` and of `sid`; one of them may be missing.
    subject_hash {text},
    session_hash {text},
    -- When it happened, by the provider's clock.
    logged_out_at BIGINT NOT NULL,
    stored_at BIGINT NOT NULL
);
CREATE INDEX provider_logout_time ON provider_logout (issuer, logged_out_at);
CREATE INDEX provider_logout_stored ON provider_logout (stored_at);
-- Accounts that nobody can log in with, by ICAT user name.
CREATE INDEX account_closed ON account ((mechanism || '/' || name)) WHERE locked_at IS NOT NULL OR removed_at IS NOT NULL;
-- The ID token, encrypted with the secret of the login: it tells the provider who logs out.
ALTER TABLE provider_session ADD COLUMN sealed_id_token {blob};
