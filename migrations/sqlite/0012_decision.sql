-- An approval also remembers in which role it was given, and under which policy. What is there
-- already was given by leads, when there were no policies: under the default.
ALTER TABLE approvals ADD COLUMN role TEXT NOT NULL DEFAULT 'lead';
ALTER TABLE approvals ADD COLUMN policy TEXT NOT NULL
    DEFAULT 'approvals=lead:1 sign_off=true soak=0 expire=72 break_glass=false';

-- A promotion that starts by itself when every gate is green: as whoever booked it, and not before a time.
CREATE TABLE bookings (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    not_before BIGINT,
    -- Why it did not start when it was tried last, as JSON.
    waits TEXT,
    tried_at BIGINT
);

-- An exception from freeze windows, for one promotion.
CREATE TABLE exemptions (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- A promotion that was sent back, by whom and why.
CREATE TABLE rejections (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- A promotion that was started without people's decisions, and the review of it, which stays open
-- until another lead closes it.
CREATE TABLE broken_glass (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    reviewed_by_id TEXT,
    reviewed_by_name TEXT,
    review_note TEXT,
    reviewed_at BIGINT
);
