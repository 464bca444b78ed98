// Alice chats by the widget on the page of a shop, in a real browser: she fills in the form, talks to Bob, who answers by the
// Agent Chat API, reloads, writes while the server is away, sends a file, rates the chat, presses a bot's buttons, and looks at it
// on a phone, in Arabic and at night. Run by `crates/server/tests/it/browser.rs`:
//
//     node widget.js TIDINGS ADDRESS DATA CHROMIUM PICTURES TOKEN
//
// The page has another origin than the server and the strictest policy that the widget's guide allows. Each wait has a
// bound; the exit code is the verdict, and pictures of each step stay in the folder PICTURES.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";

/** How long the page may take to show anything. */
const PATIENCE_MS = 20_000;

/** With this the shop signs who its users are. */
const IDENTITY_SECRET = "the shop's identity secret of 32 bytes or more";

const [tidings, address, data, browserPath, pictures, token] = process.argv.slice(2);
const base = `http://${address}`;
mkdirSync(pictures, { recursive: true });

const WIDGET = {
  title: "The pizzeria",
  subtitle: "We answer within minutes",
  color: "#0f766e",
  forms: {
    prechat: {
      id: "prechat",
      title: "Before we start",
      fields: [
        { type: "name", id: "name", label: "Your name", required: true },
        { type: "email", id: "email", label: "E-mail", required: true },
      ],
    },
  },
};

const BOT = `
behaviors:
  - name: order
    on: chat.message
    when: event.text == 'pizza'
    do:
      - ask: Which size?
        buttons: [{text: Small, value: s}, {text: "Large, please", value: l}]
        validate: buttons
        into: session.size
      - say: "One pizza of size {{ session.size }}."
`;

