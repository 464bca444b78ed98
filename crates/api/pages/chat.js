// The chat page of a web channel, at /chat/{channel}.
//
// It keeps the visitor's token in localStorage, so the same browser finds its chat again. What the visitor writes gets
// an id here (`custom_id`) before it is sent: sending it twice is harmless, and the event that comes back by the stream
// takes the place of the message that was waiting. Events are drawn once each (by id), in the order of their numbers.

import { close } from "./chat-form.js";
import { contentOf, deleted, lineOf, nameOf } from "./chat-view.js";
import { element } from "./element.js";
import { follow } from "./stream.js";

/** How long one call may take. */
const CALL_MS_MAX = 15_000;
/** Pauses between tries to send a message; after the last one the visitor is asked. */
const SEND_PAUSES_MS = [800, 2_000, 5_000];
/** How many unsent messages are kept over a reload. */
const UNSENT_MAX = 20;
/** How many pages of earlier events are fetched at the start. */
const PAGES_MAX = 50;
/** Messages of one author closer together than this stand together. */
const TOGETHER_MS = 5 * 60_000;
/** How near to its end the log counts as read to the end. */
const NEAR_END_PX = 80;

const channel = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
const base = `/channels/${encodeURIComponent(channel)}`;
const [log, scroll, welcome, newer, composer, text, send, state, title] = [
  "log", "scroll", "welcome", "newer", "composer", "text", "send", "state", "name",
].map((id) => document.getElementById(id));

document.body.classList.toggle("framed", window !== window.top);
let token = remember("token");
/** The entries on the page, in order: {seq, id, node, event, mine, at}. Messages that wait have no number yet. */
const entries = [];
const seen = new Set();
/** Edits and deletions that came before their message. */
const changes = new Map();
let lastSeq = 0;
let live = false;

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === "") return;
  text.value = "";
  fit();
  say({ text: words, custom_id: crypto.randomUUID() });
});
text.addEventListener("input", fit);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    composer.requestSubmit();
  }
});
newer.addEventListener("click", () => toEnd("smooth"));
scroll.addEventListener("scroll", () => {
  if (atEnd()) newer.hidden = true;
});
new ResizeObserver(() => {
  if (newer.hidden) toEnd("instant");
}).observe(scroll);

run();

/** Opens the session, draws what was said before, and follows what comes. */
async function run() {
  await openSession();
  await drawHistory();
  for (const body of unsent()) wait(body);
  live = true;
  arrange();
  toEnd("instant");
  log.setAttribute("aria-live", "polite");
  welcome.hidden = entries.length > 0;
  sendNext();
  if (matchMedia("(hover: hover)").matches && window === window.top) text.focus();

  for (;;) {
    const address = (since) => `${base}/stream?since=${since}&token=${encodeURIComponent(token)}`;
    const refused = await follow(address, lastSeq, draw, (connected) =>
      connected ? tell("online", "Online") : tell("connecting", "Connecting again"),
    );
    // The token is not good any more: the visitor goes on with a new one.
    tell("connecting", "Connecting again");
    await pause(refused === 401 || refused === 403 ? 1_000 : 10_000);
    await openSession();
  }
}

async function openSession() {
  for (let turn = 0; ; turn += 1) {
    const response = await call("POST", "/session", token ? { token } : {});
    if (response?.ok) {
      const session = await response.json();
      token = session.token;
      remember("token", token);
      if (typeof session.name === "string" && session.name !== "") {
        title.textContent = document.title = session.name;
      }
      return;
    }
    if (response?.status === 404) tell("refused", "This chat does not exist");
    else if (response && response.status < 500 && token) token = null;
    else tell("connecting", "Connecting");
    await pause(Math.min(1_000 * 2 ** turn, 15_000));
  }
}

async function drawHistory() {
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const response = await call("GET", `/events?after=${lastSeq}`);
    if (!response?.ok) return; // The stream brings it as well.
    const { items } = await response.json();
    if (items.length === 0) return;
    const before = lastSeq;
    items.forEach(draw);
    if (lastSeq === before) return;
  }
}

// Sending.

