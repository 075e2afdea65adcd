-- The log in one SQLite file. UUIDs are their 16 bytes, times integers of microseconds since 1970-01-01T00:00Z.

CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    event_id BLOB NOT NULL UNIQUE,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    subject BLOB,
    program BLOB NOT NULL,
    actor TEXT NOT NULL,
    command_id BLOB NOT NULL,
    correlation_id BLOB NOT NULL,
    causation_id BLOB,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    data TEXT NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, version)
) STRICT;

CREATE INDEX IF NOT EXISTS events_of_subject ON events (subject, position) WHERE subject IS NOT NULL;

CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

INSERT OR IGNORE INTO head VALUES (1, 0, zeroblob(32), 0);

CREATE TABLE IF NOT EXISTS receipts (
    command_id BLOB PRIMARY KEY,
    stream TEXT NOT NULL,
    digest BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS claims (
    key TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (key, holder)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS events_are_never_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TRIGGER IF NOT EXISTS events_are_never_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TRIGGER IF NOT EXISTS positions_are_dense BEFORE INSERT ON events
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM events)
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
