-- Files of a prepared selection that were left out because they could not be had, where whoever prepared it asked for that.
CREATE TABLE prepared_missing (
    prepared_id {text} NOT NULL REFERENCES prepared (id),
    place BIGINT NOT NULL,
    datafile BIGINT NOT NULL,
    -- Path within the archive that it is not in.
    name {text} NOT NULL,
    -- As the catalogue has it.
    size BIGINT,
    -- Why, for people.
    reason {text} NOT NULL,
    PRIMARY KEY (prepared_id, place)
);
