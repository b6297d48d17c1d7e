-- One row per logbook. Whoever appends a record takes the row first, so that records of a logbook have one order.
CREATE TABLE book (
    id BIGINT PRIMARY KEY,
    -- investigation/4711, instrument/bl07, facility
    name {text} NOT NULL UNIQUE,
    records BIGINT NOT NULL DEFAULT 0,
    -- The hash of the last record; empty before the first.
    head {text} NOT NULL DEFAULT '',
    -- Of an instrument: how many rows its feed has.
    fed BIGINT NOT NULL DEFAULT 0,
    -- The record that closed it; more records behind it open it again.
    closed BIGINT NOT NULL DEFAULT 0
);

-- What happened, never changed and never removed.
CREATE TABLE record (
    book_id BIGINT NOT NULL REFERENCES book (id),
    n BIGINT NOT NULL,
    kind {text} NOT NULL,
    at BIGINT NOT NULL,
    actor {text} NOT NULL,
    body {text} NOT NULL,
    previous {text} NOT NULL,
    hash {text} NOT NULL,
    PRIMARY KEY (book_id, n)
);

-- The records that concern an instrument's entries, in whichever logbook they are, in one order.
CREATE TABLE feed (
    -- The instrument's.
    book_id BIGINT NOT NULL REFERENCES book (id),
    n BIGINT NOT NULL,
    record_book_id BIGINT NOT NULL,
    record_n BIGINT NOT NULL,
    PRIMARY KEY (book_id, n)
);

-- The present state of each entry.
CREATE TABLE entry (
    id {text} PRIMARY KEY,
    -- Rises with creation; the row of its words.
    seq BIGINT NOT NULL UNIQUE,
    book_id BIGINT NOT NULL REFERENCES book (id),
    type {text} NOT NULL,
    category {text} NOT NULL,
    -- creationDate
    at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    removed BIGINT NOT NULL DEFAULT 0,
    -- Written by a program after the investigation was released.
    late BIGINT NOT NULL DEFAULT 0,
    investigation_id BIGINT,
    -- Folded; what a program named, also while no investigation of that name is known.
    proposal {text},
    -- Folded.
    instrument {text},
    -- The event as JSON, without what stands in columns.
    body {text} NOT NULL,
    -- Folded text of everything that a search looks at.
    words {text} NOT NULL
);
-- With what lists and counts ask for, so that they need not read the entries.
CREATE INDEX entry_book ON entry (book_id, at, id, removed, type, category);
CREATE INDEX entry_book_id ON entry (book_id, id, removed, type, category);
CREATE INDEX entry_instrument ON entry (instrument, at, id, removed, type, category, investigation_id);
CREATE INDEX entry_instrument_id ON entry (instrument, id, removed, type, category, investigation_id);
CREATE INDEX entry_at ON entry (at, id, removed, type, investigation_id);
CREATE INDEX entry_unbound ON entry (id) WHERE proposal IS NOT NULL AND investigation_id IS NULL AND late = 0;

-- What a search for words finds, labelled with the number of the logbook.
{fulltext entry_words};

-- Where the versions of an entry stand among the records.
CREATE TABLE version (
    entry_id {text} NOT NULL,
    version BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (entry_id, version)
);

CREATE TABLE entry_tag (
    entry_id {text} NOT NULL REFERENCES entry (id),
    -- Folded.
    name {text} NOT NULL,
    PRIMARY KEY (entry_id, name)
);
CREATE INDEX entry_tag_name ON entry_tag (name, entry_id);

CREATE TABLE tag (
    id {text} PRIMARY KEY,
    -- global, instrument/bl07, investigation/4711
    scope {text} NOT NULL,
    -- Folded.
    folded {text} NOT NULL,
    name {text} NOT NULL,
    description {text},
    color {text},
    -- As it was given.
    beamline {text},
    investigation_id BIGINT,
    UNIQUE (scope, folded)
);

-- What is stored of attachments, each content once. The row is there before the content and goes before it.
CREATE TABLE content (
    sha256 {text} PRIMARY KEY,
    -- Name of the file or object; never that of one that was there before.
    key {text} NOT NULL UNIQUE,
    -- When somebody last was about to refer to it.
    touched_at BIGINT NOT NULL
);
CREATE INDEX content_touched_at ON content (touched_at);

-- Contents without a row that may still be stored.
CREATE TABLE doomed_content (
    key {text} PRIMARY KEY
);

CREATE TABLE attachment (
    id {text} PRIMARY KEY,
    sha256 {text} NOT NULL REFERENCES content (sha256),
    bytes BIGINT NOT NULL,
    media_type {text} NOT NULL,
    filename {text} NOT NULL,
    entry_id {text} NOT NULL REFERENCES entry (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX attachment_entry ON attachment (entry_id);
CREATE INDEX attachment_sha256 ON attachment (sha256);

CREATE TABLE banner (
    type {text} PRIMARY KEY,
    id {text} NOT NULL,
    message {text}
);

CREATE TABLE preference (
    user_name {text} PRIMARY KEY,
    id {text} NOT NULL,
    body {text} NOT NULL
);

-- 1 signs addresses of attachments in contents that are shown without a header, 2 closed logbooks.
CREATE TABLE signing_key (
    id BIGINT PRIMARY KEY,
    secret {blob} NOT NULL
);
