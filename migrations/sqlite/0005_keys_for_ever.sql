-- Times are microseconds since 1970 UTC. The PostgreSQL file says the same.

-- What makes an event the same one is kept for ever, so that a repetition is one for ever. Its
-- delivery is none once that was forgotten.
CREATE TABLE delivery_keys (
    hook_id TEXT NOT NULL REFERENCES hooks (id),
    event TEXT NOT NULL,
    delivery_id TEXT REFERENCES deliveries (id),
    PRIMARY KEY (hook_id, event)
);
INSERT INTO delivery_keys SELECT hook_id, event, delivery_id FROM delivery_events;
DROP TABLE delivery_events;
ALTER TABLE delivery_keys RENAME TO delivery_events;
CREATE INDEX delivery_events_by_delivery ON delivery_events (delivery_id);

-- What is forgotten after a while is found by its age, and what hangs on it by its name.
DROP INDEX deliveries_ignored;
DROP INDEX deliveries_noted;
CREATE INDEX deliveries_passing ON deliveries (received_at) WHERE state IN ('ignored', 'duplicate', 'refused');
CREATE INDEX tag_moves_by_delivery ON tag_moves (delivery_id);
CREATE INDEX runs_by_delivery ON runs (delivery_id);
