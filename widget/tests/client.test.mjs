// The client against a strict server on a network that does what it likes: nothing is lost, nothing doubled.

import assert from "node:assert/strict";
import test from "node:test";
import WebSocket from "ws";
import { Client } from "../node_modules/.cache/tidings/client.js";
import { fileKeep } from "../node_modules/.cache/tidings/files.js";
import { keep } from "../node_modules/.cache/tidings/storage.js";
import { dice } from "./dice.mjs";
import { Refusal, mock } from "./mock.mjs";

/** How long anything may take. */
const PATIENCE_MS = 15_000;

/** A browser's storage. */
function drawer() {
  const values = new Map();
  return {
    get length() { return values.size; },
    key: (index) => [...values.keys()][index] ?? null,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

/** A tab of a browser whose storage is the drawer. */
function tab(server, storage, { name = "tab", ids = count(name) } = {}) {
  const told = [];
  let queue = Promise.resolve();
  const client = new Client(
    {
      base: server.url, organization: "org", channel: "channel",
      fetch: (...all) => fetch(...all),
      socket: (url) => new WebSocket(url),
      now: () => Date.now(),
      // Nobody waits long in a test.
      random: () => -0.9,
      alone: (_, work) => (queue = queue.then(work, work)),
    },
    keep(storage, "tidings:org:channel:"),
    name,
    {
      url: () => "https://shop.example/", title: () => "Shop", referrer: "", mobile: false, version: "test",
      async upload(url, token, file, name, progress) {
        progress(0.5);
        const form = new FormData();
        form.append("file", file, name);
        const response = await fetch(url, { method: "POST", body: form, headers: { Authorization: `Bearer ${token}` } });
        return response.json();
      },
    },
    fileKeep(undefined),
    ids,
  );
  client.on((event, value) => event !== "change" && told.push([event, value]));
  client.told = told;
  return client;
}

function count(name) {
  let next = 0;
  return () => `${name}-${(next += 1)}`;
}

async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const texts = (client) => client.view.state.chat?.threads.flatMap(({ events }) => events.map(({ text }) => text)) ?? [];
const served = (server) => server.chat?.threads.flatMap(({ events }) => events.map(({ text }) => text)) ?? [];
const idle = (client) => client.view.status === "online" && client.view.state.synced && client.outbox.all().length === 0;

/** A server, ended when the test is. */
async function world(context, options) {
  const server = await mock(options);
  const clients = [];
  context.after(() => {
    for (const client of clients) client.logout();
    server.close();
    assert.deepEqual(server.faults, [], "the widget keeps to the API");
  });
  return {
    server,
    tab(storage, more) {
      const client = tab(server, storage, more);
      clients.push(client);
      return client;
    },
  };
}

test("a chat begins, goes on, ends, and begins again", async (context) => {
  const { server, tab } = await world(context);
  const alice = tab(drawer());
  assert.equal(alice.returning(), false, "nothing is kept of who was never here");
  assert.equal(await alice.load(), true);
  alice.say("hello");
  await until("it is sent", () => idle(alice) && texts(alice).length === 1);
  server.join({ id: "bob", name: "Bob" });
  server.says("how can I help?");
  await until("the answer is there", () => texts(alice).length === 2);
  assert.deepEqual(alice.told.filter(([event]) => event === "message").map(([, { text }]) => text), ["how can I help?"]);
  assert.equal(alice.told.findLast(([event]) => event === "unread")[1], 1);
  alice.seen();
  await until("the server knows that it was seen", () => server.chat.users[0].events_seen_up_to === server.last().events[1].created_at);
  assert.equal(alice.told.findLast(([event]) => event === "unread")[1], 0);
  alice.typing("thi");
  await until("the agent sees what is written", () => server.peeked === "thi");
  server.close_thread("bob");
  await until("it is told of the end", () => alice.told.some(([event]) => event === "chat_ended"));
  await alice.rate(1, "good");
  await alice.transcript("alice@example.org");
  assert.deepEqual(server.last().properties, { rating: { score: 1, comment: "good" }, routing: { transcript_email: "alice@example.org" } });
  alice.say("one more thing");
  await until("it is in a new thread", () => idle(alice) && alice.view.state.chat.threads.length === 2);
  assert.equal(server.chat.threads[1].events[0].text, "one more thing");
});

test("what was written offline waits, survives a reload, and arrives once", async (context) => {
  const { server, tab } = await world(context);
  const storage = drawer();
  const alice = tab(storage);
  alice.say("one");
  await until("it is sent", () => idle(alice));
  server.away = true;
  server.cut();
  await until("it notices", () => alice.view.status === "offline");
  alice.say("two");
  alice.say("three");
  assert.deepEqual(alice.view.outgoing.map(({ status }) => status), ["sending", "sending"]);
  alice.leave();
  const reloaded = tab(storage, { name: "reloaded" });
  assert.equal(reloaded.returning(), true);
  assert.equal(reloaded.view.outgoing.length, 2, "what waits is shown at once");
  reloaded.connect();
  server.away = false;
  await until("all is sent", () => idle(reloaded) && idle(alice));
  assert.deepEqual(served(server), ["one", "two", "three"]);
  assert.deepEqual(texts(reloaded), ["one", "two", "three"]);
  assert.deepEqual(texts(alice), ["one", "two", "three"], "the first tab came back and was told what it missed");
});

for (const action of ["start_chat", "send_event", "resume_chat"]) {
  test(`a lost answer to ${action} makes no second message`, async (context) => {
    const { server, tab } = await world(context);
    const alice = tab(drawer());
    if (action !== "start_chat") {
      alice.say("first");
      await until("it is sent", () => idle(alice));
      if (action === "resume_chat") server.close_thread("bob");
    }
    let lost = false;
    server.before = (asked) => {
      if (asked !== action || lost) return null;
      lost = true;
      return "lose";
    };
    await until("it knows", () => action !== "resume_chat" || !alice.view.state.chat.threads[0].active);
    alice.say("once");
    await until("it is there", () => lost && idle(alice) && texts(alice).includes("once"));
    assert.equal(served(server).filter((text) => text === "once").length, 1);
    assert.equal(texts(alice).filter((text) => text === "once").length, 1);
  });
}

test("what the server refuses is shown as failed, and goes out when it is tried again", async (context) => {
  const { server, tab } = await world(context);
  const alice = tab(drawer());
  alice.say("first");
  await until("it is sent", () => idle(alice));
  server.before = (_, payload) => {
    if (payload?.event?.text === "bad") throw new Refusal("validation");
  };
  alice.say("bad");
  alice.say("good");
  await until("it failed", () => alice.view.outgoing[0]?.status === "failed");
  await until("the next one is not kept", () => texts(alice).includes("good"));
  server.before = () => {};
  alice.retry(alice.view.outgoing[0].custom_id);
  await until("it is sent", () => idle(alice) && texts(alice).includes("bad"));
});

test("what the server no longer keeps is read anew", async (context) => {
  const { server, tab } = await world(context, { kept: 3 });
  const alice = tab(drawer());
  alice.say("hello");
  await until("it is sent", () => idle(alice));
  server.join({ id: "bob", name: "Bob" });
  server.away = true;
  server.cut();
  for (let n = 1; n <= 8; n += 1) server.says(`missed ${n}`);
  server.away = false;
  await until("it is all there", () => texts(alice).length === 9);
  assert.deepEqual(texts(alice), served(server));
  assert.equal(alice.told.filter(([event]) => event === "message").length, 8, "and it is news");
});

test("without WebSocket it follows events, and without those it asks again and again", async (context) => {
  const { server, tab } = await world(context);
  server.sockets = false;
  const alice = tab(drawer());
  alice.say("by events");
  await until("it is sent", () => idle(alice));
  server.says("seen");
  await until("it is told", () => texts(alice).length === 2);
  server.cut();
  server.says("missed");
  await until("it came back", () => texts(alice).length === 3);
  assert.deepEqual(texts(alice), served(server));
});

test("what the server no longer keeps is read anew from a stream, too", async (context) => {
  const { server, tab } = await world(context, { kept: 2 });
  server.sockets = false;
  for (const kind of ["events", "poll"]) {
    const alice = tab(drawer());
    alice.connection.kind = kind;
    alice.say(`hello by ${kind}`);
    await until("it is sent", () => idle(alice));
    server.away = true;
    server.cut();
    alice.connection.drop();
    alice.connection.become("offline", "");
    for (let n = 1; n <= 5; n += 1) server.says(`missed by ${kind} ${n}`);
    server.away = false;
    alice.poke();
    await until("it is all there", () => texts(alice).length === served(server).length);
    assert.deepEqual(texts(alice), served(server));
    alice.connection.stop();
  }
});

test("a network that holds back events is polled", async (context) => {
  const { server, tab } = await world(context);
  server.sockets = false;
  const alice = tab(drawer());
  alice.connection.kind = "poll";
  alice.say("by asking");
  await until("it is sent", () => idle(alice));
  server.says("one");
  server.says("two");
  await until("it is told", () => texts(alice).length === 3);
  assert.deepEqual(texts(alice), served(server));
});

test("two tabs show the same and double nothing", async (context) => {
  const { server, tab } = await world(context);
  const storage = drawer();
  const one = tab(storage, { name: "one" });
  one.say("from one");
  await until("it is sent", () => idle(one));
  const two = tab(storage, { name: "two" });
  two.connect();
  await until("the other tab is there", () => idle(two));
  two.say("from two");
  one.say("one again");
  await until("all is sent", () => idle(one) && idle(two) && texts(one).length === 3 && texts(two).length === 3);
  assert.deepEqual(texts(one), texts(two));
  assert.equal(server.tokens, 1, "both are one visitor");
});

test("what another tab writes down again after it arrived is not shown twice", async (context) => {
  const { tab } = await world(context);
  const storage = drawer();
  const one = tab(storage, { name: "one" });
  const two = tab(storage, { name: "two" });
  two.connect();
  one.say("from one");
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index));
  const name = names.find((each) => storage.getItem(each).includes("from one"));
  const written = storage.getItem(name);
  await until("both have it", () => idle(one) && idle(two) && texts(two).length === 1);
  storage.setItem(name, written);
  two.say("from two");
  assert.deepEqual(two.view.outgoing.map((item) => item.event.text), ["from two"]);
  await until("all is sent", () => idle(one) && idle(two) && texts(one).length === 2 && texts(two).length === 2);
});

