-- Waves, and what people say about promotions that run.

-- The wave that a region belongs to, from 0; minutes that the wave before must have stood, and
-- whether somebody must have looked.
ALTER TABLE rollouts ADD COLUMN wave BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollouts ADD COLUMN wave_soak BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollouts ADD COLUMN wave_look BIGINT NOT NULL DEFAULT 0;
-- How long it was paused while it ran, in microseconds: its deadline is so much later.
ALTER TABLE rollouts ADD COLUMN held BIGINT NOT NULL DEFAULT 0;

ALTER TABLE promotions ADD COLUMN paused_at BIGINT;
ALTER TABLE promotions ADD COLUMN paused_by TEXT;
-- The last wave that somebody let begin.
ALTER TABLE promotions ADD COLUMN let_go BIGINT NOT NULL DEFAULT 0;
ALTER TABLE promotions ADD COLUMN aborted_by TEXT;
ALTER TABLE promotions ADD COLUMN aborted_why TEXT;
-- The promotion whose failure made Slipway go back by itself.
ALTER TABLE promotions ADD COLUMN cause_id TEXT REFERENCES promotions (id);
CREATE INDEX promotions_by_cause ON promotions (cause_id) WHERE cause_id IS NOT NULL;
