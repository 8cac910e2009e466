-- Canaries: a part of a region that runs another build, with an owner and an end.

CREATE TABLE canaries (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    app TEXT NOT NULL,
    region TEXT NOT NULL,
    -- What was asked for, as JSON.
    terms TEXT NOT NULL,
    -- None before its promotion has started.
    state TEXT,
    owner_id TEXT,
    owner_name TEXT,
    started_at BIGINT,
    ends_at BIGINT,
    -- What the main service was to run at its start, and the promotion that had put it there.
    spec_before TEXT,
    promotion_before TEXT,
    -- Why it returns, and who said so.
    cause TEXT,
    withdrawn_by TEXT,
    reason TEXT,
    returning_at BIGINT,
    returned_at BIGINT
);
CREATE UNIQUE INDEX canaries_there ON canaries (app, region) WHERE state IN ('starting', 'running', 'returning');
CREATE INDEX canaries_by_state ON canaries (state);
