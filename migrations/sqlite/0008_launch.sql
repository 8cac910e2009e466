-- Release sets, what was asked for at a launch, checks, and what is launched by itself.

-- How often builds were put in place: an environment's release sets are counted from 1.
ALTER TABLE environments ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
-- What was asked for, as JSON; none for what was launched before this was kept.
ALTER TABLE environments ADD COLUMN asked TEXT;
-- under-test, newest, channel:<name>, exact
ALTER TABLE environment_builds ADD COLUMN chosen TEXT NOT NULL DEFAULT 'newest';
UPDATE environment_builds SET chosen = 'under-test' WHERE under_test = 1;
-- Which release set ran when the verdict fell.
ALTER TABLE verdicts ADD COLUMN generation BIGINT;

-- Every release set of an environment, with who put it in place.
CREATE TABLE environment_sets (
    environment_id TEXT NOT NULL REFERENCES environments (id),
    generation BIGINT NOT NULL,
    at BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    PRIMARY KEY (environment_id, generation)
);
INSERT INTO environment_sets (environment_id, generation, at, by_name) SELECT id, 1, created_at, holder_name FROM environments;

CREATE TABLE environment_set_builds (
    environment_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    app TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    tag TEXT,
    under_test BIGINT NOT NULL,
    chosen TEXT NOT NULL,
    PRIMARY KEY (environment_id, generation, app),
    FOREIGN KEY (environment_id, generation) REFERENCES environment_sets (environment_id, generation)
);
INSERT INTO environment_set_builds (environment_id, generation, app, build_id, tag, under_test, chosen)
    SELECT environment_id, 1, app, build_id, tag, under_test, chosen FROM environment_builds;
CREATE INDEX environment_set_builds_by_build ON environment_set_builds (build_id);

-- A one-shot service that judges a release set by its exit code and its report: evidence, no verdict.
CREATE TABLE checks (
    id TEXT PRIMARY KEY,
    environment_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    app TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    service TEXT NOT NULL,
    -- waiting, running, passed, failed, broken
    state TEXT NOT NULL,
    -- Whether the environment is stopped afterwards.
    stop_after BIGINT NOT NULL DEFAULT 0,
    exit_code BIGINT,
    -- Counts and failing cases, as JSON; none without a report.
    report TEXT,
    -- Why it says nothing, as a problem in JSON.
    problem TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    UNIQUE (environment_id, generation),
    FOREIGN KEY (environment_id, generation) REFERENCES environment_sets (environment_id, generation)
);
CREATE INDEX checks_by_build ON checks (build_id, created_at);
CREATE INDEX checks_open ON checks (created_at) WHERE ended_at IS NULL;

-- What was last launched by itself for a channel: the newest build is compared with it.
CREATE TABLE automatic_launches (
    app TEXT NOT NULL,
    channel TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    environment_id TEXT REFERENCES environments (id),
    at BIGINT NOT NULL,
    -- Why it could not be done, as a problem in JSON.
    problem TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- When to try again; none when it is done or was given up.
    next_at BIGINT,
    PRIMARY KEY (app, channel)
);
