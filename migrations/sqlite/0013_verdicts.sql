-- Test plans and evidence beside verdicts, verdicts that others took the place of, and builds that
-- product sent back.

-- The checklist as it was, with what was found at each item, as JSON.
ALTER TABLE verdicts ADD COLUMN plan TEXT;
-- The later verdict of the same tester on the same digest. It was withdrawn at that moment.
ALTER TABLE verdicts ADD COLUMN superseded_by TEXT REFERENCES verdicts (id);

CREATE INDEX verdicts_standing_passes ON verdicts (at)
    WHERE kind = 'pass' AND withdrawn_at IS NULL AND overruled_at IS NULL;

-- Files beside verdicts. Their bytes are in a folder, each under the hash of its content.
CREATE TABLE evidence (
    id TEXT PRIMARY KEY,
    verdict_id TEXT NOT NULL REFERENCES verdicts (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    hash TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    -- Its place among those that came with it.
    place BIGINT NOT NULL
);
CREATE INDEX evidence_by_verdict ON evidence (verdict_id, added_at, place);

-- Each time that product did not accept a build. The sign-offs of that moment were withdrawn.
CREATE TABLE send_backs (
    id TEXT PRIMARY KEY,
    build_id TEXT NOT NULL REFERENCES builds (id),
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX send_backs_by_build ON send_backs (build_id, at);
