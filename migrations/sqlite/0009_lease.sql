-- What environments take of their engines, what is being done with them, and what is kept of their logs.

-- When its lease began: at the launch, or when its turn in the queue came.
ALTER TABLE environments ADD COLUMN begun_at BIGINT;
-- Mebibytes that its services may use together.
ALTER TABLE environments ADD COLUMN memory_mib BIGINT NOT NULL DEFAULT 0;
-- The engine and labels that it asked for, as JSON.
ALTER TABLE environments ADD COLUMN wants TEXT;
-- What a freeze, a thaw or a restart is about, as JSON.
ALTER TABLE environments ADD COLUMN task TEXT;

CREATE INDEX environments_queued ON environments (created_at, id) WHERE state = 'queued';

-- Ports of engines that environments publish on; only of engines with a range.
CREATE TABLE environment_ports (
    engine TEXT NOT NULL,
    port BIGINT NOT NULL,
    environment_id TEXT NOT NULL REFERENCES environments (id),
    service TEXT NOT NULL,
    container_port BIGINT NOT NULL,
    PRIMARY KEY (engine, port)
);
CREATE UNIQUE INDEX environment_ports_by_service ON environment_ports (environment_id, service, container_port);

-- Logs that are to be kept with a build because a verdict fell.
CREATE TABLE log_jobs (
    verdict_id TEXT PRIMARY KEY REFERENCES verdicts (id),
    build_id TEXT NOT NULL REFERENCES builds (id),
    environment_id TEXT NOT NULL REFERENCES environments (id),
    asked_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE build_logs (
    id TEXT PRIMARY KEY,
    build_id TEXT NOT NULL REFERENCES builds (id),
    verdict_id TEXT NOT NULL REFERENCES verdicts (id),
    environment_id TEXT NOT NULL REFERENCES environments (id),
    service TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    -- As it is read, and as it is kept.
    bytes BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX build_logs_by_verdict ON build_logs (verdict_id, service);
CREATE INDEX build_logs_by_build ON build_logs (build_id, taken_at);
CREATE INDEX build_logs_by_time ON build_logs (taken_at, id);
