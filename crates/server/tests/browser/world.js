// What every story in the browser begins with: the real server, a real browser, and an agent. `crates/server/tests/it/browser.rs`
// runs a story as
//
//     node STORY.js TIDINGS ADDRESS DATA CHROMIUM PICTURES TOKEN
//
// The story starts the server itself, because it kills it as well. Each wait has a bound; the exit code is the verdict, and
// pictures of each step stay in the folder PICTURES.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

/** How long the page may take to show anything. */
export const PATIENCE_MS = 20_000;

const [tidings, address, data, browserPath, pictures, token] = process.argv.slice(2);

/** Where the server is. */
export const base = `http://${address}`;

let process_ = null;
let browser = null;
const ends = [];
const faults = [];

/** Tells a story with a browser, and ends everything that it began. */
export async function tell(story) {
  mkdirSync(pictures, { recursive: true });
  try {
    browser = await chromium.launch({
      executablePath: browserPath,
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
    await story();
    assert.deepEqual(faults, [], "no script failed and no policy was hurt");
    console.log("the story ended well");
  } finally {
    await browser?.close();
    for (const end of ends) await end();
    process_?.kill("SIGKILL");
  }
}

/** Has something ended with the story. */
export function atTheEnd(end) {
  ends.push(end);
}

/** Starts the server, and waits until it is ready. */
export async function start({ command = "serve", settings = {} } = {}) {
  process_ = spawn(tidings, [command, "--listen", address, "--data", data], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      TIDINGS_BOOTSTRAP_TOKEN: token,
      TIDINGS__LIMITS__VISITOR_MESSAGES_PER_SECOND: "0",
      ...settings,
    },
  });
  await until("the server is ready", async () => {
    assert.equal(process_.exitCode, null, "tidings ended");
    return (await fetch(`${base}/readyz`).catch(() => null))?.ok ?? false;
  });
}

/** Kills the server, without a word. */
export async function kill() {
  const ended = new Promise((resolve) => process_.once("exit", resolve));
  process_.kill("SIGKILL");
  await ended;
}

/** A bot that the server finds when it starts. */
export function writeBot(name, text) {
  const folder = path.join(data, "bots", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "bot.yaml"), text);
}

/** A browser of its own, with one page. */
export async function visitor(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  // What breaks the page's policy, or is thrown, is a fault of every story. A killed server is told of on the console, too.
  context.on("page", (page) => {
    page.on("pageerror", (error) => faults.push(String(error.stack)));
    page.on("console", (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
    });
  });
  return context.newPage();
}

/** Chromium's own commands for a page. */
export function devtools(page) {
  return page.context().newCDPSession(page);
}

/** Does something while the browser sleeps, all of it, as when somebody shuts the computer. */
export async function whileAsleep(work) {
  const { processInfo } = await (await browser.newBrowserCDPSession()).send("SystemInfo.getProcessInfo");
  const signal = (name) => processInfo.forEach(({ id }) => process.kill(id, name));
  signal("SIGSTOP");
  try {
    await work();
  } finally {
    signal("SIGCONT");
  }
}

export function picture(page, name) {
  // Whatever moves has come to rest.
  return page.screenshot({ path: path.join(pictures, `${name}.png`), animations: "disabled" });
}

export async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A page that is wider than its screen has to be pushed about. */
export async function fits(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than its screen`);
}

/** Asks the server's own API. */
export async function api(method, at, body) {
  const response = await ask(`${base}${at}`, method, token, body);
  const text = await response.text();
  assert.ok(response.ok, `${method} ${at}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

function ask(url, method, bearer, body) {
  return fetch(url, {
    method,
    headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

/** A web channel's id. */
export async function makeChannel(settings, bot) {
  const made = await api("POST", "/api/v1/channels", { kind: "web", name: "Shop", settings, ...(bot ? { bot } : {}) });
  return made.id;
}

/** What happened, of a type. */
export async function logged(type) {
  const { items } = await api("GET", `/api/v1/events?limit=100&type=${type}`);
  return items;
}

/** An agent: calls a method of the Agent Chat API in their name. */
export async function hire(id, name, more = {}) {
  await api("PUT", `/api/v1/agents/${id}`, { name, role: "administrator", status: "accepting", job_title: "Pizza chef", ...more });
  const { token: own } = await api("POST", `/api/v1/agents/${id}/tokens`, { name: "story" });
  const agent = (action, payload = {}) => agent.ask("agent", action, payload);
  agent.token = own;
  agent.configure = (action, payload = {}) => agent.ask("configuration", action, payload);
  agent.ask = async (side, action, payload) => {
    const response = await ask(`${base}/v3.6/${side}/action/${action}`, "POST", own, payload);
    const answer = await response.json();
    assert.ok(response.ok, `${action}: ${JSON.stringify(answer)}`);
    return answer;
  };
  /** The newest chat, as soon as there is one that was not known. */
  agent.newChat = async (known = []) => {
    let found = null;
    await until("a chat", async () => {
      const { chats_summary: chats } = await agent("list_chats", { limit: 100 });
      found = chats.find(({ id }) => !known.includes(id))?.id ?? null;
      return found !== null;
    });
    return found;
  };
  agent.say = (chat, text) => agent("send_event", { chat_id: chat, event: { type: "message", text } });
  /** What was said in the newest thread of a chat. */
  agent.texts = async (chat) => {
    const { thread } = await agent("get_chat", { chat_id: chat });
    return thread.events.filter(({ type }) => type === "message").map(({ text }) => text);
  };
  return agent;
}

/** What an agent hears of a push, from now on: its payloads, the newest last. */
export async function listen(agent, push) {
  const heard = [];
  const ended = new AbortController();
  atTheEnd(() => ended.abort());
  const query = new URLSearchParams({ token: agent.token, pushes: push });
  const response = await fetch(`${base}/v3.6/agent/rtm/sse?${query}`, { signal: ended.signal });
  assert.equal(response.status, 200, await (response.ok ? "" : response.text()));
  const follow = async () => {
    let text = "";
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      const frames = (text += part).split("\n\n");
      text = frames.pop();
      for (const frame of frames) {
        const data = frame.split("\n").find((line) => line.startsWith("data: "));
        if (data) heard.push(JSON.parse(data.slice("data: ".length)).payload);
      }
    }
  };
  // A line that ends is no fault: the story may kill the server.
  follow().catch(() => {});
  return heard;
}
