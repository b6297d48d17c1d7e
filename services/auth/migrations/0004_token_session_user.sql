-- Whose session it is and the SHA-256 of its id, so that all sessions of an account can be ended and others told of it.
-- Sessions from before this version have neither; they are refused by their token's user name.
ALTER TABLE token_session ADD COLUMN user_name {text};
ALTER TABLE token_session ADD COLUMN session_hash {text};
CREATE INDEX token_session_user_name ON token_session (user_name);
