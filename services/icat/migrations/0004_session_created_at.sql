-- When a session began, in microseconds UTC: a password change ends those that began before it. 0: before this version.
ALTER TABLE session ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
