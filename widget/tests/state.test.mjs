// The state that a client builds from login plus pushes is what the server lists, whatever the network does in between:
// duplicates, lost lines, answers that are old when they arrive, readings in the middle of pushes, and gaps.

import assert from "node:assert/strict";
import test from "node:test";
import { EMPTY, HELD_MAX, reduce, since, time, unread } from "../node_modules/.cache/tidings/state.js";
import { dice } from "./dice.mjs";

const RUNS = 1500;
const STEPS = 120;
/** How many pushes the server keeps for those who come back. */
const KEPT = 12;

const ME = "alice";

/** A chat as the server knows it, and the pushes that it made. */
class Server {
  constructor(dice) {
    this.dice = dice;
    this.seq = dice.below(100);
    this.clock = Date.parse("2026-01-01T00:00:00Z");
    this.chat = null;
    this.log = [];
  }

  now() {
    this.clock += 1 + this.dice.below(5000);
    return new Date(this.clock).toISOString().replace("Z", "001Z");
  }

  push(action, payload, shared = false) {
    // Some things that happen make two pushes of one number.
    if (!shared) this.seq += 1 + this.dice.below(3);
    this.log.push({ type: "push", action, seq: this.seq, payload: structuredClone(payload) });
  }

  /** Something happens. */
  happen() {
    const { dice, chat } = this;
    if (!chat) return this.start();
    const last = chat.threads.at(-1);
    const thread = dice.chance(0.8) ? last : dice.one(chat.threads);
    const event = dice.one(thread.events);
    const ids = { chat_id: chat.id, thread_id: thread.id };
    const roll = dice.below(14);
    if (roll <= 3) return last.active ? this.say(last) : this.resume();
    if (roll === 4) {
      if (!last.active) return this.resume();
      last.active = false;
      delete last.queue;
      return this.push("chat_deactivated", { chat_id: chat.id, thread_id: last.id });
    }
    if (roll === 5 && event) {
      thread.events.splice(thread.events.indexOf(event), 1);
      return this.push("event_deleted", { ...ids, event_id: event.id });
    }
    if (roll === 6 && event) {
      event.text = `edited ${this.seq}`;
      return this.push("event_updated", { ...ids, event });
    }
    if (roll === 7) {
      thread.properties = { ...thread.properties, rating: { ...thread.properties.rating, score: dice.below(2) } };
      return this.push("thread_properties_updated", { ...ids, properties: { rating: { score: thread.properties.rating.score } } });
    }
    if (roll === 8 && thread.properties.rating) {
      thread.properties = Object.fromEntries(Object.entries(thread.properties).filter(([name]) => name !== "rating"));
      return this.push("thread_properties_deleted", { ...ids, properties: { rating: ["score"] } });
    }
    if (roll === 9) {
      const id = dice.one(["bob", "carol"]);
      const known = chat.users.find((user) => user.id === id);
      if (known) known.present = true;
      else chat.users.push({ id, type: "agent", name: id, present: true, events_seen_up_to: "" });
      const active = last.active && last.queue;
      if (last.queue) delete last.queue;
      return this.push("user_added_to_chat", {
        chat_id: chat.id,
        ...(active ? { thread_id: last.id } : {}),
        user: chat.users.find((user) => user.id === id),
      });
    }
    if (roll === 10) {
      const user = chat.users.find((each) => each.type === "agent" && each.present);
      if (!user) return;
      user.present = false;
      return this.push("user_removed_from_chat", { chat_id: chat.id, user_id: user.id });
    }
    if (roll === 11 && event) {
      const user = dice.one(chat.users);
      if (time(event.created_at) > time(user.events_seen_up_to)) user.events_seen_up_to = event.created_at;
      return this.push("events_marked_as_seen", { user_id: user.id, chat_id: chat.id, seen_up_to: event.created_at });
    }
    if (roll === 12 && last.active) {
      last.queue = { position: 1 + dice.below(9), wait_time: dice.below(600) };
      return this.push("queue_position_updated", { chat_id: chat.id, thread_id: last.id, queue: last.queue });
    }
    if (roll === 13 && event?.elements) {
      const toggled = dice.chance(0.5);
      for (const button of event.elements[0].buttons) {
        if (button.postback_id !== "yes") continue;
        button.user_ids = toggled ? [ME] : [];
      }
      return this.push("incoming_rich_message_postback", {
        user_id: ME, ...ids, event_id: event.id, postback: { id: "yes", toggled },
      });
    }
  }

  event(thread, author) {
    thread.count += 1;
    const event = { id: `${thread.id}_${thread.count}`, type: "message", author_id: author, created_at: this.now(), text: `${this.seq}` };
    if (this.dice.chance(0.2)) {
      event.type = "rich_message";
      event.elements = [{ buttons: [{ postback_id: "yes", text: "y" }, { postback_id: "no", text: "n" }, { postback_id: "yes", text: "Y" }] }];
    }
    thread.events.push(event);
    const user = this.chat.users.find((each) => each.id === author);
    user.events_seen_up_to = event.created_at;
    return event;
  }

