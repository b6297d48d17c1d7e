-- A removed account keeps its row, without a password: sessions that are still open elsewhere get no tokens.
ALTER TABLE account ADD COLUMN locked_at BIGINT;
ALTER TABLE account ADD COLUMN removed_at BIGINT;
