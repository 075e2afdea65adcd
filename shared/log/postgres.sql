-- The log in PostgreSQL: schema `log`, written by nothing but the function `log.append`. Repeating this script is harmless.

DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('log.install'));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mentoring_log') THEN
        CREATE ROLE mentoring_log NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mentoring_log_reader') THEN
        CREATE ROLE mentoring_log_reader NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mentoring_log_writer') THEN
        CREATE ROLE mentoring_log_writer NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles are the whole server's: an installation in another of its databases was faster
END
$$;

GRANT mentoring_log, mentoring_log_writer TO CURRENT_USER;
GRANT mentoring_log_reader TO mentoring_log_writer;
CREATE SCHEMA IF NOT EXISTS log AUTHORIZATION mentoring_log;
SET LOCAL ROLE mentoring_log;

CREATE TABLE IF NOT EXISTS log.events (
    position bigint PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    stream text NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    schema_version integer NOT NULL,
    subject uuid,
    program uuid NOT NULL,
    actor text NOT NULL,
    command_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    data text NOT NULL,
    hash bytea NOT NULL,
    UNIQUE (stream, version)
);

CREATE INDEX IF NOT EXISTS events_of_subject ON log.events (subject, position) WHERE subject IS NOT NULL;

-- The last position. Whoever appends holds this row until the commit, so positions come in commit order.
CREATE TABLE IF NOT EXISTS log.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL,
    hash bytea NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 10);

INSERT INTO log.head VALUES (true, 0, decode(repeat('00', 32), 'hex'), '-infinity') ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS log.receipts (
    command_id uuid PRIMARY KEY,
    stream text NOT NULL,
    digest bytea NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    version integer NOT NULL
);

CREATE TABLE IF NOT EXISTS log.claims (
    key text NOT NULL,
    holder text NOT NULL,
    PRIMARY KEY (key, holder)
);

CREATE OR REPLACE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
ALTER TABLE log.events ENABLE ALWAYS TRIGGER append_only;

-- A field of the hash: its length in bytes, then its bytes; the length -1 for null. These functions are as volatile as
-- what they call, or they would not be inlined.
CREATE OR REPLACE FUNCTION log.framed(field text) RETURNS bytea STABLE LANGUAGE sql
RETURN int4send(octet_length(convert_to(field, 'UTF8'))) || convert_to(field, 'UTF8');

CREATE OR REPLACE FUNCTION log.framed(field uuid) RETURNS bytea IMMUTABLE LANGUAGE sql
RETURN coalesce('\x00000010'::bytea || uuid_send(field), '\xffffffff'::bytea);

CREATE OR REPLACE FUNCTION log.framed(field bigint) RETURNS bytea IMMUTABLE LANGUAGE sql
RETURN '\x00000008'::bytea || int8send(field);

CREATE OR REPLACE FUNCTION log.framed(field timestamptz) RETURNS bytea STABLE LANGUAGE sql
RETURN '\x00000008'::bytea || int8send((extract(epoch FROM field) * 1000000)::bigint);

-- Over the previous event's hash and every other column, in this order; `event_hash` in `hashing.py` is the same.
CREATE OR REPLACE FUNCTION log.event_hash(
    previous bytea, pos bigint, event_id uuid, stream text, version integer, type text, schema_version integer,
    subject uuid, program uuid, actor text, command_id uuid, correlation_id uuid, causation_id uuid,
    occurred_at timestamptz, recorded_at timestamptz, data text
) RETURNS bytea STABLE LANGUAGE sql
RETURN sha256(
    previous || log.framed(pos) || log.framed(event_id) || log.framed(stream) || log.framed(version::bigint)
    || log.framed(type) || log.framed(schema_version::bigint) || log.framed(subject) || log.framed(program)
    || log.framed(actor) || log.framed(command_id) || log.framed(correlation_id) || log.framed(causation_id)
    || log.framed(occurred_at) || log.framed(recorded_at) || log.framed(data)
);

