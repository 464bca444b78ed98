-- The log, documents, timers, cursors, claims.
--
-- A workspace has a small local number, which all tables use instead of its UUID. Counters of a workspace are kept in
-- its row and written once per transaction.
CREATE TABLE workspaces (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL,
    events INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    timers INTEGER NOT NULL
) STRICT;

CREATE TABLE event_types (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- position = workspace number << 40 | seq: every append goes to the end of its workspace's part of one b-tree, and a
-- workspace is a range of it, so that no other index on (workspace, seq) is needed.
-- crc covers body, position and thread_order; body is the envelope's JSON as it was written at accept.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    thread_order INTEGER,
    type INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    id BLOB NOT NULL,
    chat BLOB,
    body BLOB NOT NULL
) STRICT;

-- Ids are UUID version 7, so this is nearly an append as well.
CREATE UNIQUE INDEX events_by_id ON events (id);
-- The position follows in every index entry: newest first within a chat, and apart by workspace.
CREATE INDEX events_by_chat ON events (chat) WHERE chat IS NOT NULL;
-- One append per type: a rare type is found without a scan.
CREATE INDEX events_by_type ON events (type);

-- The last order that was given in a thread: one row per thread instead of an index entry per event, and it outlives
-- forgotten events.
CREATE TABLE threads (
    workspace INTEGER NOT NULL,
    id BLOB NOT NULL,
    last_order INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

-- A rowid table: in a clustered one bodies would lie in the inner pages too, and make the tree deep.
-- entries is what document_index holds for it, as JSON, so that a write touches that table only where they change.
-- crc covers body, entries and version.
CREATE TABLE documents (
    number INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    entries TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX documents_by_key ON documents (workspace, kind, id);

CREATE TABLE document_index (
    workspace INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    id TEXT NOT NULL,
    document INTEGER NOT NULL,
    PRIMARY KEY (workspace, kind, name, value, id)
) STRICT, WITHOUT ROWID;

-- due is nanoseconds since 1970; crc covers body.
CREATE TABLE timers (
    workspace INTEGER NOT NULL,
    name TEXT NOT NULL,
    due INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_by_due ON timers (due);

CREATE TABLE cursors (
    workspace INTEGER NOT NULL,
    reader TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (workspace, reader)
) STRICT, WITHOUT ROWID;

-- taken_at has no index: old claims are found by reading through the table beside the writer, now and then, which is
-- cheaper than an index entry at every claim.
CREATE TABLE claims (
    workspace INTEGER NOT NULL,
    name TEXT NOT NULL,
    outcome BLOB,
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;
