-- What happened to the containers of an environment, as its timeline tells it. The engine's events are
-- written under a key of their own, so that the same one told twice stands here once.
CREATE TABLE happenings (
    environment_id TEXT NOT NULL REFERENCES environments (id),
    key TEXT NOT NULL,
    at BIGINT NOT NULL,
    service TEXT NOT NULL,
    what TEXT NOT NULL,
    exit_code BIGINT,
    PRIMARY KEY (environment_id, key)
);

CREATE INDEX happenings_by_time ON happenings (environment_id, at, key);
