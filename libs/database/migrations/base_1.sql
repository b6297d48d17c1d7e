-- What every service has besides its own tables. Times are microseconds UTC.

-- Who may do what only one replica may do; `fence` rises with every change of hands.
CREATE TABLE lease (
    name {text} PRIMARY KEY,
    fence BIGINT NOT NULL,
    holder {text} NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Events of committed changes that the bus has not acknowledged yet; their ids sort by time.
CREATE TABLE outbox (
    event_id {text} PRIMARY KEY,
    subject {text} NOT NULL,
    headers {text} NOT NULL,
    payload {blob} NOT NULL,
    created_at BIGINT NOT NULL
);

-- Events whose effect is stored here; kept longer than any bus keeps an event.
CREATE TABLE inbox (
    consumer {text} NOT NULL,
    event_id {text} NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_received_at ON inbox (received_at);

-- Up to which stream a consumer knows the whole state.
CREATE TABLE consumer (
    name {text} PRIMARY KEY,
    stream {text} NOT NULL,
    reconciled_at BIGINT NOT NULL
);

-- How far a job has come that reads on where it stopped.
CREATE TABLE bookmark (
    name {text} PRIMARY KEY,
    value {text} NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Events whose effect failed: tried again at `next_attempt_at`, or parked (NULL) until an operator retries them.
CREATE TABLE dead_letter (
    consumer {text} NOT NULL,
    event_id {text} NOT NULL,
    subject {text} NOT NULL,
    headers {text} NOT NULL,
    payload {blob} NOT NULL,
    reason {text} NOT NULL,
    attempts BIGINT NOT NULL,
    first_failed_at BIGINT NOT NULL,
    next_attempt_at BIGINT,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX dead_letter_next_attempt_at ON dead_letter (next_attempt_at);

-- Answers to requests with an Idempotency-Key, stored with their effect.
CREATE TABLE idempotency (
    caller {text} NOT NULL,
    idempotency_key {text} NOT NULL,
    fingerprint {text} NOT NULL,
    status BIGINT NOT NULL,
    body {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);
