-- The newest change that waited for the index when the first scan of the entity ended: the rows of the scan are in the index when
-- this change is. 0 before.
ALTER TABLE catalogue_scan ADD COLUMN last_batch BIGINT NOT NULL DEFAULT 0;
