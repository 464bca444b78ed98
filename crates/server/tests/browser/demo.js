// Alice opens the demo in a real browser: she says hello, orders, reloads the page, writes while the server is away, and
// comes back on a phone.

import assert from "node:assert/strict";
import { base, fits, kill, picture, start as serve, tell, visitor } from "./world.js";

const start = () => serve({ command: "demo" });

tell(async () => {
  await start();
  const page = await visitor();
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
  const phone = await page.context().newPage();
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
});

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
