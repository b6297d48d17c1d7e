-- On SQLite the id of an entity becomes the row id, so that a table is one tree instead of two. PostgreSQL needs no change.
{rowid_tables};
