-- The newest rows, and what has changed since a moment: asked by portals, and every few seconds by whoever follows a
-- catalogue. The id makes the order of rows of one moment part of the index.
CREATE INDEX datafile_mod_time ON datafile (mod_time, id);
CREATE INDEX dataset_mod_time ON dataset (mod_time, id);
CREATE INDEX investigation_mod_time ON investigation (mod_time, id);
-- Rules that open data at their release date.
CREATE INDEX investigation_releasedate ON investigation (releasedate);
