// Alice uses no mouse, and Carol a screen reader: everything is reached by keys, focus stays where it belongs, everything has a
// name and a role, and axe finds no fault on any screen, by day and by night.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { openShop } from "./shop.js";
import { field, open, said, say, settled } from "./widget.js";
import { hire, makeChannel, picture, start, tell, until, visitor } from "./world.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PRECHAT = {
  id: "prechat",
  title: "Before we start",
  fields: [
    { type: "name", id: "name", label: "Your name", required: true },
    { type: "radio", id: "about", label: "What is it about?", options: [{ id: "0", label: "A table" }, { id: "1", label: "A delivery" }] },
    { type: "select", id: "when", label: "When?", options: [{ id: "0", label: "Today" }, { id: "1", label: "Later" }] },
  ],
};

const CARDS = {
  type: "rich_message",
  template_id: "cards",
  elements: ["Marinara", "Diavola"].map((title) => ({
    title,
    subtitle: "With tomatoes",
    buttons: [{ type: "message", text: `I want ${title}`, value: title, postback_id: title, user_ids: [] }],
  })),
};

tell(async () => {
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const shop = await openShop();

  // By keys only. The launcher comes after the page's own links.
  const page = await visitor();
  const key = (name) => page.keyboard.press(name);
  const channel = (more = {}) => makeChannel({ widget: { title: "The pizzeria", forms: { prechat: PRECHAT }, ...more } });
  await page.goto(shop(await channel()));
  await page.getByRole("button", { name: "Open the chat" }).waitFor();
  await key("Tab");
  assert.equal((await focused(page)).name, "The menu");
  await key("Tab");
  assert.deepEqual(await focused(page), { role: "button", name: "Open the chat" });
  const ring = await page.locator(".launcher").evaluate((each) => getComputedStyle(each).outlineStyle);
  assert.equal(ring, "solid", "focus is seen");
  await key("Enter");
  await page.getByRole("dialog", { name: "The pizzeria" }).waitFor();
  assert.equal((await focused(page)).role, "dialog");

  // Through the form: what is missing is said where it is missing, and focus goes there.
  await walkTo(page, "Start the chat");
  await key("Enter");
  await page.getByRole("alert").filter({ hasText: "Please fill this in" }).waitFor();
  assert.equal((await focused(page)).name, "Your name");
  assert.equal(await page.getByLabel("Your name").getAttribute("aria-invalid"), "true");
  await page.keyboard.type("Alice");
  await key("Tab");
  await key("Space");
  await key("ArrowDown");
  await key("Tab");
  await page.keyboard.type("Lat");
  await key("Enter");
  await walkTo(page, "Start the chat");
  await key("Space");
  await page.locator(".answers", { hasText: "A delivery" }).filter({ hasText: "Later" }).waitFor();
  assert.equal((await focused(page)).name, "Write a message…", "she can write at once");
  await page.keyboard.type("Hello");
  await key("Shift+Enter");
  await page.keyboard.type("again");
  await key("Enter");
  await said(page, "Hello again").waitFor();
  await settled(page);

  // Focus goes round in the window, is in the menu when that is open, and comes back when it is closed.
  const round = new Set();
  for (let step = 0; step < 12; step += 1) {
    await key("Tab");
    round.add((await focused(page)).name);
  }
  assert.ok(round.has("Minimise") && round.has("Write a message…") && round.has("Attach a file"), [...round].join());
  assert.ok(!round.has("The menu"), "focus stays in the window");
  await walkTo(page, "More");
  await key("Enter");
  await walkTo(page, "Send me a transcript");
  await key("Enter");
  await page.getByRole("dialog", { name: "Send me a transcript" }).waitFor();
  await key("Escape");
  await page.getByRole("dialog", { name: "Send me a transcript" }).waitFor({ state: "detached" });
  assert.equal((await focused(page)).name, "More");

  // What Bob says is read out once; his cards are pressed by keys.
  const chat = await bob.newChat();
  await bob.say(chat, "What would you like?");
  const live = page.locator("[aria-live=polite]");
  await until("it is read out", async () => (await live.textContent()) === "Bob: What would you like?");
  await bob("send_event", { chat_id: chat, event: CARDS });
  await page.getByRole("button", { name: "I want Marinara" }).waitFor();
  await walkTo(page, "I want Marinara", "Shift+Tab");
  await key("Enter");
  await page.locator(".mine .bubble", { hasText: "I want Marinara" }).waitFor();
  await picture(page, "1-cards");

  // Closed by a key, focus is where it was.
  await key("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(await focused(page), { role: "button", name: "Open the chat" });

  const known = [chat];
  // No screen has a fault that axe can find.
  for (const theme of ["light", "dark"]) {
    const eyes = await visitor({ reducedMotion: "reduce" });
    await eyes.goto(shop(await channel({ theme, greetings: [{ id: "g", when: {}, text: "Hungry?" }] }), { look: theme === "dark" ? "night" : "day" }));
    await eyes.locator(".teaser").waitFor();
    const look = (what) => faultless(eyes, `${theme}: ${what}`);
    await look("a greeting");
    await open(eyes);
    await look("a form");
    await eyes.getByRole("button", { name: "Start the chat" }).click();
    await look("a form with faults");
    await eyes.getByLabel("Your name").fill("Carol");
    await eyes.getByRole("button", { name: "Start the chat" }).click();
    await say(eyes, "Hello");
    await settled(eyes);
    const carols = await bob.newChat(known);
    known.push(carols);
    await bob.say(carols, "Look: https://pizza.example.org");
    await bob("send_event", { chat_id: carols, event: CARDS });
    await bob("send_event", { chat_id: carols, event: { ...CARDS, template_id: "quick_replies", elements: CARDS.elements.slice(0, 1) } });
    await bob("send_typing_indicator", { chat_id: carols, is_typing: true });
    await eyes.locator(".typing").waitFor();
    await look("a talk");
    await eyes.getByRole("button", { name: "More" }).click();
    await look("the menu");
    await eyes.getByRole("button", { name: "Rate the conversation" }).click();
    await look("a rating");
    await field(eyes).waitFor();
    await eyes.keyboard.press("Escape");
    await bob("deactivate_chat", { id: carols, ignore_requester_presence: true });
    await eyes.getByText("This conversation has ended").waitFor();
    await look("an end");
  }
});

/** What has the focus: its role and its name. */
function focused(page) {
  return page.evaluate(() => {
    let each = document.activeElement;
    while (each?.shadowRoot?.activeElement) each = each.shadowRoot.activeElement;
    const role = each.getAttribute("role") ?? each.localName;
    return { role, name: each.getAttribute("aria-label") ?? each.labels?.[0]?.textContent ?? each.textContent.trim() };
  });
}

/** Goes on with the key until something of this name has the focus. */
async function walkTo(page, name, key = "Tab") {
  const passed = [];
  for (let step = 0; step < 25; step += 1) {
    await page.keyboard.press(key);
    const now = await focused(page);
    if (now.name === name) return;
    passed.push(now.name);
  }
  assert.fail(`${name} is not reached by keys, only ${passed.join(", ")}`);
}

async function faultless(page, what) {
  // The page's policy forbids another script; the browser's own tools may.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run("tidings-widget", { resultTypes: ["violations"] }));
  const faults = found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(faults, [], what);
  assert.ok(found.passes.length > 5, `${what}: axe looked at something`);
}
