-- Each text that a stack had, whoever brought it in and however.
CREATE TABLE stack_versions (
    stack TEXT NOT NULL,
    -- From 1, without gaps.
    version BIGINT NOT NULL,
    -- None when the stack was removed.
    compose TEXT,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    PRIMARY KEY (stack, version)
);
