-- Times are microseconds UTC.

CREATE TABLE thing (
    id BIGINT PRIMARY KEY,
    name {text} NOT NULL UNIQUE,
    rev BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    -- When the thing's own event came back, and which revision it spoke of.
    seen_at BIGINT,
    seen_rev BIGINT NOT NULL DEFAULT 0
);

-- What events had as effects here. No key over the event: one that had its effect twice is to be seen twice.
CREATE TABLE effect (
    id BIGINT PRIMARY KEY,
    event_id {text} NOT NULL,
    entity {text} NOT NULL,
    entity_id BIGINT NOT NULL,
    verb {text} NOT NULL,
    stored_at BIGINT NOT NULL
);
CREATE INDEX effect_event_id ON effect (event_id);

-- When a consumer read the whole state because events may have passed it by.
CREATE TABLE reconcile (
    id BIGINT PRIMARY KEY,
    consumer {text} NOT NULL,
    at BIGINT NOT NULL
);
