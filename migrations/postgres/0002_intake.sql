-- Times are microseconds since 1970 UTC. The SQLite file says the same.

-- Credentials at rest, sealed with a key that is not in the database.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL
);

-- The registry that a hook's sender means, for senders that do not say it.
ALTER TABLE hooks ADD COLUMN registry TEXT;
-- Its key, so that whoever may manage hooks can have its address shown once more.
ALTER TABLE hooks ADD COLUMN sealed_key BYTEA;

-- A hook has one secret, and two while it is rotated.
CREATE TABLE hook_secrets (
    id TEXT PRIMARY KEY,
    hook_id TEXT NOT NULL REFERENCES hooks (id),
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- From then on it is no longer taken; none for the newest.
    expires_at BIGINT
);
CREATE INDEX hook_secrets_by_hook ON hook_secrets (hook_id, created_at);

-- Those headers that say what an event is, as JSON; never a signature or a token.
ALTER TABLE deliveries ADD COLUMN headers TEXT NOT NULL DEFAULT '{}';
-- Of a duplicate, the delivery that it repeats.
ALTER TABLE deliveries ADD COLUMN repeats TEXT;
-- How long the body was; of a refused one, only the beginning is kept.
ALTER TABLE deliveries ADD COLUMN length BIGINT NOT NULL DEFAULT 0;
-- What it changed, as JSON: the builds and runs.
ALTER TABLE deliveries ADD COLUMN produced TEXT NOT NULL DEFAULT '[]';
CREATE INDEX deliveries_noted ON deliveries (received_at) WHERE state IN ('duplicate', 'refused');

-- CI runs, for each app whose repository they are of.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    source TEXT NOT NULL,
    -- The sender's own identity of the run.
    run TEXT NOT NULL,
    -- running, canceled, failed, success
    status TEXT NOT NULL,
    revision TEXT,
    branch TEXT,
    tag TEXT,
    channel TEXT,
    name TEXT,
    url TEXT,
    author TEXT,
    message TEXT,
    started_at BIGINT,
    ended_at BIGINT,
    -- When Slipway first heard of it; its place in lists.
    seen_at BIGINT NOT NULL,
    -- When its newest event happened.
    known_at BIGINT NOT NULL,
    -- The image that it made.
    build_id TEXT REFERENCES builds (id),
    delivery_id TEXT REFERENCES deliveries (id),
    UNIQUE (app, source, run)
);
CREATE INDEX runs_by_time ON runs (seen_at, id);
CREATE INDEX runs_by_app ON runs (app, seen_at, id);
CREATE INDEX runs_by_build ON runs (build_id);
CREATE INDEX runs_loose ON runs (app, known_at) WHERE build_id IS NULL;

-- Reading an app's tags from its registry.
CREATE TABLE sweeps (
    app TEXT PRIMARY KEY,
    -- waiting, running, done, failed
    state TEXT NOT NULL,
    -- Whether all tags are read anew, old releases too, as for a new app.
    whole BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    tags_total BIGINT NOT NULL DEFAULT 0,
    tags_done BIGINT NOT NULL DEFAULT 0,
    builds_found BIGINT NOT NULL DEFAULT 0,
    -- Why the last one did not get through, as JSON.
    problem TEXT
);
