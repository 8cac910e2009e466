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
