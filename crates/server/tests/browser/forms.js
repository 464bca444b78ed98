// A bot asks for a table with one form: Alice fills it in by the widget, with a file, and Carol on the chat page, where one
// answer does not fit and is asked for again.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { openShop } from "./shop.js";
import { open, said, say, settled } from "./widget.js";
import { base, fits, logged, makeChannel, picture, start, tell, visitor, writeBot } from "./world.js";

const BOT = `
behaviors:
  - name: book
    on: chat.message
    when: event.text == 'table'
    do:
      - form: A table for you.
        fields:
          name: Your name
          email: {text: Where do we confirm it?, input: email}
          seats: {text: How many seats?, input: {type: number, min: 1, max: 8}}
          day: {text: Which day?, input: {type: date, from: '2026-11-21', until: '2030-12-31'}}
          stay: {text: Do you stay with us?, input: {type: calendar, range: true}, required: false}
          hunger: {text: How hungry are you?, input: {type: slider, min: 0, max: 10}}
          place: {text: Where?, input: {type: choice, of: [Inside, {text: Outside, value: garden}]}}
          extras: {text: Anything else?, input: {type: checkboxes, of: [High chair, Candle]}, required: false}
          like: {text: How do you like us?, input: {type: rating, max: 5}, required: false}
          menu: {text: A menu that you like, input: {type: file, accept: [pdf], size: 1 MB}, required: false}
        into: session.table
      - say: 'Booked: {{ session.table | json }}'
`;

tell(async () => {
  writeBot("pizzeria", BOT);
  await start();
  const channel = await makeChannel({ widget: { title: "The pizzeria", color: "#0f766e" } }, "pizzeria");
  const shop = await openShop();

  // By the widget, with a file.
  const alice = await visitor();
  await alice.goto(shop(channel));
  await open(alice);
  await say(alice, "table");
  const form = alice.locator(".card form");
  await form.getByText("A table for you.").waitFor();
  assert.equal(await form.getByLabel("How many seats?").getAttribute("type"), "number");
  assert.equal(await form.getByLabel("Which day?").getAttribute("min"), "2026-11-21");
  await form.getByLabel("Your name").fill("Alice");
  await form.getByLabel("Where do we confirm it?").fill("alice@example.com");
  // What the browser itself finds wrong is told beside it, and nothing is sent.
  await form.getByLabel("How many seats?").fill("40");
  await form.getByLabel("Which day?").fill("2026-12-24");
  await form.getByLabel("Outside").check();
  await form.getByRole("button", { name: "Send" }).click();
  await form.locator(".error").waitFor();
  await picture(alice, "1-wrong");
  await form.getByLabel("How many seats?").fill("4");
  await form.getByLabel("Do you stay with us?").fill("2026-12-24");
  await form.getByLabel("–").fill("2026-12-26");
  await form.getByLabel("How hungry are you?").fill("8");
  await form.getByLabel("High chair").check();
  await form.getByLabel("4", { exact: true }).check();
  const menu = path.join(os.tmpdir(), `menu-${process.pid}.pdf`);
  writeFileSync(menu, "%PDF-1.4\n");
  await form.getByLabel("A menu that you like").setInputFiles(menu);
  await form.getByText("✓").waitFor();
  await picture(alice, "2-filled-in");
  await form.getByRole("button", { name: "Send" }).click();
  await said(alice, "Booked:").waitFor();
  await settled(alice);
  await picture(alice, "3-booked");
  const booked = JSON.parse((await said(alice, "Booked:").textContent()).replace("Booked: ", ""));
  const { menu: file, ...rest } = booked;
  assert.deepEqual(rest, {
    name: "Alice",
    email: "alice@example.com",
    seats: 4,
    day: "2026-12-24",
    stay: { from: "2026-12-24", until: "2026-12-26" },
    hunger: 8,
    place: "garden",
    extras: ["High chair"],
    like: 4,
  });
  assert.equal(file.content_type, "application/pdf");
  assert.equal((await logged("chat.file"))[0].data.source, "form");
  await alice.reload();
  await said(alice, "Booked:").waitFor();
  assert.equal(await alice.locator(".card form").count(), 0, "a form that was answered is not there again");

  // On the chat page, as on a phone; a stay is written there, and what does not fit is asked for again.
  const carol = await visitor({ viewport: { width: 390, height: 844 } });
  await carol.goto(`${base}/chat/${channel}`);
  await carol.getByRole("textbox").fill("table");
  await carol.getByRole("textbox").press("Enter");
  const page = carol.locator("form.form");
  await page.getByLabel("Your name").fill("Carol");
  await page.getByLabel("Where do we confirm it?").fill("carol@example.com");
  await page.getByLabel("How many seats?").fill("2");
  await page.getByLabel("Which day?").fill("2026-12-24");
  await page.getByLabel("Do you stay with us?").fill("two days");
  await page.getByLabel("How hungry are you?").fill("3");
  await page.getByLabel("Inside").check();
  await fits(carol);
  await picture(carol, "4-chat-page");
  await page.getByRole("button", { name: "Send" }).click();
  await carol.getByText("Do you stay with us? – Please answer with two dates").waitFor();
  assert.ok(await page.getByLabel("Your name").isDisabled(), "what was sent can be read, and no more");
  await picture(carol, "5-asked-again");
  await carol.locator("#text").fill("-");
  await carol.locator("#text").press("Enter");
  await carol.getByText("Booked:").waitFor();
  await picture(carol, "6-booked");
});
