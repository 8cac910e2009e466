-- Secrets of regions: what the services of an app are given there.

CREATE TABLE region_secrets (
    region TEXT NOT NULL,
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Counts up at each set, also after a removal: a Swarm may still hold what an older one named.
    version BIGINT NOT NULL,
    -- None after it was removed.
    sealed BLOB,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (region, app, name)
);
