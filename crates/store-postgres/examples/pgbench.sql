-- The same row, inserted singly: the measure that `throughput` is held against.
--   pgbench -n -c 64 -j 2 -T 5 -M prepared -f examples/pgbench.sql URL
-- The database must have been opened by a store once, for the tables.
\set seq random(1, 9000000000000000)
\set chat random(1, 1000)
INSERT INTO events (workspace, seq, thread_order, crc, id, chat, thread, type, body)
VALUES (
    '01900000-0000-7000-8000-000000000001',
    :seq,
    :seq,
    7,
    gen_random_uuid(),
    ('01900000-0000-7000-8000-' || lpad(:chat::text, 12, '0'))::uuid,
    ('01900000-0000-7000-9000-' || lpad(:chat::text, 12, '0'))::uuid,
    'chat.message',
    convert_to('{"id":"01900000-0000-7000-8000-000000000001","type":"chat.message","version":1,"time":"2026-01-01T00:00:00.000000001Z","received_at":"2026-01-01T00:00:00.000000001Z","workspace":"01900000-0000-7000-8000-000000000001","chat":"01900000-0000-7000-8000-000000000001","thread":"01900000-0000-7000-8000-000000000001","author":{"kind":"customer","id":"01900000-0000-7000-8000-000000000001"},"visibility":"all","root":"01900000-0000-7000-8000-000000000001","depth":0,"data":{"text":"Where is my parcel? It was to come on Tuesday and nobody rang."}}', 'UTF8')
);
