// Alice opens the demo in a real browser: she says hello, orders, reloads the page, writes while the server is away, and
// comes back on a phone. Run by `crates/server/tests/it/browser.rs`:
//
//     node story.js TIDINGS ADDRESS DATA CHROMIUM PICTURES
//
// It starts `tidings demo` at that address itself, because it kills it as well. Each wait has a bound; the exit code is
// the verdict, and pictures of each step stay in the folder PICTURES.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

/** How long the page may take to show anything. */
const PATIENCE_MS = 20_000;

const [tidings, address, data, browserPath, pictures] = process.argv.slice(2);
const base = `http://${address}`;
mkdirSync(pictures, { recursive: true });

let server = null;
let browser = null;
try {
  await start();
  browser = await chromium.launch({
    executablePath: browserPath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  await story();
  console.log("the story ended well");
} finally {
  await browser?.close();
  server?.kill("SIGKILL");
}

async function story() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(PATIENCE_MS);
  const faults = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${base}/demo`);
  let chat = await chatOf(page);

  // Hello, and the bot's answer.
  await say(chat, "hello");
  await chat.getByText("this is the pizzeria").waitFor();
  await page.locator("#events .row .type", { hasText: "chat.rich_message" }).first().waitFor();
  await page.locator("#webhooks .row", { hasText: "Signature verified" }).first().waitFor();
  await picture(page, "1-hello");

  // A button.
  await chat.getByRole("button", { name: "Order a pizza" }).click();
  await chat.getByText("What is your name?").waitFor();
  await page.locator("#events .row .type", { hasText: "chat.postback" }).first().waitFor();
  await say(chat, "Alice");
  await chat.getByText("Which pizza?").waitFor();
  await picture(page, "2-order");
  assert.equal(await page.locator("#webhooks .wrong").count(), 0, "every signature is right");

  // A reload keeps the conversation.
  await settled(chat);
  const before = await messages(chat);
  await page.reload();
  chat = await chatOf(page);
  await chat.getByText("Which pizza?").waitFor();
  await settled(chat);
  assert.deepEqual(await messages(chat), before, "the conversation is the same after a reload");

  // The server is killed; what is written meanwhile waits, and arrives once.
  await kill();
  await say(chat, "Funghi");
  const waiting = chat.locator(".entry[data-sending]", { hasText: "Funghi" });
  await waiting.waitFor();
  await picture(page, "3-away");
  // After its last try the page asks.
  const retry = chat.getByRole("button", { name: "Try again" });
  await retry.waitFor();
  assert.equal(await chat.locator(".entry[data-sending=failed]").count(), 1);
  await picture(page, "4-not-sent");
  await start();
  await retry.click();
  await chat.getByText("Which size?").waitFor();
  await waiting.waitFor({ state: "detached" });
  await settled(chat);
  const after = await messages(chat);
  assert.deepEqual(after.slice(0, before.length), before, "nothing that was said is lost");
  assert.equal(after.filter((text) => text === "Funghi").length, 1, "it arrived once");
  assert.equal(new Set(after).size, after.length, `nothing is there twice: ${JSON.stringify(after)}`);
  await picture(page, "5-back");

  // What waits survives a reload of the page, too.
  await kill();
  await say(chat, "Large");
  await chat.locator(".entry[data-sending]", { hasText: "Large" }).waitFor();
  await start();
  await chat.getByText("Another one?").waitFor();
  await settled(chat);
  const end = await messages(chat);
  assert.equal(end.filter((text) => text === "Large").length, 1, "it arrived once, by itself");

  // On a phone: the same browser profile, so the same conversation.
  const phone = await context.newPage();
  phone.on("pageerror", (error) => faults.push(String(error)));
  await phone.setViewportSize({ width: 390, height: 844 });
  await phone.goto(`${base}/demo`);
  const small = await chatOf(phone);
  await small.getByText("Another one?").waitFor();
  await settled(small);
  assert.deepEqual(await messages(small), end, "the phone shows the same conversation");
  await fits(phone);
  await picture(phone, "6-phone-chat");
  await phone.getByRole("tab", { name: /Events/ }).click();
  await phone.locator("#events .row").first().waitFor();
  await fits(phone);
  await picture(phone, "7-phone-events");
  await phone.getByRole("tab", { name: /Webhooks/ }).click();
  await phone.locator("#webhooks .row").first().waitFor();
  await picture(phone, "8-phone-webhooks");

  // Both screens are live.
  await phone.getByRole("tab", { name: /Chat/ }).click();
  await small.getByRole("button", { name: "no", exact: true }).last().click();
  await chat.getByText("Where shall we bring it?").waitFor();
  await small.getByText("Where shall we bring it?").waitFor();
  assert.deepEqual(faults, [], "no script failed");
}

async function chatOf(page) {
  const frame = page.frameLocator("#frame");
  await frame.locator("#state[data-state=online]").waitFor();
  return frame;
}

async function say(chat, text) {
  await chat.locator("#text").fill(text);
  await chat.locator("#text").press("Enter");
}

/** The texts of the conversation, without times and names. */
function messages(chat) {
  return chat.locator(".entry").evaluateAll((entries) =>
    entries.map((entry) => {
      const copy = entry.cloneNode(true);
      for (const part of copy.querySelectorAll(".who, .unseen, .below, button")) part.remove();
      return copy.textContent.trim();
    }),
  );
}

/** Waits until nothing waits to be sent. */
async function settled(chat) {
  await chat.locator("#log:not(:has(.entry[data-sending]))").waitFor({ state: "attached" });
}

/** A page that is wider than its screen has to be pushed about. */
async function fits(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
}

function picture(page, name) {
  return page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

async function start() {
  server = spawn(tidings, ["demo", "--listen", address, "--data", data], { stdio: ["ignore", "ignore", "inherit"] });
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const ready = await fetch(`${base}/readyz`).catch(() => null);
    if (ready?.ok) return;
    assert.equal(server.exitCode, null, "tidings demo ended");
    assert.ok(Date.now() < until, "tidings demo is not ready");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function kill() {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGKILL");
  await ended;
}
