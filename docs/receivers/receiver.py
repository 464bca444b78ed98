"""A receiver of Tidings' webhooks for Python 3.9 and later, with nothing to install (keys whpk_... need `cryptography`):

    WEBHOOK_KEYS="whsec_..." TIDINGS_URL=https://... TIDINGS_TOKEN=tdg_... python3 receiver.py

It verifies a delivery, keeps it on disk, says thank you, and only then works on it: once, and in the order of its thread.
Two files stand for two tables of your database: `inbox` (what was taken) and `handled` (what is done).
"""

import base64
import hashlib
import hmac
import json
import os
import queue
import re
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEYS = os.environ.get("WEBHOOK_KEYS", "").split()  # several while a key changes
DATA = os.environ.get("DATA", ".")
PORT = int(os.environ.get("PORT", "9000"))
GAP_WAIT_S = int(os.environ.get("GAP_WAIT_MS", "5000")) / 1000
TOLERANCE_S, SIGNATURES_MAX, BODY_BYTES_MAX, PAGE_BYTES_MAX = 300, 8, 4 << 20, 16 << 20
SEEN_MAX, THREADS_MAX, HELD_MAX, FETCH_TRIES_MAX, FETCH_S_MAX = 1_000_000, 100_000, 10_000, 3, 30
READ_S_MAX, QUEUE_MAX = 30, 10_000


def handle(event):
    """Your work. It may see an event twice after a crash, never in another order than that of its thread."""
    print("handled", event["id"], event.get("order", "-"), flush=True)


# Verify: over the bytes as they came, before anybody parses them.


def verifier_of(key):
    if key.startswith("whsec_"):
        secret = base64.b64decode(key[6:], validate=True)
        if len(secret) < 24:
            raise ValueError("a secret in WEBHOOK_KEYS is too short")

        def verifies(version, signature, signed):
            expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest())
            return version == b"v1" and hmac.compare_digest(signature, expected)

        return verifies
    if key.startswith("whpk_"):
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key[5:], validate=True))

        def verifies(version, signature, signed):
            try:
                public.verify(base64.b64decode(signature, validate=True), signed)
                return version == b"v1a"
            except (InvalidSignature, ValueError):
                return False

        return verifies
    raise ValueError("WEBHOOK_KEYS holds something that is neither whsec_ nor whpk_")


VERIFIERS = [verifier_of(key) for key in KEYS]


def is_genuine(headers, body, now_s):
    # Bytes, as compare_digest refuses text that is not ASCII by an exception.
    def header(name):
        return headers.get("webhook-" + name, "").encode("latin-1", "replace")

    message_id, timestamp, signatures = header("id"), header("timestamp"), header("signature")
    if not message_id or not re.fullmatch(rb"[0-9]{1,12}", timestamp) or abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    signed = b".".join([message_id, timestamp, body])
    for entry in signatures.split(b" ")[:SIGNATURES_MAX]:
        version, _, signature = entry.partition(b",")
        if any(verifies(version, signature, signed) for verifies in VERIFIERS):
            return True
    return False


# Accept: a 2xx says that it is ours from now on, so it is on disk before.

seen = {}  # a table with a unique key on the id does the same
accepting = threading.Lock()
accepted = queue.Queue(QUEUE_MAX)


