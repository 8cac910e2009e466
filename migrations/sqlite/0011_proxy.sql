-- Looking at what runs in environments through Slipway's own proxy.

-- Tickets under way from the main site to a proxied host: each is taken once, within a minute.
CREATE TABLE proxy_tickets (
    secret_hash TEXT PRIMARY KEY,
    session_hash TEXT NOT NULL REFERENCES sessions (id_hash) ON DELETE CASCADE,
    environment_id TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    -- The first label of the host that it is for.
    name TEXT NOT NULL,
    -- The hash of what the browser was given when it knocked there.
    knock_hash TEXT NOT NULL,
    -- The path and query to go on at.
    back TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX proxy_tickets_by_session ON proxy_tickets (session_hash);
CREATE INDEX proxy_tickets_by_expiry ON proxy_tickets (expires_at);

-- What a cookie of a proxied host stands for. It ends with the session.
CREATE TABLE proxy_passes (
    secret_hash TEXT PRIMARY KEY,
    session_hash TEXT NOT NULL REFERENCES sessions (id_hash) ON DELETE CASCADE,
    environment_id TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX proxy_passes_by_session ON proxy_passes (session_hash, created_at);
