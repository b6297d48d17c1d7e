-- Counts revocations, so that a login that is under way can tell which of them came meanwhile.
CREATE TABLE revocation_count (n BIGINT NOT NULL);
INSERT INTO revocation_count (n) VALUES (0);

-- The last revocation of each user who has logged in: its number, 0 if there was none, and until when what it ended had begun
-- (microseconds UTC). Whoever stores a session changes its user's row, so that no revocation passes it by.
CREATE TABLE revocation (
    user_name {text} PRIMARY KEY,
    n BIGINT NOT NULL,
    begun_until BIGINT NOT NULL
);