def accept(headers, body):
    if not is_genuine(headers, body, time.time()):
        return 401
    try:
        event = json.loads(body)
    except ValueError:
        return 400
    if not isinstance(event, dict) or not isinstance(event.get("id"), str):
        return 400
    with accepting:
        if headers["webhook-id"] in seen:
            return 204
        write(inbox, body.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")  # in JSON a line break is only white space
        remember(headers["webhook-id"])
    accepted.put(event)
    return 204


def remember(message_id):
    seen[message_id] = None
    if len(seen) > SEEN_MAX:
        del seen[next(iter(seen))]


def write(file, line):
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


class Door(BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", READ_S_MAX

    def do_POST(self):
        length = self.headers.get("Content-Length", "none")
        if not re.fullmatch("[0-9]{1,12}", length):
            return self.answer(411)
        if int(length) > BODY_BYTES_MAX:
            return self.answer(413)
        self.answer(accept(self.headers, self.rfile.read(int(length))))

    def answer(self, status):
        self.close_connection = self.close_connection or status in (411, 413)
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


# Order: a thread counts its events. What is missing is waited for, then fetched. One thread of the program does it.


class Thread:
    def __init__(self):
        self.next, self.seq, self.held, self.due, self.tries = 1, 0, {}, None, 0


threads = {}


def place(event):
    order = int(event.get("order", 0))
    if not order or not event.get("thread"):
        return finish(event)
    thread = threads.setdefault(event["thread"], Thread())
    if order < thread.next:
        return finish(event)  # it was given up; late is better than never
    thread.held[order] = event
    drain(thread)
    if thread.held and thread.due is None:
        is_full = sum(len(each.held) for each in waiting()) > HELD_MAX
        thread.due = time.monotonic() + (0 if is_full else GAP_WAIT_S)
    oldest = next(iter(threads))
    if len(threads) > THREADS_MAX and not threads[oldest].held:
        del threads[oldest]


def waiting():
    return [thread for thread in threads.values() if thread.held]


def drain(thread):
    while thread.next in thread.held:
        event = thread.held.pop(thread.next)
        thread.next, thread.seq = thread.next + 1, int(event["seq"])
        finish(event)
    if not thread.held:
        thread.due = None


def fill(thread):
    """Gets what is missing before the events that are held, and goes on with them."""
    try:
        # What came before the first event that we saw of a thread is not missing.
        if thread.seq > 0:
            fetch_until(thread, max(thread.held))
        thread.tries = 0
    except (OSError, ValueError, KeyError) as error:
        print("cannot fetch what is missing:", error, file=sys.stderr)
        thread.tries += 1
        if thread.tries < FETCH_TRIES_MAX:
            thread.due = time.monotonic() + GAP_WAIT_S
            return
    while thread.held:
        thread.next = min(thread.held)
        drain(thread)


def fetch_until(thread, last):
    event, after = thread.held[last], thread.seq
    while after:
        chat = event.get("subject") or event.get("chat")
        url = f"{os.environ['TIDINGS_URL']}/api/v1/events?after={after}&chat={chat}&limit=100"
        request = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["TIDINGS_TOKEN"]})
        with urllib.request.urlopen(request, timeout=FETCH_S_MAX) as answer:
            page = json.loads(answer.read(PAGE_BYTES_MAX))
        for missing in page["items"]:
            if missing.get("thread") != event["thread"] or missing["order"] < thread.next:
                continue
            if missing["order"] > last:
                return
            if missing["order"] not in thread.held:
                thread.held[missing["order"]] = missing
                with accepting:
                    remember(missing["id"])  # its delivery may still come
        after = page.get("next")


def finish(event):
    handle(event)
    line = f"{event['id']} {event.get('thread', '-')} {event.get('order', 0)} {event.get('seq', 0)}\n"
    write(handled, line.encode())


def work():
    while True:
        now = time.monotonic()
        due = [thread for thread in waiting() if thread.due is not None]
        for thread in due:
            if thread.due <= now:
                fill(thread)
        pauses = [thread.due - now for thread in due if thread.due is not None]
        try:
            place(accepted.get(timeout=max(0, min(pauses)) if pauses else None))
        except queue.Empty:
            pass


# Start: what was taken and not done is done now.


def lines_of(name):
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return [line for line in file.read().split(b"\n") if line]


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None  # a crash cut it, so nobody was thanked for it


for line in lines_of("handled"):
    done, *rest = line.decode().split(" ")
    if len(rest) < 3:
        continue
    in_thread, order, seq = rest
    remember(done)
    if in_thread != "-":
        known = threads.setdefault(in_thread, Thread())
        known.next, known.seq = max(known.next, int(order) + 1), max(known.seq, int(seq))
undone = [event for event in map(parsed, lines_of("inbox")) if event and event["id"] not in seen]
inbox, handled = (open(os.path.join(DATA, name), "ab") for name in ("inbox", "handled"))
for each in (inbox, handled):
    write(each, b"\n")  # ends a line that was cut
for event in undone:
    remember(event["id"])
    place(event)

if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", PORT), Door).serve_forever()
