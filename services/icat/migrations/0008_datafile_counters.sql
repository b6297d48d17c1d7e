-- How many datafiles there are below a row and how large they are, so that counting does not read them. Each change of datafiles
-- adds a row with the difference; a worker adds up the rows of an owner. So writers never wait for each other.
CREATE TABLE datafile_counter (
    -- 0: the whole catalogue (owner 0), 1: an investigation, 2: a dataset.
    level BIGINT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    files BIGINT NOT NULL,
    -- Files with a size.
    sized_files BIGINT NOT NULL,
    -- The sum of the sizes in two parts, which do not overflow: size / 2^32 rounded down, and the remainder.
    size_high BIGINT NOT NULL,
    size_low BIGINT NOT NULL,
    PRIMARY KEY (level, owner_id, id)
){clustered};

INSERT INTO datafile_counter (level, owner_id, id, files, sized_files, size_high, size_low)
SELECT 2, dataset_id, 0, COUNT(*), COUNT(filesize), CAST(COALESCE(SUM(filesize >> 32), 0) AS BIGINT),
    CAST(COALESCE(SUM(filesize & 4294967295), 0) AS BIGINT)
FROM datafile GROUP BY dataset_id;

INSERT INTO datafile_counter (level, owner_id, id, files, sized_files, size_high, size_low)
SELECT 1, d.investigation_id, 0, CAST(SUM(c.files) AS BIGINT), CAST(SUM(c.sized_files) AS BIGINT),
    CAST(SUM(c.size_high) AS BIGINT), CAST(SUM(c.size_low) AS BIGINT)
FROM datafile_counter c JOIN dataset d ON d.id = c.owner_id WHERE c.level = 2 GROUP BY d.investigation_id;

INSERT INTO datafile_counter (level, owner_id, id, files, sized_files, size_high, size_low)
SELECT 0, 0, 0, CAST(COALESCE(SUM(files), 0) AS BIGINT), CAST(COALESCE(SUM(sized_files), 0) AS BIGINT),
    CAST(COALESCE(SUM(size_high), 0) AS BIGINT), CAST(COALESCE(SUM(size_low), 0) AS BIGINT)
FROM datafile_counter WHERE level = 1;

-- Rows that are not added up yet.
CREATE INDEX datafile_counter_differences ON datafile_counter (id) WHERE id > 0;
