// Alice chats by the widget on the page of a shop: she says who she is, talks to Bob, reloads, writes while the server is away and
// in a second tab, ends it, rates it, wants the transcript, and begins anew below what was said.

import assert from "node:assert/strict";
import { openShop } from "./shop.js";
import { messages, once, open, said, say, settled } from "./widget.js";
import { hire, kill, logged, makeChannel, picture, start, tell, until, visitor } from "./world.js";

const PRECHAT = {
  id: "prechat",
  title: "Before we start",
  fields: [
    { type: "name", id: "name", label: "Your name", required: true },
    { type: "email", id: "email", label: "E-mail", required: true },
  ],
};

tell(async () => {
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const shop = await openShop();
  const looks = { title: "The pizzeria", subtitle: "We answer within minutes", color: "#0f766e" };
  const channel = await makeChannel({ widget: { ...looks, forms: { prechat: PRECHAT } } });

  // She opens the chat, is asked who she is, and writes.
  const page = await visitor();
  await page.goto(shop(channel));
  await open(page);
  await page.getByRole("button", { name: "Start the chat" }).click();
  await page.getByText("Please fill this in").first().waitFor();
  await page.getByLabel("E-mail").fill("alice");
  await page.getByLabel("Your name").fill("Alice");
  await page.getByRole("button", { name: "Start the chat" }).click();
  await page.getByText("This is no e-mail address").waitFor();
  await picture(page, "1-form");
  await introduce(page);
  await page.locator(".answers", { hasText: "alice@example.com" }).waitFor();
  await say(page, "Hello, do you have a table for four tonight?");
  await settled(page);
  const chat = await bob.newChat();
  await bob.say(chat, "Of course! Look at https://pizza.example.org/menu meanwhile.");
  const link = page.getByRole("link", { name: "https://pizza.example.org/menu" });
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer nofollow");
  // What is markup in somebody's text stays text.
  await bob.say(chat, "<img src=x onerror=alert(1)><b>bold</b>");
  await said(page, "<img src=x onerror=alert(1)><b>bold</b>").waitFor();
  await picture(page, "2-talk");

  // A reload keeps the conversation, and the window open.
  await settled(page);
  const before = await messages(page);
  await page.reload();
  await said(page, "bold").waitFor();
  await settled(page);
  assert.deepEqual(await messages(page), before, "the conversation is the same after a reload");

  // The server is killed; what is written meanwhile waits, survives another reload of the page's script, and arrives once.
  await kill();
  await say(page, "Eight is fine");
  await say(page, "and we bring a dog");
  await page.locator("[data-waiting=sending]", { hasText: "Eight is fine" }).waitFor();
  await page.locator(".banner.warn").waitFor();
  await picture(page, "3-away");
  await start();
  await page.reload();
  await settled(page);
  await said(page, "and we bring a dog").waitFor();
  const after = await messages(page);
  assert.deepEqual(after.slice(0, before.length), before, "nothing that was said is lost");
  assert.deepEqual(after.slice(before.length), ["Eight is fine", "and we bring a dog"], "each arrived once, in order");

  // A second tab shows the same, and doubles nothing.
  const tab = await page.context().newPage();
  await tab.goto(shop(channel));
  await open(tab);
  await said(tab, "bring a dog").waitFor();
  await settled(tab);
  assert.deepEqual(await messages(tab), after);
  await say(tab, "From the other tab");
  await said(page, "From the other tab").waitFor();
  await Promise.all([settled(tab), settled(page)]);
  assert.deepEqual(await messages(page), await messages(tab));
  once(await messages(page));
  await tab.close();

  // Bob ends it; she rates it, and wants the transcript.
  await bob("deactivate_chat", { id: chat, ignore_requester_presence: true });
  await page.getByText("This conversation has ended").waitFor();
  await page.getByRole("button", { name: "Good" }).click();
  await page.getByLabel("Tell us more (optional)").fill("Kind people");
  await picture(page, "4-rating");
  await page.locator(".after form").getByRole("button", { name: "Send" }).click();
  const properties = async () => (await bob("get_chat", { chat_id: chat })).thread.properties;
  await until("the rating is there", async () => {
    const { rating } = await properties();
    return rating?.score === 1 && rating.comment === "Kind people";
  });
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Send me a transcript" }).click();
  await page.locator(".sheet").getByLabel("E-mail").fill("alice@example.com");
  await picture(page, "5-transcript");
  await page.locator(".sheet").getByRole("button", { name: "Send" }).click();
  await page.getByText("The transcript will go to alice@example.com").waitFor();
  assert.equal((await properties()).routing.transcript_email, "alice@example.com");

  // A new conversation is another thread; more of them are read as she goes back, the old ones above the new.
  const words = ["Me again", "And again", "Once more", "The last time"];
  for (const text of words) {
    await page.getByRole("button", { name: "Start a new conversation" }).click();
    await introduce(page);
    await say(page, text);
    await settled(page);
    await until("it is there", async () => (await bob.texts(chat)).includes(text));
    if (text === words.at(-1)) break;
    await bob("deactivate_chat", { id: chat, ignore_requester_presence: true });
    await page.getByText("This conversation has ended").waitFor();
  }
  await page.reload();
  await said(page, "The last time").waitFor();
  await settled(page);
  assert.equal(await said(page, "bring a dog").count(), 0, "the first thread is not read until somebody wants it");
  await page.getByRole("log").hover();
  await until("the first thread is there", async () => {
    await page.mouse.wheel(0, -4_000);
    return (await said(page, "bring a dog").count()) === 1;
  });
  const { threads } = await bob("list_threads", { chat_id: chat, limit: 10 });
  assert.equal(threads.length, 5);
  const all = (await messages(page)).filter((text) => !text.includes("alice@example.com"));
  assert.deepEqual(all.slice(-words.length), words);
  once(all);
  assert.equal((await logged("chat.started")).length, 1, "it is one chat all the time");
});

async function introduce(page) {
  await page.getByLabel("Your name").fill("Alice");
  await page.getByLabel("E-mail").fill("alice@example.com");
  await page.getByRole("button", { name: "Start the chat" }).click();
}