/** Puts a message on the page and in the queue. */
function say(body) {
  keep([...unsent(), body].slice(-UNSENT_MAX));
  wait(body);
  toEnd("smooth");
  sendNext();
}

/** Draws a message that waits to be sent. */
function wait(body) {
  if (entries.some((entry) => entry.customId === body.custom_id)) return;
  const type = body.form ? "chat.form_filled" : body.postback ? "chat.postback" : "chat.message";
  const data = body.form ?? body.postback ?? { text: body.text };
  const event = { type, data, author: { kind: "customer" }, custom_id: body.custom_id };
  const entry = makeEntry(event, Infinity, Date.now());
  entry.body = body;
  entry.node.dataset.sending = "sending";
  place(entry);
}

let sending = false;

/** Sends what waits, one after the other, so that the order stays. */
async function sendNext() {
  if (sending) return;
  sending = true;
  try {
    for (;;) {
      const entry = entries.find((each) => each.node.dataset.sending === "sending" && !each.sent);
      if (!entry) return;
      mark(entry, "sending");
      const stored = await post(entry.body);
      if (stored) {
        entry.sent = true;
        forget(entry.body.custom_id);
        draw(stored);
      } else if (entries.includes(entry)) {
        mark(entry, "failed");
      }
    }
  } finally {
    sending = false;
  }
}

/** The stored event, or null when it could not be sent. */
async function post(body) {
  for (const ms of [...SEND_PAUSES_MS, null]) {
    const response = await call("POST", "/messages", body);
    if (response?.ok) return response.json();
    if (response?.status === 401) await openSession();
    else if (response && response.status < 500 && response.status !== 429) return null;
    if (ms === null) return null;
    await pause(ms);
  }
  return null;
}

function mark(entry, how) {
  const follows = atEnd();
  describe(entry, how);
  // The line below a message makes it taller.
  if (follows) toEnd("instant");
}

function describe(entry, how) {
  entry.node.dataset.sending = how;
  const below = entry.node.querySelector(":scope > .below");
  if (how === "sending") {
    below.textContent = "Sending";
    return;
  }
  const retry = element("button", "retry", "Try again");
  retry.type = "button";
  retry.addEventListener("click", () => {
    mark(entry, "sending");
    sendNext();
  });
  below.replaceChildren("Not sent.", retry);
}

// Drawing.

/** Draws an event that has a number. The same event a second time changes nothing. */
function draw(event) {
  if (event.seq > lastSeq) lastSeq = event.seq;
  if (seen.has(event.id)) return;
  seen.add(event.id);

  if (event.type === "chat.event_edited" || event.type === "chat.event_deleted") {
    change(event);
    return;
  }
  const waiting = event.custom_id ? entries.findIndex((each) => each.customId === event.custom_id) : -1;
  if (waiting >= 0 && !Number.isFinite(entries[waiting].seq)) {
    entries[waiting].node.remove();
    entries.splice(waiting, 1);
    forget(event.custom_id);
  }
  const entry = makeEntry(event, event.seq, Date.parse(event.time));
  if (!entry) return;
  const follows = atEnd();
  entry.node.classList.toggle("fresh", live && waiting < 0);
  place(entry);
  if (changes.has(event.id)) change(changes.get(event.id));
  if (!live || follows || entry.mine) toEnd(live ? "smooth" : "instant");
  else newer.hidden = false;
}

function makeEntry(event, seq, at) {
  const mine = event.author?.kind === "customer";
  const line = lineOf(event);
  const base = { event, seq, at, mine, id: event.id, customId: event.custom_id, quiet: line !== null };
  if (line) return { ...base, node: element("p", "line", line) };

  const parts = contentOf(event, (button) => press(event, button), fill);
  if (parts.length === 0) return null;
  const node = element("article", mine ? "entry mine" : "entry");
  const who = mine ? "You" : nameOf(event.author);
  node.append(element("span", mine ? "unseen" : "who", who ? `${who}` : ""));
  node.append(...parts, element("span", "below", ""));
  node.classList.toggle("wide", parts.some((part) => part.classList.contains("cards")));
  return { ...base, node };
}

