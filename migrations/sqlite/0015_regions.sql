-- Regions: their history, and contingency plans.

CREATE INDEX rollouts_by_region ON rollouts (region, started_at, id);

-- Who has read a plan. Another text than the one that was read voids it.
CREATE TABLE plan_reviews (
    plan TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (plan, user_id)
);

-- Uses of plans, each a promotion of its own, and the promotion that returned from it.
CREATE TABLE plan_runs (
    promotion_id TEXT PRIMARY KEY REFERENCES promotions (id),
    plan TEXT NOT NULL,
    app TEXT NOT NULL,
    region TEXT NOT NULL,
    -- What was to run there before.
    spec_before TEXT NOT NULL,
    return_id TEXT REFERENCES promotions (id)
);
CREATE INDEX plan_runs_by_place ON plan_runs (app, region);