-- `claims` in order, as far as its limits allow: the key of the first that is taken.
CREATE OR REPLACE FUNCTION log.settle(wanted json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    claim record;
    others bigint;
BEGIN
    FOR claim IN SELECT * FROM json_to_recordset(wanted) AS c (key text, holder text, "limit" integer) LOOP
        IF claim."limit" IS NULL THEN
            DELETE FROM log.claims AS c WHERE c.key = claim.key AND c.holder = claim.holder;
            CONTINUE;
        END IF;
        SELECT count(*) INTO others FROM log.claims AS c WHERE c.key = claim.key AND c.holder <> claim.holder;
        IF others >= claim."limit" THEN
            RETURN claim.key;
        END IF;
        INSERT INTO log.claims VALUES (claim.key, claim.holder) ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NULL;
END
$$;

-- Takes a JSON array of appends with the fields of `Append` in `model.py` (a claim without `limit` is a release) and
-- answers each in order: recorded, repeated, conflict (`version` is the stream's), reused or taken (`key`).
CREATE OR REPLACE FUNCTION log.append(batch json)
RETURNS TABLE (outcome text, first_position bigint, last_position bigint, stream_version integer, taken text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    last log.head;
    receipt log.receipts;
    wanted record;
    entry record;
    started bigint;
BEGIN
    SELECT * INTO last FROM log.head FOR UPDATE;
    started := last.position;
    last.recorded_at := greatest(last.recorded_at, clock_timestamp());
    FOR wanted IN
        SELECT * FROM json_to_recordset(batch) AS a (
            stream text, expected_version integer, command_id uuid, command_digest text, program uuid, actor text,
            correlation_id uuid, causation_id uuid, entries json, claims json
        )
    LOOP
        taken := NULL;
        SELECT * INTO receipt FROM log.receipts AS r WHERE r.command_id = wanted.command_id;
        IF FOUND THEN
            outcome := CASE WHEN receipt.digest = decode(wanted.command_digest, 'hex') THEN 'repeated' ELSE 'reused' END;
            first_position := receipt.first;
            last_position := receipt.last;
            stream_version := receipt.version;
            RETURN NEXT;
            CONTINUE;
        END IF;
        SELECT coalesce(max(e.version), 0) INTO stream_version FROM log.events AS e WHERE e.stream = wanted.stream;
        IF stream_version IS DISTINCT FROM wanted.expected_version THEN
            outcome := 'conflict';
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF json_array_length(wanted.claims) > 0 THEN
            BEGIN
                taken := log.settle(wanted.claims);
                IF taken IS NOT NULL THEN
                    RAISE unique_violation;
                END IF;
            EXCEPTION WHEN unique_violation THEN
                NULL; -- what was settled before the one that is taken is undone
            END;
            IF taken IS NOT NULL THEN
                outcome := 'taken';
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;
        first_position := last.position + 1;
        FOR entry IN
            SELECT * FROM json_to_recordset(wanted.entries) AS e (
                event_id uuid, type text, schema_version integer, subject uuid, occurred_at timestamptz, data text
            )
        LOOP
            last.position := last.position + 1;
            stream_version := stream_version + 1;
            last.hash := log.event_hash(
                last.hash, last.position, entry.event_id, wanted.stream, stream_version, entry.type,
                entry.schema_version, entry.subject, wanted.program, wanted.actor, wanted.command_id,
                wanted.correlation_id, wanted.causation_id, entry.occurred_at, last.recorded_at, entry.data
            );
            INSERT INTO log.events VALUES (
                last.position, entry.event_id, wanted.stream, stream_version, entry.type, entry.schema_version,
                entry.subject, wanted.program, wanted.actor, wanted.command_id, wanted.correlation_id,
                wanted.causation_id, entry.occurred_at, last.recorded_at, entry.data, last.hash
            );
        END LOOP;
        last_position := last.position;
        first_position := least(first_position, last_position);
        outcome := 'recorded';
        INSERT INTO log.receipts VALUES (
            wanted.command_id, wanted.stream, decode(wanted.command_digest, 'hex'), first_position, last_position,
            stream_version
        );
        RETURN NEXT;
    END LOOP;
    IF last.position > started THEN
        UPDATE log.head SET position = last.position, hash = last.hash, recorded_at = last.recorded_at;
    END IF;
END
$$;

REVOKE ALL ON FUNCTION log.append(json), log.settle(json) FROM PUBLIC;
GRANT USAGE ON SCHEMA log TO mentoring_log_reader;
GRANT SELECT ON log.events, log.head, log.receipts, log.claims TO mentoring_log_reader;
GRANT EXECUTE ON FUNCTION log.append(json) TO mentoring_log_writer;

RESET ROLE;
