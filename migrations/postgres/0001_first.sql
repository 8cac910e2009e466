-- Times are microseconds since 1970 UTC; truth values are 0 and 1.

-- The one installation that keeps its data here; what it makes on engines carries this name.
CREATE TABLE instance (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
);

CREATE TABLE configurations (
    version BIGINT PRIMARY KEY,
    body TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    applied_by TEXT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id_hash TEXT PRIMARY KEY,
    user_id TEXT,
    data BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE login_failures (
    key TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX login_failures_by_time ON login_failures (last_at);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

CREATE TABLE hooks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    hook_id TEXT NOT NULL REFERENCES hooks (id),
    received_at BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    body BYTEA NOT NULL,
    -- stored, done, ignored, failed
    state TEXT NOT NULL,
    -- What kept its events from changing something, as JSON.
    reasons TEXT NOT NULL DEFAULT '[]',
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL
);
CREATE INDEX deliveries_waiting ON deliveries (next_at) WHERE state = 'stored';
CREATE INDEX deliveries_by_time ON deliveries (received_at, id);
CREATE INDEX deliveries_by_hook ON deliveries (hook_id, received_at);
CREATE INDEX deliveries_ignored ON deliveries (received_at) WHERE state = 'ignored';

-- What makes an event the same one, after the source's own rule. A delivery stands for the
-- events that were new when it came: a retry may group them differently.
CREATE TABLE delivery_events (
    hook_id TEXT NOT NULL REFERENCES hooks (id),
    event TEXT NOT NULL,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    PRIMARY KEY (hook_id, event)
);
CREATE INDEX delivery_events_by_delivery ON delivery_events (delivery_id);

CREATE TABLE builds (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    image TEXT NOT NULL,
    digest TEXT NOT NULL,
    revision TEXT,
    source TEXT,
    size BIGINT,
    built_at BIGINT,
    seen_at BIGINT NOT NULL,
    -- 1 once the labels were read from the registry.
    described BIGINT NOT NULL DEFAULT 0,
    -- When to try (again) to read them; none once they were read or were given up.
    describe_at BIGINT,
    describe_attempts BIGINT NOT NULL DEFAULT 0,
    -- Why the last attempt failed, as JSON.
    describe_problem TEXT,
    UNIQUE (app, digest)
);
CREATE INDEX builds_by_time ON builds (seen_at, id);
CREATE INDEX builds_by_app ON builds (app, seen_at, id);
CREATE INDEX builds_by_digest ON builds (digest, seen_at, id);
CREATE INDEX builds_by_revision ON builds (revision, seen_at, id);
CREATE INDEX builds_to_describe ON builds (describe_at) WHERE describe_at IS NOT NULL;

-- Where each tag points now.
CREATE TABLE tags (
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    channel TEXT,
    -- The order of releases as bytes, for tags that parse as releases.
    release_key TEXT,
    moved_at BIGINT NOT NULL,
    -- When the newest event about it happened: an older one that comes late moves nothing.
    known_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (app, name)
);
CREATE INDEX tags_by_build ON tags (build_id);
CREATE INDEX tags_by_release ON tags (app, release_key) WHERE release_key IS NOT NULL;

-- Every move of every tag; rows are never changed.
CREATE TABLE tag_moves (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    tag TEXT NOT NULL,
    channel TEXT,
    release_key TEXT,
    build_id TEXT NOT NULL REFERENCES builds (id),
    previous_build_id TEXT REFERENCES builds (id),
    moved_at BIGINT NOT NULL,
    -- The build's own, so that a search by tag finds builds in their order.
    build_seen_at BIGINT NOT NULL DEFAULT 0,
    delivery_id TEXT REFERENCES deliveries (id)
);
CREATE INDEX tag_moves_by_build ON tag_moves (build_id, moved_at, id);
CREATE INDEX tag_moves_by_tag ON tag_moves (tag, moved_at, id);
CREATE INDEX tag_moves_by_app_and_tag ON tag_moves (app, tag, moved_at, id);
CREATE INDEX tag_moves_by_channel ON tag_moves (channel, moved_at, id);
CREATE INDEX tag_moves_by_app_and_channel ON tag_moves (app, channel, moved_at, id);
CREATE INDEX tag_moves_searched ON tag_moves (tag, build_seen_at, build_id);

CREATE TABLE environments (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    stack TEXT NOT NULL,
    engine TEXT NOT NULL,
    state TEXT NOT NULL,
    -- The resolved specification that was launched, as JSON.
    spec TEXT NOT NULL,
    links TEXT NOT NULL DEFAULT '[]',
    failure TEXT,
    holder_id TEXT NOT NULL,
    holder_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    lease_ends_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);
CREATE INDEX environments_by_time ON environments (created_at, id);
CREATE INDEX environments_alive ON environments (created_at, id) WHERE ended_at IS NULL;

CREATE TABLE environment_builds (
    environment_id TEXT NOT NULL REFERENCES environments (id),
    app TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    tag TEXT,
    under_test BIGINT NOT NULL,
    PRIMARY KEY (environment_id, app)
);
CREATE INDEX environment_builds_by_build ON environment_builds (build_id);

CREATE TABLE environment_steps (
    environment_id TEXT NOT NULL REFERENCES environments (id),
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    detail TEXT,
    PRIMARY KEY (environment_id, position)
);

CREATE TABLE verdicts (
    id TEXT PRIMARY KEY,
    build_id TEXT NOT NULL REFERENCES builds (id),
    kind TEXT NOT NULL,
    note TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    environment_id TEXT REFERENCES environments (id),
    at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    overruled_at BIGINT,
    overruled_by_id TEXT,
    overruled_by_name TEXT,
    overrule_reason TEXT
);
CREATE INDEX verdicts_by_build ON verdicts (build_id, at);

CREATE TABLE sign_offs (
    id TEXT PRIMARY KEY,
    build_id TEXT NOT NULL REFERENCES builds (id),
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    note TEXT NOT NULL,
    at BIGINT NOT NULL,
    withdrawn_at BIGINT
);
CREATE INDEX sign_offs_by_build ON sign_offs (build_id, at);
CREATE UNIQUE INDEX sign_offs_one_each ON sign_offs (build_id, author_id) WHERE withdrawn_at IS NULL;

-- One row an app, and one a digest that was decided about: updating it first makes decisions
-- about one app or one digest wait for each other, in both databases.
CREATE TABLE decision_locks (
    app TEXT PRIMARY KEY,
    turns BIGINT NOT NULL
);

CREATE TABLE promotions (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    app TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    digest TEXT NOT NULL,
    tag TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested_by_id TEXT NOT NULL,
    requested_by_name TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    started_by_id TEXT,
    started_by_name TEXT,
    started_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX promotions_by_time ON promotions (requested_at, id);
CREATE INDEX promotions_by_build ON promotions (build_id);
CREATE INDEX promotions_going ON promotions (state) WHERE state IN ('open', 'running');

-- An approval holds for one digest and one set of regions.
CREATE TABLE approvals (
    promotion_id TEXT NOT NULL REFERENCES promotions (id),
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    digest TEXT NOT NULL,
    regions TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (promotion_id, user_id)
);

CREATE TABLE rollouts (
    id TEXT PRIMARY KEY,
    promotion_id TEXT NOT NULL REFERENCES promotions (id),
    position BIGINT NOT NULL,
    app TEXT NOT NULL,
    region TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    previous_digest TEXT,
    -- The service specification that is intended, as JSON, fixed at the start.
    spec TEXT,
    -- What the Swarm said before the rollout acted, as JSON: the version of the service that
    -- the change was decided on, and the tasks that had ended by then.
    looked TEXT,
    started_at BIGINT,
    ended_at BIGINT,
    -- The problem, as JSON.
    failure TEXT,
    UNIQUE (promotion_id, region)
);
CREATE UNIQUE INDEX rollouts_one_at_a_time ON rollouts (app, region) WHERE state = 'running';
CREATE INDEX rollouts_history ON rollouts (app, region, ended_at);
CREATE INDEX rollouts_by_start ON rollouts (app, region, started_at);

CREATE TABLE rollout_steps (
    rollout_id TEXT NOT NULL REFERENCES rollouts (id),
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    detail TEXT,
    PRIMARY KEY (rollout_id, position)
);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    app TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_app ON audit (app, at, id);

-- Small numbers that people say aloud: P-218, environment 12.
CREATE TABLE numbers (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);

-- Texts are compared byte by byte, as SQLite does: in pages by key, in searches by the beginning
-- of something and in the order of releases. This stays the last statement of the file.
DO $$
DECLARE
    c RECORD;
BEGIN
    FOR c IN
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text' AND table_name NOT LIKE '\_sqlx%'
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE TEXT COLLATE "C"', c.table_name, c.column_name);
    END LOOP;
END
$$;