/** Puts an entry where its number belongs; mostly that is the end. */
function place(entry) {
  welcome.hidden = true;
  let index = entries.length;
  while (index > 0 && entries[index - 1].seq > entry.seq) index -= 1;
  const after = entries[index];
  entries.splice(index, 0, entry);
  log.insertBefore(entry.node, after ? after.node : null);
  if (live) arrange();
}

/** Says of each entry whether it begins or ends what one author said at a time, and when that was. */
function arrange() {
  const lastMine = entries.findLast((entry) => entry.mine);
  for (const [index, entry] of entries.entries()) {
    if (entry.quiet) continue;
    entry.node.classList.toggle("first", !together(entries[index - 1], entry));
    entry.node.classList.toggle("last", !together(entry, entries[index + 1]));
    if (!Number.isFinite(entry.seq)) continue;
    const below = entry.node.querySelector(":scope > .below");
    below.textContent = entry === lastMine ? `Sent ${clock(entry.at)}` : clock(entry.at);
  }
  const filled = new Set(entries.map((entry) => entry.mine && entry.event.data?.form_id));
  entries.forEach((entry) => {
    const asked = entry.node.querySelector(":scope > form");
    if (asked && filled.has(asked.dataset.form)) close(asked);
    // What was offered for an answer is over once the visitor has answered.
    if (!lastMine || entry.mine || entry.seq > lastMine.seq) return;
    entry.node.querySelectorAll(".replies > button").forEach((button) => (button.disabled = true));
  });
}

function together(one, other) {
  if (!one || !other || one.quiet || other.quiet) return false;
  const same = one.mine === other.mine && (one.mine || one.event.author?.id === other.event.author?.id);
  return same && Math.abs(other.at - one.at) < TOGETHER_MS;
}

function press(event, button) {
  const said = String(button.text ?? button.value ?? "");
  const postback = { value: button.value ?? said, text: said, message: event.id };
  if (button.postback_id) postback.postback_id = button.postback_id;
  say({ postback, custom_id: crypto.randomUUID() });
}

function fill(form) {
  say({ form, custom_id: crypto.randomUUID() });
}

/** Edits or deletes an earlier message; one that is not here yet is remembered for when it comes. */
function change(event) {
  const entry = entries.find((each) => each.id === event.data?.event);
  if (!entry) {
    if (event.data?.event) changes.set(event.data.event, event);
    return;
  }
  const edited = { ...entry.event, data: { ...entry.event.data, ...event.data.data } };
  const parts =
    event.type === "chat.event_deleted" ? [deleted()] : contentOf(edited, (button) => press(entry.event, button), fill);
  const [who, below] = [entry.node.firstElementChild, entry.node.lastElementChild];
  entry.node.replaceChildren(who, ...parts, below);
}

// Small things.

async function call(method, path, body) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  const init = { method, headers, cache: "no-store", signal: AbortSignal.timeout(CALL_MS_MAX) };
  if (body) init.body = JSON.stringify(body);
  try {
    return await fetch(base + path, init);
  } catch {
    return null; // No network, or no answer in time.
  }
}

function unsent() {
  try {
    const kept = JSON.parse(remember("unsent") ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function keep(bodies) {
  remember("unsent", JSON.stringify(bodies));
}

function forget(customId) {
  keep(unsent().filter((body) => body.custom_id !== customId));
}

/** Reads or writes a value of this channel; a browser that forbids it forgets, and the chat works on. */
function remember(name, value) {
  const key = `tidings.${channel}.${name}`;
  try {
    if (value === undefined) return localStorage.getItem(key);
    localStorage.setItem(key, value);
  } catch {
    // Private windows and frames may not store.
  }
  return null;
}

function tell(how, words) {
  if (state.dataset.state === how && state.textContent === words) return;
  state.dataset.state = how;
  state.textContent = words;
}

function fit() {
  send.disabled = text.value.trim() === "";
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function atEnd() {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END_PX;
}

function toEnd(behavior) {
  newer.hidden = true;
  scroll.scrollTo({ top: scroll.scrollHeight, behavior });
}

function clock(at) {
  const day = new Date(at);
  const time = day.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
  if (day.toDateString() === new Date().toDateString()) return time;
  return `${day.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
