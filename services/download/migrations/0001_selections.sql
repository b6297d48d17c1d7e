-- Times are microseconds UTC, times of files nanoseconds. Devices, inodes and sizes are the bits of unsigned numbers.

-- A list of files as they were at one moment; what is downloaded never changes under a client's hands.
CREATE TABLE manifest (
    id BIGINT PRIMARY KEY,
    -- SHA-256 of everything about the members but their checksums; with the id behind it once the list is stale.
    hash {text} NOT NULL UNIQUE,
    -- 'stored' (checksums in front) or 'blocks' (checksums behind), as they could be known at the first moment.
    zip_form {text} NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    -- When a file was found to be another one, and which datafile it was.
    stale_at BIGINT,
    stale_datafile BIGINT
);
CREATE INDEX manifest_used_at ON manifest (used_at);

CREATE TABLE manifest_member (
    manifest_id BIGINT NOT NULL REFERENCES manifest (id),
    place BIGINT NOT NULL,
    datafile BIGINT NOT NULL,
    name {text} NOT NULL,
    location {text} NOT NULL,
    size BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    changed_ns BIGINT NOT NULL,
    device BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    -- Set once.
    crc32 BIGINT,
    PRIMARY KEY (manifest_id, place)
);

-- What `prepareData` gave out. The id is a bearer capability.
CREATE TABLE prepared (
    id {text} PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    owner {text} NOT NULL,
    manifest_id BIGINT NOT NULL REFERENCES manifest (id),
    zip BIGINT NOT NULL,
    compress BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX prepared_manifest_id ON prepared (manifest_id);
CREATE INDEX prepared_expires_at ON prepared (expires_at);

-- Checksums of files that were read, for as long as they are the same files.
CREATE TABLE known_crc (
    storage {text} NOT NULL,
    location {text} NOT NULL,
    size BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    changed_ns BIGINT NOT NULL,
    device BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    PRIMARY KEY (storage, location)
);

-- Manifests whose files are to be read for their checksums.
CREATE TABLE hashing (
    manifest_id BIGINT PRIMARY KEY,
    asked_at BIGINT NOT NULL
);
CREATE INDEX hashing_asked_at ON hashing (asked_at);

-- The key of signed addresses; one for all replicas.
CREATE TABLE signing_key (
    id BIGINT PRIMARY KEY,
    secret {blob} NOT NULL,
    created_at BIGINT NOT NULL
);

-- Files that may have no datafile: those of an upload that has not ended, and those whose datafile was deleted. After
-- `due_at` somebody looks, and removes what no datafile has for its location.
CREATE TABLE unclaimed (
    location {text} PRIMARY KEY,
    -- 1 for the name under which an upload is written, which no datafile ever has.
    temporary BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX unclaimed_due_at ON unclaimed (due_at);
