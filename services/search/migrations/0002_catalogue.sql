-- Rows that events of the catalogue named and that are to be read again.
CREATE TABLE changed_row (
    entity {text} NOT NULL,
    row_id BIGINT NOT NULL,
    -- Raised by each event, so that a row that changes while it is read is read once more.
    version BIGINT NOT NULL,
    PRIMARY KEY (entity, row_id)
);

-- Scans of the catalogue: all rows of an entity are read in the order of their ids.
CREATE TABLE catalogue_scan (
    entity {text} PRIMARY KEY,
    -- 'wanted', 'running' or 'done'
    state {text} NOT NULL,
    -- The generation of the rows in the index, see `entity_generation`; 0 before the scan runs.
    generation BIGINT NOT NULL,
    -- All rows up to this id are stored.
    after_id BIGINT NOT NULL,
    rows_read BIGINT NOT NULL,
    -- What the catalogue had at the start.
    rows_expected BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    -- When the last scan ended that filled the index; 0 if none did.
    finished_at BIGINT NOT NULL
);

-- A row that is read again is no longer rejected, or rejected anew.
CREATE INDEX rejected_document_row ON rejected_document (entity, entity_id);