test("an unverified visitor does not become the known user", async (context) => {
  const { server, tab } = await world(context);
  const storage = drawer();
  const alice = tab(storage);
  alice.say("who am I?");
  await until("it is sent", () => idle(alice));
  server.chat = null;
  await alice.identify("carol");
  await until("she is known", () => alice.view.status === "online" && alice.view.state.customer?.id === "known-carol");
  await until("her chat is read", () => alice.view.state.synced);
  assert.deepEqual(texts(alice), []);
  alice.logout();
  assert.equal(alice.returning(), false, "nothing is kept");
});

test("a token that the server no longer takes is replaced", async (context) => {
  const { server, tab } = await world(context);
  const storage = drawer();
  const alice = tab(storage);
  alice.say("one");
  await until("it is sent", () => idle(alice));
  server.tokens += 1;
  server.cut();
  alice.say("two");
  await until("it is sent", () => idle(alice) && texts(alice).length === 2);
  assert.equal(alice.view.state.customer.id, "alice-1", "and she is still the same");
});

test("history is read page by page", async (context) => {
  const { server, tab } = await world(context);
  const alice = tab(drawer());
  for (let n = 0; n < 7; n += 1) {
    alice.say(`topic ${n}`);
    await until("it is sent", () => idle(alice));
    await alice.end();
    await until("it ended", () => alice.view.state.chat.threads.at(-1).active === false);
  }
  const fresh = tab(drawer());
  fresh.connect();
  await until("the newest are there", () => idle(fresh) && fresh.view.state.chat?.threads.length === 3);
  await fresh.older();
  assert.equal(fresh.view.state.chat.threads.length, 6);
  await fresh.older();
  assert.equal(fresh.view.state.chat.threads.length, 7);
  assert.equal(fresh.view.state.chat.older, null);
  assert.equal(fresh.told.filter(([event]) => event === "message").length, 0, "what is old is no news");
});

