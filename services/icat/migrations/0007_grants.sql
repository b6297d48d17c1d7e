-- The rows that read rules grant, kept ready so that queries join them like an index. A set stands for one condition, such as
-- membership of an investigation, however many rules have it.
CREATE TABLE grant_set (
    id BIGINT PRIMARY KEY,
    -- The entity whose rows are granted.
    entity {text} NOT NULL,
    -- SELECT of the pairs (user_id, row_id); conditions can be appended.
    select_text {text} NOT NULL,
    -- Its values, as JSON.
    select_values {text} NOT NULL,
    -- The tables that it reads, as JSON, so that a change of a row tells which sets change.
    source_tables {text} NOT NULL
);

-- User 0: everybody to whom the rule applies.
CREATE TABLE grant_row (
    set_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    row_id BIGINT NOT NULL,
    PRIMARY KEY (set_id, user_id, row_id)
){clustered};
CREATE INDEX grant_row_of_row ON grant_row (set_id, row_id, user_id);

-- Raised by each transaction that may change granted rows; such transactions run one after the other.
CREATE TABLE permission_epoch (n BIGINT NOT NULL);
INSERT INTO permission_epoch (n) VALUES (1);
