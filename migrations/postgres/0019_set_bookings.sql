-- Promotion sets that start by themselves, and rollbacks that follow a canary's return.

-- That a set starts by itself when every gate of each of its promotions is green.
CREATE TABLE set_bookings (
    set_number BIGINT PRIMARY KEY REFERENCES promotion_sets (number),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    not_before BIGINT,
    -- Why it did not start when it was tried last, as JSON.
    waits TEXT,
    tried_at BIGINT
);

-- That an open rollback starts by itself when a canary has returned.
CREATE TABLE follows (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    canary_id TEXT NOT NULL REFERENCES canaries (promotion_id),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Not after this: then it is given up.
    until BIGINT NOT NULL,
    waits TEXT,
    tried_at BIGINT
);
CREATE INDEX follows_by_canary ON follows (canary_id);
