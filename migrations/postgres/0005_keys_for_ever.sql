-- Times are microseconds since 1970 UTC. The SQLite file says the same.

-- What makes an event the same one is kept for ever, so that a repetition is one for ever. Its
-- delivery is none once that was forgotten.
ALTER TABLE delivery_events ALTER COLUMN delivery_id DROP NOT NULL;

-- What is forgotten after a while is found by its age, and what hangs on it by its name.
DROP INDEX deliveries_ignored;
DROP INDEX deliveries_noted;
CREATE INDEX deliveries_passing ON deliveries (received_at) WHERE state IN ('ignored', 'duplicate', 'refused');
CREATE INDEX tag_moves_by_delivery ON tag_moves (delivery_id);
CREATE INDEX runs_by_delivery ON runs (delivery_id);
