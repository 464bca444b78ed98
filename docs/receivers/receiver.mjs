// A receiver of Tidings' webhooks for Node 20, with nothing to install:
//
//   WEBHOOK_KEYS="whsec_..." TIDINGS_URL=https://... TIDINGS_TOKEN=tdg_... node receiver.mjs
//
// It verifies a delivery, keeps it on disk, says thank you, and only then works on it: once, and in the order of its thread.
// Two files stand for two tables of your database: `inbox` (what was taken) and `handled` (what is done).

import { createHmac, createPublicKey, timingSafeEqual, verify as verifySignature } from "node:crypto";
import { existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";

const env = process.env;
const KEYS = (env.WEBHOOK_KEYS ?? "").split(" ").filter(Boolean); // several while a key changes
const [DATA, PORT, GAP_WAIT_MS] = [env.DATA ?? ".", Number(env.PORT ?? 9000), Number(env.GAP_WAIT_MS ?? 5_000)];
const [TOLERANCE_S, SIGNATURES_MAX, BODY_BYTES_MAX, PAGE_BYTES_MAX] = [300, 8, 4 << 20, 16 << 20];
const [SEEN_MAX, THREADS_MAX, HELD_MAX, FETCH_TRIES_MAX, FETCH_MS_MAX] = [1_000_000, 100_000, 10_000, 3, 30_000];

/** Your work. It may see an event twice after a crash, never in another order than that of its thread. */
function handle(event) {
  console.log(`handled ${event.id} ${event.order ?? "-"}`);
}

// Verify: over the bytes as they came, before anybody parses them.

const verifiers = KEYS.map(verifierOf);

function verifierOf(key) {
  const bytes = Buffer.from(key.slice(6), "base64");
  if (key.startsWith("whsec_") && bytes.length >= 24) {
    return (version, signature, signed) => {
      const expected = Buffer.from(createHmac("sha256", bytes).update(signed).digest("base64"));
      const given = Buffer.from(signature, "latin1");
      return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
    };
  }
  if (key.startsWith("whpk_")) {
    // The key as SubjectPublicKeyInfo: RFC 8410.
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(key.slice(5), "base64")]);
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
    return (version, signature, signed) =>
      version === "v1a" && verifySignature(null, signed, publicKey, Buffer.from(signature, "base64"));
  }
  throw new Error("WEBHOOK_KEYS holds something that is neither whsec_ nor whpk_");
}

function isGenuine(headers, body, nowS) {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`] ?? "");
  if (!id || !/^\d{1,12}$/.test(timestamp) || Math.abs(nowS - Number(timestamp)) > TOLERANCE_S) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`, "latin1"), body]);
  return signatures.split(" ").slice(0, SIGNATURES_MAX).some((entry) => {
    const comma = entry.indexOf(",");
    return verifiers.some((verifies) => verifies(entry.slice(0, comma), entry.slice(comma + 1), signed));
  });
}

// Accept: a 2xx says that it is ours from now on, so it is on disk before.

const seen = new Set(); // a table with a unique key on the id does the same

function accept(headers, body) {
  if (!isGenuine(headers, body, Math.floor(Date.now() / 1000))) return 401;
  let event;
  try {
    event = JSON.parse(body.toString("utf8"));
  } catch {
    return 400;
  }
  if (typeof event?.id !== "string") return 400;
  const id = headers["webhook-id"];
  if (seen.has(id)) return 204;
  write(inbox, `${body.toString("utf8").replace(/[\r\n]/g, " ")}\n`); // in JSON a line break is only ever white space
  remember(id);
  setImmediate(place, event);
  return 204;
}

function remember(id) {
  seen.add(id);
  if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value);
}

function write(file, text) {
  writeSync(file, text);
  fsyncSync(file);
}

// Order: a thread counts its events. What is missing is waited for, then fetched.

const threads = new Map(); // thread → { next, seq, held: Map(order → event), timer, tries }
let held = 0;

