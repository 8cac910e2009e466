-- What stands between two commits of an app's repository. It never changes once it is known;
-- what could not be read, or was not there, is looked for again.
CREATE TABLE commit_ranges (
    app TEXT NOT NULL,
    base TEXT NOT NULL,
    head TEXT NOT NULL,
    -- The repository's address, as a hash: another one makes what was read worth nothing.
    git TEXT NOT NULL,
    -- waiting, done, missing, failed
    state TEXT NOT NULL,
    -- The range, as JSON.
    result TEXT,
    -- Why the last attempt failed, as a word.
    trouble TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- When to try (again); none when it is known or was given up.
    next_at BIGINT,
    PRIMARY KEY (app, base, head)
);
CREATE INDEX commit_ranges_due ON commit_ranges (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX commit_ranges_by_head ON commit_ranges (app, head);

-- What is shown beside a commit at its host: the newest of each kind, until it was posted.
CREATE TABLE commit_statuses (
    app TEXT NOT NULL,
    revision TEXT NOT NULL,
    context TEXT NOT NULL,
    -- pending, success, failure
    status TEXT NOT NULL,
    description TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    at BIGINT NOT NULL,
    -- Counts the statuses of this kind: one that came meanwhile is not taken for the posted one.
    turn BIGINT NOT NULL,
    -- waiting, posted, given_up
    state TEXT NOT NULL,
    -- What the host said last, when it was not a yes.
    answer TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT,
    PRIMARY KEY (app, revision, context)
);
CREATE INDEX commit_statuses_due ON commit_statuses (next_at) WHERE next_at IS NOT NULL;