  say(thread) {
    const event = this.event(thread, this.dice.one(this.chat.users).id);
    this.push("incoming_event", { chat_id: this.chat.id, thread_id: thread.id, event });
    if (this.dice.chance(0.2)) this.push("chat_properties_updated", this.property(), true);
  }

  property() {
    const value = this.dice.below(5);
    this.chat.properties = { test: { int_property: value } };
    return { chat_id: this.chat.id, properties: this.chat.properties };
  }

  thread() {
    const thread = {
      id: `T${this.chat.threads.length}`, active: true, created_at: this.now(), events: [], properties: {}, count: 0,
    };
    this.chat.threads.push(thread);
    if (this.dice.chance(0.7)) this.event(thread, ME);
    return thread;
  }

  start() {
    this.chat = {
      id: "C1", properties: {}, threads: [],
      users: [{ id: ME, type: "customer", present: true, events_seen_up_to: "" }],
    };
    this.resume();
  }

  resume() {
    const thread = this.thread();
    this.push("incoming_chat", { chat: { id: this.chat.id, users: this.chat.users, properties: this.chat.properties, thread } });
  }

  /** What came after a number, or that it is not known any more. */
  after(since) {
    const kept = this.log.slice(-KEPT);
    const gap = this.log.length > KEPT && since < kept[0].seq;
    return { gap, frames: gap ? [] : kept.filter((frame) => frame.seq > since) };
  }

  /** A page of threads, the newest first, that ends before the thread with a number. */
  page(before, limit) {
    const threads = this.chat ? this.chat.threads.slice(Math.max(0, before - limit), before) : [];
    return {
      threads: structuredClone(threads).reverse(),
      older: before > limit ? String(before - limit) : null,
    };
  }

  summary() {
    return this.chat && structuredClone({ id: this.chat.id, users: this.chat.users, properties: this.chat.properties });
  }
}

/** One life of a client on a bad network. */
function live(seed) {
  const roll = dice(seed);
  const server = new Server(roll);
  let state = EMPTY;
  let connected = false;
  let online = false;
  /** What is on its way to the client: frames, and answers that are made now and arrive later. */
  let line = [];
  let told = 0;
  const dispatch = (action) => {
    state = reduce(state, action);
  };
  const carry = () => {
    for (const frame of server.log.slice(told)) if (connected) line.push({ frame });
    told = server.log.length;
  };
  const arrive = () => {
    const item = line.shift();
    if (item.frame) {
      dispatch({ kind: "push", frame: item.frame, now: 0 });
      if (roll.chance(0.1)) dispatch({ kind: "push", frame: item.frame, now: 0 });
    } else {
      item.answer();
    }
  };
  const read = () => {
    dispatch({ kind: "reading" });
    const count = server.chat?.threads.length ?? 0;
    const limit = 1 + roll.below(3);
    const chat = server.summary();
    // The server may do more between the two answers.
    if (roll.chance(0.3)) server.happen(), carry();
    const { threads, older } = server.page(chat ? server.chat.threads.length : count, limit);
    line.splice(roll.below(line.length + 1), 0, {
      answer: () => dispatch({ kind: "snapshot", chat, threads: chat ? threads : [], older: chat ? older : null }),
    });
  };
  const connect = () => {
    connected = true;
    const from = since(state);
    const { gap, frames } = from === null ? { gap: false, frames: [] } : server.after(from);
    const answer = { customer: { id: ME }, chats: [], seq: server.seq, ...(gap ? { gap } : {}) };
    told = server.log.length;
    line = [];
    // The answer may come before what was missed, or in the middle of it.
    const login = () => {
      online = true;
      dispatch({ kind: "login", answer, since: from });
      if (!state.synced) read();
    };
    line = frames.map((frame) => ({ frame }));
    line.splice(roll.below(line.length + 1), 0, { answer: login });
  };
  const lose = () => {
    connected = online = false;
    line = [];
    dispatch({ kind: "lost" });
  };

  for (let step = 0; step < STEPS; step += 1) {
    const choice = roll.random();
    if (choice < 0.4) server.happen(), carry();
    else if (choice < 0.8) line.length > 0 && arrive();
    else if (choice < 0.87) connected ? lose() : connect();
    else if (choice < 0.93) !connected && connect();
    else if (online && state.synced && !state.reading && state.chat?.older) {
      dispatch({ kind: "reading" });
      const { threads, older } = server.page(Number(state.chat.older), 1 + roll.below(3));
      line.splice(roll.below(line.length + 1), 0, { answer: () => dispatch({ kind: "older", threads, older }) });
    }
  }
  // In the end the network is good, and everything arrives.
  if (!connected) connect();
  while (line.length > 0) arrive();
  assert.ok(state.synced && !state.reading, "it is synced in the end");
  assert.equal(state.stale, false, "nothing unknown was told of");
  while (state.chat?.older) {
    const { threads, older } = server.page(Number(state.chat.older), 3);
    dispatch({ kind: "older", threads, older });
  }
  return { state, server };
}