test("a file is uploaded and sent", async (context) => {
  const { server, tab } = await world(context);
  const alice = tab(drawer());
  await alice.attach(new File(["<svg/>"], "cat.svg", { type: "image/svg+xml" }));
  await until("it is sent", () => idle(alice) && alice.view.state.chat !== null);
  const [event] = server.last().events;
  assert.equal(event.type, "file");
  assert.equal(event.content_type, "image/svg+xml");
});

test("tracked events go into the chat, or beside it", async (context) => {
  const { server, tab } = await world(context);
  const alice = tab(drawer());
  await alice.track("early", { a: 1 });
  assert.deepEqual(server.seen, [["track", { name: "early", data: { a: 1 } }]]);
  alice.say("hello");
  await until("it is sent", () => idle(alice));
  await alice.track("later", null);
  await until("it is sent", () => idle(alice) && server.last().events.length === 2);
  assert.deepEqual(server.last().events[1].content, { name: "later", data: null });
});

test("a form's answers open the chat, and name the customer", async (context) => {
  const { server, tab } = await world(context);
  const alice = tab(drawer());
  alice.fill({ id: "f1", fields: [] }, "prechat", [{ type: "name", id: "n", label: "Name", answer: "Alice" }]);
  await until("it is sent", () => idle(alice) && server.chat !== null);
  assert.equal(server.last().events[0].type, "filled_form");
  assert.equal(server.logins[0].customer.name, "Alice");
});

test("on a bad network everything arrives once and in order", async (context) => {
  const { server, tab } = await world(context, { kept: 6 });
  const roll = dice(7);
  const alice = tab(drawer());
  let lost = 0;
  server.before = (action) => {
    if (!roll.chance(0.15) || lost > 40 || action === "ping") return null;
    lost += 1;
    return "lose";
  };
  const written = [];
  for (let n = 0; n < 40; n += 1) {
    alice.say(`n${n}`);
    written.push(`n${n}`);
    if (roll.chance(0.2)) server.cut();
    if (server.chat && roll.chance(0.3) && server.last().active) server.says(`answer ${n}`);
    if (server.chat && roll.chance(0.05) && server.last().active) server.close_thread("bob");
    await new Promise((resolve) => setTimeout(resolve, roll.below(60)));
  }
  lost = 1000;
  await until("everything is sent", () => idle(alice) && texts(alice).length === served(server).length);
  assert.deepEqual(served(server).filter((text) => /^n\d/.test(text)), written);
  assert.deepEqual(texts(alice), served(server));
});
