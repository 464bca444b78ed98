-- A thread is read by its orders, and documents are counted as they are written.

-- Chats and threads get small local numbers with their first event, which make an index entry shorter than one UUID.
CREATE TABLE chats (
    number INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL
) STRICT;

CREATE TABLE numbered_threads (
    number INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    last_order INTEGER NOT NULL
) STRICT;

-- As before, but chat is the local number, and so is thread, 0 where there is none. Neither is covered by crc: the
-- envelope names both, and verify compares.
CREATE TABLE numbered_events (
    position INTEGER PRIMARY KEY,
    thread_order INTEGER,
    type INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    chat INTEGER,
    thread INTEGER NOT NULL,
    id BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- 40 bits of a position are the seq, see 0001.
INSERT INTO chats (workspace, id)
SELECT DISTINCT position >> 40, chat FROM events WHERE chat IS NOT NULL;
CREATE UNIQUE INDEX chats_by_id ON chats (workspace, id);

INSERT INTO numbered_threads (workspace, id, last_order)
SELECT workspace, id, last_order FROM threads ORDER BY workspace, id;
DROP TABLE threads;
ALTER TABLE numbered_threads RENAME TO threads;
CREATE UNIQUE INDEX threads_by_id ON threads (workspace, id);

INSERT INTO numbered_events (position, thread_order, type, crc, chat, thread, id, body)
SELECT
    position,
    thread_order,
    type,
    crc,
    (SELECT number FROM chats WHERE workspace = position >> 40 AND id = chat),
    iif(
        thread_order IS NULL,
        0,
        (
            SELECT number FROM threads
            WHERE workspace = position >> 40
                AND id = unhex(replace(json_extract(CAST(body AS TEXT), '$.thread'), '-', ''))
        )
    ),
    id,
    body
FROM events ORDER BY position;
DROP TABLE events;
ALTER TABLE numbered_events RENAME TO events;

-- Two as before. The third holds a chat by its threads, and these by their orders; the position follows in every entry.
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_chat ON events (chat, thread, thread_order) WHERE chat IS NOT NULL;
CREATE INDEX events_by_type ON events (type);

-- How many documents of a kind there are, written once per transaction for what changed; rows of nothing are removed.
--   name '', value ''     all of the kind
--   name '', value N      those with an index entry named N
--   name N, value V       those with the index entry (N, V)
CREATE TABLE tallies (
    workspace INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (workspace, kind, name, value)
) STRICT, WITHOUT ROWID;

-- The names of index entries that tallies counts; '' stands for the kinds themselves. Where this is not what the binary
-- counts, as after this migration, the tallies are made anew at open.
CREATE TABLE tallied_names (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
