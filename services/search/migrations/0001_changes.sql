-- Changes that were accepted and are not in the index yet, in the order of their ids.
CREATE TABLE change_batch (
    id BIGINT PRIMARY KEY,
    -- 'modify': a list of operations; 'add': documents of an entity; 'clear': all rows of an entity are deleted;
    -- 'begin-generation': rows that follow belong to the generation `id`; 'end-generation': older rows are deleted.
    kind {text} NOT NULL,
    -- Empty for 'modify'.
    entity {text} NOT NULL,
    -- The body of the request; for 'end-generation' the number of the generation.
    body {text} NOT NULL,
    received_at BIGINT NOT NULL
);

-- Entities that an icat.server populates.
CREATE TABLE entity_lock (
    entity {text} PRIMARY KEY,
    -- The generation of the rows that are sent; 0 if existing rows are kept.
    generation BIGINT NOT NULL,
    -- The process that locked the entity. A lock of an earlier process can be taken over.
    process {text} NOT NULL,
    locked_at BIGINT NOT NULL
);

-- Operations that were received while an entity was populated. They are applied again at the end, because the documents of the
-- population may have been read before them.
CREATE TABLE held_batch (
    id BIGINT PRIMARY KEY,
    body {text} NOT NULL
);

-- The index to which the changes of this database belong. One row.
CREATE TABLE index_identity (
    row_number BIGINT PRIMARY KEY,
    identity {text} NOT NULL
);

-- The generation of new rows of an entity in the index.
CREATE TABLE entity_generation (
    entity {text} PRIMARY KEY,
    generation BIGINT NOT NULL
);

-- Documents that cannot be indexed. The batch that contained them was accepted, because icat.server sends a refused batch again
-- and again, and nothing after it.
CREATE TABLE rejected_document (
    id BIGINT PRIMARY KEY,
    entity {text} NOT NULL,
    -- 0 if the document has none.
    entity_id BIGINT NOT NULL,
    reason {text} NOT NULL,
    document {text} NOT NULL,
    rejected_at BIGINT NOT NULL
);
