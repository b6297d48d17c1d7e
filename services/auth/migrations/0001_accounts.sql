CREATE TABLE account (
    mechanism {text} NOT NULL,
    name {text} NOT NULL,
    password_hash {text} NOT NULL,
    changed_at BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (mechanism, name)
);