const plain = (value) => JSON.parse(JSON.stringify(value));

function compare({ state, server }) {
  if (!server.chat) return assert.equal(state.chat, null);
  const { chat } = state;
  assert.deepEqual(
    plain(chat.threads.map(({ id, active, properties, queue, events }) => ({ id, active, properties, queue, events }))),
    plain(server.chat.threads.map(({ id, active, properties, queue, events }) => ({ id, active, properties, queue: queue ?? null, events }))),
  );
  const users = (list) => plain([...list].sort((a, b) => a.id.localeCompare(b.id)));
  assert.deepEqual(users(chat.users), users(server.chat.users));
  assert.deepEqual(plain(chat.properties), plain(server.chat.properties));
}

test("whatever the network does, the state becomes what the server lists", () => {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    try {
      compare(live(seed));
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
});

const login = (more = {}) => ({ kind: "login", answer: { customer: { id: ME }, seq: 10, ...more }, since: null });
const pushed = (action, payload, seq) => ({ kind: "push", now: 5, frame: { type: "push", action, payload, ...(seq ? { seq } : {}) } });
const snapshot = (events = []) => ({
  kind: "snapshot",
  older: null,
  chat: { id: "C1", users: [{ id: ME, type: "customer" }, { id: "bob", type: "agent" }] },
  threads: [{ id: "T1", active: true, created_at: "2026-01-01T00:00:00.000001Z", events }],
});
const event = (n, author = "bob", more = {}) => ({
  id: `T1_${n}`, type: "message", text: `${n}`, author_id: author, created_at: `2026-01-01T00:00:0${n}.000001Z`, ...more,
});
const after = (...actions) => actions.reduce(reduce, EMPTY);

test("what passes is shown, and ends with the message or the line", () => {
  const typing = pushed("incoming_typing_indicator", { chat_id: "C1", thread_id: "T1", typing_indicator: { author_id: "bob", is_typing: true } });
  const preview = pushed("incoming_event_preview", { chat_id: "C1", thread_id: "T1", event: { author_id: "bob", text: "hel" } });
  const state = after(login(), snapshot(), typing, preview);
  assert.deepEqual(state.typing, { bob: 5 });
  assert.equal(state.previews.bob.text, "hel");
  const said = reduce(state, pushed("incoming_event", { chat_id: "C1", thread_id: "T1", event: event(1) }, 11));
  assert.deepEqual([said.typing, said.previews], [{}, {}]);
  const lost = reduce(state, { kind: "lost" });
  assert.deepEqual([lost.typing, lost.previews], [{}, {}]);
});

test("what others said since is unread, until it was seen in some tab", () => {
  const state = after(login(), snapshot([event(1), event(2, ME), event(3), event(4, "bob", { type: "system_message" })]));
  assert.deepEqual(unread(state).map(({ id }) => id), ["T1_1", "T1_3"]);
  const seen = reduce(state, pushed("events_marked_as_seen", { chat_id: "C1", user_id: ME, seen_up_to: event(1).created_at }, 11));
  assert.deepEqual(unread(seen).map(({ id }) => id), ["T1_3"]);
  const own = reduce(seen, pushed("incoming_event", { chat_id: "C1", thread_id: "T1", event: event(5, ME) }, 12));
  assert.deepEqual(unread(own), [], "who writes has seen what came before");
});

test("two pushes of one number are both seen, and asked for again", () => {
  const one = pushed("chat_properties_updated", { chat_id: "C1", properties: { a: { b: 1 } } }, 11);
  const two = pushed("incoming_event", { chat_id: "C1", thread_id: "T1", event: event(1) }, 11);
  const state = after(login(), snapshot(), one);
  assert.equal(since(state), 10, "the other one may be missing");
  const both = [two, one, two].reduce(reduce, state);
  assert.equal(both.chat.threads[0].events.length, 1);
  assert.deepEqual(both.chat.properties, { a: { b: 1 } });
});

test("a push about a thread that nobody told of asks for a reading", () => {
  const state = after(login(), snapshot(), pushed("incoming_event", { chat_id: "C1", thread_id: "T9", event: event(1) }, 11));
  assert.equal(state.stale, true);
});

test("another customer sees nothing of the one before", () => {
  const state = after(login(), snapshot([event(1)]), login({ customer: { id: "mallory" } }));
  assert.equal(state.chat, null);
  assert.equal(state.synced, false);
});

test("waiting pushes are bounded", () => {
  let state = after(login());
  for (let seq = 11; seq < 20 + HELD_MAX; seq += 1) state = reduce(state, pushed("chat_deleted", { chat_id: "C1" }, seq));
  assert.ok(state.held.length <= HELD_MAX);
  assert.equal(state.stale, true);
});

test("times are compared with their microseconds", () => {
  assert.ok(time("2026-01-01T00:00:00.000002Z") > time("2026-01-01T00:00:00.000001Z"));
  assert.equal(time("nonsense"), 0);
});
