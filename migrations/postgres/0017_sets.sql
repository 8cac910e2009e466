-- Promotion sets: promotions of several apps that were requested together and run one after another.

CREATE TABLE promotion_sets (
    -- The series is "promotion_set".
    number BIGINT PRIMARY KEY,
    reason TEXT NOT NULL,
    requested_by_id TEXT NOT NULL,
    requested_by_name TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    started_by_id TEXT,
    started_by_name TEXT,
    started_at BIGINT
);

-- The set that a promotion belongs to, for ever, and its place in it, from 0.
ALTER TABLE promotions ADD COLUMN set_number BIGINT REFERENCES promotion_sets (number);
ALTER TABLE promotions ADD COLUMN set_place BIGINT;
CREATE UNIQUE INDEX promotions_by_set ON promotions (set_number, set_place) WHERE set_number IS NOT NULL;

-- The newest release of each channel that was seen to: what was drafted for it by itself, or why not yet.
CREATE TABLE automatic_drafts (
    app TEXT NOT NULL,
    channel TEXT NOT NULL,
    tag TEXT NOT NULL,
    release_key TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES builds (id),
    at BIGINT NOT NULL,
    -- None for a release that was there before the channel drafted anything.
    promotion_id TEXT REFERENCES promotions (id),
    -- Why it could not be drafted yet, as JSON.
    problem TEXT,
    PRIMARY KEY (app, channel)
);
CREATE INDEX automatic_drafts_by_promotion ON automatic_drafts (promotion_id);
