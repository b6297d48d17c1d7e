-- Users of identity providers who log in with another account than the one that the provider's name for them gives.
CREATE TABLE account_link (
    issuer {text} NOT NULL,
    -- SHA-256 of `sub`.
    subject_hash {text} NOT NULL,
    -- The ICAT user name that they get.
    user_name {text} NOT NULL,
    -- The name of the provider in the settings when the link was made.
    provider {text} NOT NULL,
    linked_at BIGINT NOT NULL,
    -- The user, or the administrator.
    linked_by {text} NOT NULL,
    PRIMARY KEY (issuer, subject_hash)
);
CREATE INDEX account_link_user_name ON account_link (user_name);
