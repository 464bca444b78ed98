-- The archive: derived, so it has no migrations. A file of another version is removed and made anew.

-- threads: how many the workspace has, which is also the local number of its next one.
CREATE TABLE workspaces (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    cursor INTEGER NOT NULL,
    threads INTEGER NOT NULL
) STRICT;

-- position = workspace number << 27 | local number of the thread. created_at is nanoseconds since 1970.
CREATE TABLE threads (
    position INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    id BLOB NOT NULL,
    chat BLOB NOT NULL
) STRICT;

CREATE INDEX threads_by_id ON threads (id);
CREATE INDEX threads_by_chat ON threads (chat);

-- What a write needs to know of a thread. Its texts are the pieces from first_piece to before next_piece; facets are
-- JSON.
CREATE TABLE contents (
    position INTEGER PRIMARY KEY,
    first_piece INTEGER NOT NULL,
    next_piece INTEGER NOT NULL,
    facets TEXT NOT NULL
) STRICT;

-- Threads with neighbouring local numbers are a chunk. Its threads were made between these two times.
CREATE TABLE chunks (
    workspace INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, chunk)
) STRICT, WITHOUT ROWID;

-- Which threads of a chunk have a facet: a bit for each, or the numbers where they are few.
-- value and team (the facet's group) are '=' and the text, or '*' for any.
CREATE TABLE bits (
    workspace INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    team TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (workspace, name, value, team, chunk)
) STRICT, WITHOUT ROWID;

-- Facets with a time; team is '=' and the text, or '*' for none.
CREATE TABLE moments (
    workspace INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    team TEXT NOT NULL,
    PRIMARY KEY (workspace, name, at, position, value, team)
) STRICT, WITHOUT ROWID;

-- What was said: rowid = position << 18 | piece. The texts themselves are in the log. What comes in are folded words
-- with spaces between them, see tidings_store::archive::words, so the tokenizer has nothing left to do but split.
CREATE VIRTUAL TABLE words USING fts5 (
    text,
    content = '',
    contentless_delete = 1,
    prefix = '2 3',
    tokenize = 'ascii'
);