let server = null;
let browser = null;
let shop = null;
const faults = [];
try {
  mkdirSync(path.join(data, "bots", "pizzeria"), { recursive: true });
  writeFileSync(path.join(data, "bots", "pizzeria", "bot.yaml"), BOT);
  await start();
  browser = await chromium.launch({
    executablePath: browserPath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  shop = await openShop();
  await story();
  console.log("the story ended well");
} finally {
  await browser?.close();
  shop?.close();
  server?.kill("SIGKILL");
}

async function story() {
  const { organization_id: organization } = await api("GET", "/api/v1/workspace");
  const bob = await hire("bob@example.com", "Bob");
  const channel = await makeChannel({ widget: WIDGET, identity_secret: IDENTITY_SECRET });
  const address = (more = "") => `${shop.url}/?organization=${organization}&channel=${channel}${more}`;
  const visitor = async (options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    watch(page);
    return page;
  };

  // She opens the chat, is asked who she is, and writes.
  const page = await visitor();
  await page.goto(address());
  await page.getByRole("button", { name: "Open the chat" }).click();
  await page.getByRole("button", { name: "Start the chat" }).click();
  await page.getByText("Please fill this in").first().waitFor();
  await page.getByLabel("Your name").fill("Alice");
  await page.getByLabel("E-mail").fill("alice@example.com");
  await picture(page, "1-form");
  await page.getByRole("button", { name: "Start the chat" }).click();
  await page.locator(".answers", { hasText: "alice@example.com" }).waitFor();
  await say(page, "Hello, do you have a table for four tonight?");
  await settled(page);
  const chat = await onlyChat(bob);

  // Bob answers; she sees that he writes, what he says, and that he read hers.
  await bob("add_user_to_chat", { chat_id: chat, user_id: "bob@example.com", user_type: "agent", visibility: "all", ignore_requester_presence: true }, ["already_exists", "validation"]);
  await bob("send_typing_indicator", { chat_id: chat, is_typing: true });
  await page.locator(".typing").waitFor();
  await bob("send_event", { chat_id: chat, event: { type: "message", text: "Of course! Look at https://pizza.example.org/menu meanwhile." } });
  const link = page.getByRole("link", { name: "https://pizza.example.org/menu" });
  await link.waitFor();
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer nofollow");
  await page.locator(".state[data-state=seen]").waitFor();
  await page.locator(".typing").waitFor({ state: "detached" });
  await bob("send_event", {
    chat_id: chat,
    event: {
      type: "rich_message",
      template_id: "cards",
      elements: [
        {
          title: "Marinara",
          subtitle: "Tomato, garlic, oregano",
          buttons: [
            { type: "message", text: "I want it", value: "marinara", postback_id: "order", user_ids: [] },
            { type: "url", text: "Details", value: "https://pizza.example.org/marinara", postback_id: "details", user_ids: [] },
          ],
        },
      ],
    },
  });
  await page.getByRole("button", { name: "I want it" }).click();
  await page.locator(".mine .bubble", { hasText: "I want it" }).waitFor();
  // What is markup in somebody's text stays text.
  await bob("send_event", { chat_id: chat, event: { type: "message", text: "<img src=x onerror=alert(1)><b>bold</b>" } });
  await said(page, "<img src=x onerror=alert(1)><b>bold</b>").waitFor();
  await settled(page);
  await picture(page, "2-talk");

  // Agents see what she has not sent yet; a closed window counts what it has not shown.
  await page.getByRole("button", { name: "Minimise" }).click();
  await bob("send_event", { chat_id: chat, event: { type: "message", text: "At eight?" } });
  await page.getByRole("button", { name: "Open the chat, 1 new" }).waitFor();
  await page.locator(".teaser", { hasText: "At eight?" }).waitFor();
  await picture(page, "3-closed");
  await page.getByRole("button", { name: "Open the chat, 1 new" }).click();
  await page.locator(".badge").waitFor({ state: "detached" });

  // A reload keeps the conversation, and the window open.
  await settled(page);
  const before = await messages(page);
  await page.reload();
  await said(page, "At eight?").waitFor();
  await settled(page);
  assert.deepEqual(await messages(page), before, "the conversation is the same after a reload");

  // The server is killed; what is written meanwhile waits, survives another reload of the page's script, and arrives once.
  await kill();
  await say(page, "Eight is fine");
  await say(page, "and we bring a dog");
  await page.locator("[data-waiting=sending]", { hasText: "Eight is fine" }).waitFor();
  await page.locator(".banner.warn").waitFor();
  await picture(page, "4-away");
  await start();
  await page.reload();
  await settled(page);
  await said(page, "and we bring a dog").waitFor();
  const after = await messages(page);
  assert.deepEqual(after.slice(0, before.length), before, "nothing that was said is lost");
  assert.deepEqual(after.slice(before.length), ["Eight is fine", "and we bring a dog"], "each arrived once, in order");

  // Once more, without a reload: the line comes back by itself, and brings what was said meanwhile.
  await kill();
  await say(page, "Are you there?");
  await start();
  await bob("send_event", { chat_id: chat, event: { type: "message", text: "Dogs are welcome" } });
  await said(page, "Dogs are welcome").waitFor();
  await settled(page);
  const end = await messages(page);
  assert.equal(end.filter((text) => text === "Are you there?").length, 1, `it arrived once: ${end}`);
  assert.equal(new Set(end).size, end.length, `nothing is there twice: ${JSON.stringify(end)}`);

  // A second tab shows the same, and doubles nothing.
  const tab = await page.context().newPage();
  watch(tab);
  await tab.goto(address());
  await tab.getByRole("button", { name: "Open the chat" }).click();
  await said(tab, "Dogs are welcome").waitFor();
  await settled(tab);
  assert.deepEqual(await messages(tab), end);
  await say(tab, "From the other tab");
  await said(page, "From the other tab").waitFor();
  await settled(tab);
  await settled(page);
  assert.deepEqual(await messages(page), await messages(tab));
  await tab.close();

  // A picture, by the button; it is shown.
  const photo = await page.screenshot({ clip: { x: 240, y: 60, width: 400, height: 260 } });
  await page.locator("input[type=file]").setInputFiles({ name: "dog.png", mimeType: "image/png", buffer: photo });
  await page.locator(".picture img").waitFor();
  await settled(page);
  await page.waitForFunction(() => {
    const img = document.querySelector("tidings-widget").shadowRoot.querySelector(".picture img");
    return img.complete && img.naturalWidth > 0;
  });
  await picture(page, "5-file");

  // The page tells of something, and is told.
  await page.evaluate(() => window.tidings.track("table_booked", { people: 4 }));
  await until("the event is in the chat", async () => {
    const { thread } = await bob("get_chat", { chat_id: chat });
    return thread.events.some((event) => event.type === "custom" && event.content?.name === "table_booked");
  });

  // Bob ends it; she rates it, and wants the transcript.
  await bob("deactivate_chat", { id: chat, ignore_requester_presence: true });
  await page.getByText("This conversation has ended").waitFor();
  await page.getByRole("button", { name: "Good" }).click();
  await page.getByLabel("Tell us more (optional)").fill("Kind people");
  await picture(page, "6-rating");
  await page.locator(".after form").getByRole("button", { name: "Send" }).click();
  await until("the rating is there", async () => {
    const { thread } = await bob("get_chat", { chat_id: chat });
    return thread.properties?.rating?.score === 1 && thread.properties.rating.comment === "Kind people";
  });
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Send me a transcript" }).click();
  await page.locator(".sheet").getByLabel("E-mail").fill("alice@example.com");
  await page.locator(".sheet").getByRole("button", { name: "Send" }).click();
  await page.getByText("The transcript will go to alice@example.com").waitFor();

  // A new conversation is another thread; the old one stays above it.
  await page.getByRole("button", { name: "Start a new conversation" }).click();
  await page.getByLabel("Your name").fill("Alice");
  await page.getByLabel("E-mail").fill("alice@example.com");
  await page.getByRole("button", { name: "Start the chat" }).click();
  await page.locator(".answers").nth(1).waitFor();
  await say(page, "Me again");
  await settled(page);
  const { threads } = await bob("list_threads", { chat_id: chat });
  assert.equal(threads.length, 2);
  await said(page, "Dogs are welcome").waitFor({ state: "attached" });

  // Whoever the shop vouches for is somebody else than the visitor.
  await page.evaluate((jwt) => window.tidings.identify(jwt), signed("user-7", "Carol"));
  await page.getByRole("button", { name: "Start the chat" }).waitFor();
  assert.equal(await page.getByText("Me again").count(), 0, "she sees nothing of the visitor before her");

  // At night, on a phone, in Arabic, and as a page of its own.
  const dark = await makeChannel({ widget: { ...WIDGET, theme: "dark", position: "left", forms: {} } });
  const night = await visitor();
  await night.goto(`${shop.url}/?night=1&organization=${organization}&channel=${dark}`);
  await night.getByRole("button", { name: "Open the chat" }).click();
  await say(night, "Good evening");
  await settled(night);
  await picture(night, "7-night");

  const quick = await makeChannel({ widget: { ...WIDGET, forms: {} } }, "pizzeria");
  const phone = await visitor({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await phone.goto(`${shop.url}/?organization=${organization}&channel=${quick}`);
  await phone.getByRole("button", { name: "Open the chat" }).tap();
  await say(phone, "pizza");
  const large = phone.getByRole("button", { name: "Large, please" });
  await large.waitFor();
  await settled(phone);
  await picture(phone, "8-phone");
  await large.tap();
  await said(phone, "One pizza of size l.").waitFor();
  await large.waitFor({ state: "detached" });
  const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
  await picture(phone, "9-phone-pressed");

  const arabic = await visitor({ locale: "ar-EG" });
  await arabic.goto(`${shop.url}/?organization=${organization}&channel=${quick}`);
  await arabic.getByRole("button", { name: "فتح المحادثة" }).click();
  await say(arabic, "pizza");
  await arabic.getByRole("button", { name: "Large, please" }).waitFor();
  await settled(arabic);
  await picture(arabic, "10-arabic");

  const alone = await visitor();
  await alone.goto(`${base}/widget?organization=${organization}&channel=${quick}`);
  await say(alone, "pizza");
  await alone.getByRole("button", { name: "Large, please" }).waitFor();
  await picture(alone, "11-page");
  assert.deepEqual(faults, [], "no script failed and no policy was hurt");
}

function watch(page) {
  page.on("pageerror", (error) => faults.push(String(error.stack)));
  page.on("console", (message) => {
    const text = message.text();
    // A killed server is told of there, too; what breaks the page's policy must not be.
    if (/Content Security Policy|Refused to/.test(text)) faults.push(text);
  });
}

async function say(page, text) {
  const field = page.getByRole("textbox", { name: /Write a message|اكتب رسالة/ });
  await field.fill(text);
  await field.press("Enter");
}

/** A message with this text; what is read out to who does not see it is another. */
function said(page, text) {
  return page.locator(".bubble", { hasText: text });
}

/** What was said, without names and times. */
function messages(page) {
  return page.locator(".group .bubble:not(.typing)").evaluateAll((bubbles) => bubbles.map((each) => each.textContent.trim()));
}

/** Waits until the line is open and nothing waits to be sent. */
async function settled(page) {
  await page.locator(".window:not(:has([data-waiting])):not(:has(.banner.warn)):not(:has(.skeleton))").waitFor();
}

function picture(page, name) {
  // Whatever moves has come to rest.
  return page.waitForTimeout(300).then(() => page.screenshot({ path: path.join(pictures, `${name}.png`) }));
}

async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What the shop says of its user: a JWT by HS256. */
function signed(subject, name) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: subject, name, exp: Math.floor(Date.now() / 1000) + 600 };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", IDENTITY_SECRET).update(text).digest("base64url")}`;
}

/** The page that carries the widget: of another origin, and as strict as can be. */
async function openShop() {
  const styles = "body{margin:0;font:16px/1.6 system-ui;color:#333;background:#faf8f4}main{max-width:680px;margin:64px auto;padding:0 24px}body.night{background:#15171c;color:#b9bdc6}";
  const site = createServer((request, response) => {
    const url = new URL(request.url, "http://shop");
    if (url.pathname === "/shop.css") return response.writeHead(200, { "Content-Type": "text/css" }).end(styles);
    const safe = (name) => (url.searchParams.get(name) ?? "").replace(/[^\w-]/g, "");
    const policy = [
      "default-src 'none'",
      "style-src 'self'",
      `script-src ${base}`,
      `connect-src ${base} ${base.replace("http", "ws")}`,
      `img-src ${base} https: data:`,
    ];
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy.join("; ") });
    response.end(
      `<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,"><link rel="stylesheet" href="/shop.css"></head><body class="${url.searchParams.has("night") ? "night" : ""}"><main>
      <h1>Pizza since 1987</h1><p>${"From a wood-fired oven, every day from eleven to eleven. ".repeat(14)}</p></main>
      <script src="${base}/widget.js" data-organization="${safe("organization")}" data-channel="${safe("channel")}" async></script></body></html>`,
    );
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${site.address().port}`, close: () => site.close() };
}

async function api(method, at, body) {
  const response = await fetch(`${base}${at}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${at}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

async function makeChannel(settings, bot) {
  const made = await api("POST", "/api/v1/channels", { kind: "web", name: "Shop", settings, ...(bot ? { bot } : {}) });
  return made.id;
}

/** An agent, and what calls the Agent Chat API in their name. */
async function hire(id, name) {
  await api("PUT", `/api/v1/agents/${id}`, { name, role: "administrator", status: "accepting", job_title: "Pizza chef" });
  const { token: own } = await api("POST", `/api/v1/agents/${id}/tokens`, { name: "story" });
  return async (action, payload, harmless = []) => {
    const response = await fetch(`${base}/v3.6/agent/action/${action}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${own}`, "Content-Type": "application/json" },
      body: JSON.stringify(payload),
    });
    const answer = await response.json();
    assert.ok(response.ok || harmless.includes(answer.error?.type), `${action}: ${JSON.stringify(answer)}`);
    return answer;
  };
}

/** The only chat that there is. */
async function onlyChat(bob) {
  let found = null;
  await until("a chat", async () => {
    const { chats_summary: chats } = await bob("list_chats", {});
    found = chats[0]?.id ?? null;
    return found !== null;
  });
  return found;
}

async function start() {
  server = spawn(tidings, ["serve", "--listen", address, "--data", data], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, TIDINGS_BOOTSTRAP_TOKEN: token, TIDINGS__LIMITS__VISITOR_MESSAGES_PER_SECOND: "0" },
  });
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const ready = await fetch(`${base}/readyz`).catch(() => null);
    if (ready?.ok) return;
    assert.equal(server.exitCode, null, "tidings ended");
    assert.ok(Date.now() < end, "tidings is not ready");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function kill() {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGKILL");
  await ended;
}
