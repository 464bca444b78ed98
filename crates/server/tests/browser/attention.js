// What draws Alice's eye: a greeting that fits her page, the time and where she came from; a sound, a number on the launcher and in
// the page's title when something new came while she looked elsewhere.

import assert from "node:assert/strict";
import { openShop } from "./shop.js";
import { open, said, say, settled } from "./widget.js";
import { hire, logged, makeChannel, picture, start, tell, until, visitor } from "./world.js";

const GREETINGS = [
  { id: "prices", when: { url: "/prices*" }, text: "Shall I explain the prices?" },
  { id: "search", when: { referrer: "*search.example*" }, text: "Did you find what you searched?" },
  { id: "late", when: { url: "/menu*", seconds: 2 }, rich: { template_id: "quick_replies", elements: [{ title: "Hungry?", buttons: [{ type: "message", text: "Yes", value: "yes" }] }] } },
];

tell(async () => {
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const shop = await openShop();
  const channel = await makeChannel({ widget: { title: "The pizzeria", greetings: GREETINGS } });
  const teaser = (page, text) => page.locator(".teaser", { hasText: text });

  // By page: waved away, it does not come again in this visit.
  const page = await visitor();
  await page.goto(shop(channel));
  await page.getByRole("button", { name: "Open the chat" }).waitFor();
  await page.waitForFunction(() => performance.now() > 1_500);
  assert.equal(await page.locator(".teaser").count(), 0, "this page has none");
  await page.goto(shop(channel, { path: "/prices/pizza" }));
  await teaser(page, "explain the prices").waitFor();
  await picture(page, "1-greeting");
  await page.locator(".teaser").getByRole("button", { name: "Dismiss" }).click();
  await page.locator(".teaser").waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("button", { name: "Open the chat" }).waitFor();
  await page.waitForFunction(() => performance.now() > 1_500);
  assert.equal(await page.locator(".teaser").count(), 0, "once is enough");

  // By where she came from.
  await page.goto(shop(channel), { referer: "https://search.example/?q=pizza" });
  await teaser(page, "what you searched").waitFor();

  // After a time; she takes it up by its button, and that begins the chat.
  const began = Date.now();
  await page.goto(shop(channel, { path: "/menu" }));
  await teaser(page, "Hungry?").waitFor();
  assert.ok(Date.now() - began >= 2_000, "not before its time");
  await page.locator(".teaser-text").click();
  await page.getByRole("button", { name: "Yes" }).click();
  await page.locator(".mine .bubble", { hasText: "Yes" }).waitFor();
  await settled(page);
  const chat = await bob.newChat();
  assert.deepEqual(await bob.texts(chat), ["Yes"]);

  // Greetings of the Configuration API: one that the widget chooses by itself is counted when it is taken up; one for the second
  // page of a visit is chosen by the server.
  const plain = await makeChannel({});
  const greet = (name, rule) =>
    bob.configure("create_greeting", {
      type: "normal", active: true, name, group: 0, rules: [{ condition: "and", ...rule }],
      rich_message: { template_id: "cards", elements: [{ title: name, subtitle: "For you", image: { url: "https://pizza.example.org/oven.png", name: "oven.png", content_type: "image/png", size: 1, width: 40, height: 20 } }] },
    });
  await greet("By page", { type: "url_current", operator: "contains", value: "/offers" });
  await greet("By pages", { type: "pages_view_number", operator: "greater_than", value: "1" });
  const guest = await visitor();
  await guest.goto(shop(plain, { path: "/offers" }));
  await teaser(guest, "By page").waitFor();
  assert.equal((await logged("customer.greeting_accepted")).length, 0);
  await guest.locator(".teaser-text").click();
  await until("it counts", async () => (await logged("customer.greeting_accepted")).length === 1);
  const other = await visitor();
  await other.goto(shop(plain));
  await until("the first page is known", async () => (await logged("customer.page_viewed")).some(({ data }) => data.url === other.url()));
  assert.equal(await other.locator(".teaser").count(), 0);
  await other.goto(shop(plain, { path: "/second" }));
  await teaser(other, "By pages").waitFor();
  await other.locator(".teaser").getByRole("button", { name: "Dismiss" }).click();
  await until("it is waved away", async () => (await logged("customer.greeting_canceled")).length === 1);

  // Something new behind a closed window: a number, a word, and a sound, unless she wants none.
  await page.evaluate(() => {
    window.notes = 0;
    const play = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...all) {
      window.notes += 1;
      return play.apply(this, all);
    };
  });
  const notes = () => page.evaluate(() => window.notes);
  await page.getByRole("button", { name: "Minimise" }).click();
  await bob.say(chat, "Marinara or Funghi?");
  await page.getByRole("button", { name: "Open the chat, 1 new" }).waitFor();
  await teaser(page, "Marinara or Funghi?").waitFor();
  await bob.say(chat, "Or both?");
  await page.getByRole("button", { name: "Open the chat, 2 new" }).waitFor();
  await picture(page, "2-closed");
  await until("it rings for each", async () => (await notes()) === 4);
  await page.locator(".teaser-text").click();
  await said(page, "Or both?").waitFor();
  await page.locator(".badge").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Turn sound off" }).click();
  await page.getByRole("button", { name: "Minimise" }).click();
  await bob.say(chat, "Hello?");
  await page.getByRole("button", { name: "Open the chat, 1 new" }).waitFor();
  assert.equal(await notes(), 4, "it is quiet now");
  await open(page);
  await say(page, "Both, please");
  await settled(page);

  // While she looks at another page, the title counts. (A headless browser shows every page, so the page is told that it is not.)
  const hide = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  await bob.say(chat, "In ten minutes");
  await page.waitForFunction(() => document.title === "(1) Shop");
  await bob.say(chat, "At the latest");
  await page.waitForFunction(() => document.title === "(2) Shop");
  await hide(false);
  await page.waitForFunction(() => document.title === "Shop");
  await page.locator(".badge").waitFor({ state: "detached" });
});
