-- Times are microseconds since 1970 UTC. The PostgreSQL file says the same.

-- What happened and is to be told: written in the transaction in which it happened.
CREATE TABLE news (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    app TEXT,
    -- The whole of it, as JSON.
    body TEXT NOT NULL,
    -- When it became messages; none while it waits for that.
    fanned_at BIGINT
);
CREATE INDEX news_waiting ON news (at, id) WHERE fanned_at IS NULL;
CREATE INDEX news_by_time ON news (at);

-- One message to one target. Its id is the same in every try.
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    event TEXT NOT NULL,
    app TEXT,
    -- What it is about, in a few words: a tag, a number, a name.
    subject TEXT NOT NULL,
    -- waiting, delivered, dead
    state TEXT NOT NULL,
    -- Users who are mentioned, as JSON.
    mention TEXT NOT NULL,
    -- How many news are in it.
    pieces BIGINT NOT NULL,
    -- 1 while other news may still join it: until the first try.
    joinable BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is due. A try moves it on by its lease first.
    next_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    -- Grows with every try: only who holds the newest writes how it went.
    fence BIGINT NOT NULL DEFAULT 0,
    -- When it was delivered or given up.
    ended_at BIGINT,
    -- Why the last try failed.
    why TEXT,
    failed_at BIGINT
);
CREATE INDEX messages_due ON messages (target, next_at) WHERE state = 'waiting';
CREATE INDEX messages_by_time ON messages (created_at, id);
CREATE INDEX messages_by_target ON messages (target, created_at, id);
CREATE INDEX messages_by_state ON messages (state, created_at, id);
CREATE INDEX messages_ended ON messages (state, ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE message_news (
    message_id TEXT NOT NULL REFERENCES messages (id),
    news_id TEXT NOT NULL REFERENCES news (id),
    PRIMARY KEY (message_id, news_id)
);
CREATE INDEX message_news_by_news ON message_news (news_id);

-- Every try, for the rate that a target bears; kept for an hour.
CREATE TABLE message_tries (
    message_id TEXT NOT NULL,
    fence BIGINT NOT NULL,
    target TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (message_id, fence)
);
CREATE INDEX message_tries_by_target ON message_tries (target, at);
CREATE INDEX message_tries_by_time ON message_tries (at);

-- How sending to each target went last.
CREATE TABLE target_states (
    target TEXT PRIMARY KEY,
    sent_at BIGINT,
    failed_at BIGINT,
    why TEXT
);

-- What is told once: an environment's end, a hook's silence. The mark says which end, which silence.
CREATE TABLE told_once (
    what TEXT PRIMARY KEY,
    mark BIGINT NOT NULL
);
CREATE INDEX environments_by_lease ON environments (lease_ends_at) WHERE ended_at IS NULL;
