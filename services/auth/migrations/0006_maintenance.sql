-- What portals show about maintenance, as administrators have set it: one row for each kind of notice.
CREATE TABLE maintenance (
    kind {text} PRIMARY KEY,
    shown BIGINT NOT NULL,
    message {text} NOT NULL,
    severity {text} NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by {text} NOT NULL
);