function place(event) {
  const order = Number(event.order);
  if (!event.thread || !order) return finish(event);
  const thread = threads.get(event.thread) ?? { next: 1, seq: 0, held: new Map(), timer: null, tries: 0 };
  threads.set(event.thread, thread);
  if (order < thread.next) return finish(event); // it was given up; late is better than never
  if (!thread.held.has(order)) held += 1;
  thread.held.set(order, event);
  drain(thread);
  if (thread.held.size > 0) thread.timer ??= setTimeout(fill, held > HELD_MAX ? 0 : GAP_WAIT_MS, thread);
  const [oldest] = threads;
  if (threads.size > THREADS_MAX && oldest[1].held.size === 0) threads.delete(oldest[0]);
}

function drain(thread) {
  for (let event; (event = thread.held.get(thread.next)); ) {
    thread.held.delete(thread.next);
    held -= 1;
    thread.next += 1;
    thread.seq = Number(event.seq);
    finish(event);
  }
}

/** Gets what is missing before the events that are held, and goes on with them. */
async function fill(thread) {
  const last = Math.max(...thread.held.keys());
  try {
    // What came before the first event that we saw of a thread is not missing.
    if (thread.seq > 0) await fetchUntil(thread, last);
    thread.tries = 0;
  } catch (error) {
    console.error(`cannot fetch what is missing: ${error.message}`);
    thread.tries += 1;
    if (thread.tries < FETCH_TRIES_MAX) {
      thread.timer = setTimeout(fill, GAP_WAIT_MS, thread);
      return;
    }
  }
  thread.timer = null;
  while (thread.held.size > 0 && thread.next <= last) {
    thread.next = Math.min(...thread.held.keys());
    drain(thread);
  }
  if (thread.held.size > 0) thread.timer = setTimeout(fill, GAP_WAIT_MS, thread);
}

async function fetchUntil(thread, last) {
  const { thread: id, subject, chat } = thread.held.get(last);
  for (let after = thread.seq; after; ) {
    const url = `${env.TIDINGS_URL}/api/v1/events?after=${after}&chat=${subject ?? chat}&limit=100`;
    const headers = { Authorization: `Bearer ${env.TIDINGS_TOKEN}` };
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(FETCH_MS_MAX) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = JSON.parse((await answer.text()).slice(0, PAGE_BYTES_MAX));
    for (const event of page.items) {
      if (event.thread !== id || event.order < thread.next || thread.held.has(event.order)) continue;
      if (event.order > last) return;
      thread.held.set(event.order, event);
      held += 1;
      remember(event.id); // its delivery may still come
    }
    after = page.next;
  }
}

function finish(event) {
  handle(event);
  write(handled, `${event.id} ${event.thread ?? "-"} ${event.order ?? 0} ${event.seq ?? 0}\n`);
}

// Start: what was taken and not done is done now.

const [inboxPath, handledPath] = [`${DATA}/inbox`, `${DATA}/handled`];
const linesOf = (path) => (existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : []);
const parsed = (line) => {
  try {
    return JSON.parse(line);
  } catch {
    return null; // a crash cut it, so nobody was thanked for it
  }
};
for (const line of linesOf(handledPath)) {
  const [id, thread, order, seq] = line.split(" ");
  if (seq === undefined) continue;
  remember(id);
  const known = threads.get(thread) ?? { next: 1, seq: 0, held: new Map(), timer: null, tries: 0 };
  if (thread !== "-") threads.set(thread, known);
  [known.next, known.seq] = [Math.max(known.next, Number(order) + 1), Math.max(known.seq, Number(seq))];
}
const waiting = linesOf(inboxPath).map(parsed).filter((event) => event && !seen.has(event.id));
const [inbox, handled] = [openSync(inboxPath, "a"), openSync(handledPath, "a")];
for (const file of [inbox, handled]) write(file, "\n"); // ends a line that was cut
waiting.forEach((event) => remember(event.id));
waiting.forEach(place);

createServer((request, response) => {
  const parts = [];
  let size = 0;
  request.on("data", (part) => {
    size += part.length;
    if (size <= BODY_BYTES_MAX) parts.push(part);
  });
  request.on("end", () => {
    const status = request.method !== "POST" ? 405 : size > BODY_BYTES_MAX ? 413 : accept(request.headers, Buffer.concat(parts));
    response.writeHead(status).end();
  });
}).listen(PORT, "127.0.0.1");
