// What goes between Alice and the desk beside words: the queue that she waits in, what Bob sees of her writing, marks of what was
// read, rich messages with buttons, and forms.

import assert from "node:assert/strict";
import { openShop } from "./shop.js";
import { field, open, said, say, settled } from "./widget.js";
import { hire, kill, listen, makeChannel, picture, start, tell, until, visitor } from "./world.js";

tell(async () => {
  await start();
  // Bob takes one chat at a time.
  const bob = await hire("bob@example.com", "Bob", { chats_max: 1 });
  const shop = await openShop();
  const postchat = {
    id: "postchat",
    title: "How did we do?",
    fields: [
      { type: "rating", id: "rating", label: "Your verdict", comment_label: "Why?" },
      { type: "checkbox", id: "liked", label: "What did you like?", options: [{ id: "0", label: "The pizza" }, { id: "1", label: "The people" }] },
    ],
  };
  const channel = await makeChannel({ widget: { title: "The pizzeria", color: "#0f766e", forms: { postchat } } });
  const known = [];
  const come = async (name) => {
    const page = await visitor();
    await page.goto(shop(channel));
    await open(page);
    await say(page, `I am ${name}`);
    await settled(page);
    const chat = await bob.newChat(known);
    known.push(chat);
    return [page, chat];
  };

  // The first gets Bob, the others wait; they see their place, and that it changes.
  const [alice, chat] = await come("Alice");
  await alice.getByRole("heading", { name: "Bob" }).waitFor();
  assert.equal(await alice.locator(".banner").count(), 0);
  const [carol] = await come("Carol");
  const [dave, daves] = await come("Dave");
  const banner = (page, text) => page.locator(".banner", { hasText: text }).waitFor();
  await banner(carol, "You are next");
  await banner(dave, "You are number 2 in the queue");
  await picture(dave, "1-queue");
  await carol.getByRole("button", { name: "More" }).click();
  await carol.getByRole("button", { name: "End the conversation" }).click();
  await carol.getByRole("button", { name: "End it" }).click();
  await banner(dave, "You are next");
  assert.match(await dave.locator(".banner").textContent(), /min/, "she is told how long it may take");

  // Bob sees that Alice writes, and what, before she sends it; she sees that he does.
  const heard = await listen(bob, "incoming_sneak_peek");
  await field(alice).pressSequentially("Do you have a table");
  await until("Bob looks on", async () => heard.some(({ sneak_peek: { text } }) => text === "Do you have a table"));
  await field(alice).press("Enter");
  await settled(alice);
  await bob("send_typing_indicator", { chat_id: chat, is_typing: true });
  await alice.getByText("Bob is writing").waitFor({ state: "attached" });
  await bob("send_typing_indicator", { chat_id: chat, is_typing: false });
  await alice.locator(".typing").waitFor({ state: "detached" });

  // Bob has read it; she has read what he said, as soon as she looks.
  const mark = (state) => alice.locator(`.state[data-state=${state}]`).waitFor();
  await mark("sent");
  const { thread } = await bob("get_chat", { chat_id: chat });
  await bob("mark_events_as_seen", { chat_id: chat, seen_up_to: thread.events.at(-1).created_at });
  await mark("seen");
  const seenUpTo = async () => {
    const { users } = await bob("get_chat", { chat_id: chat });
    return users.find(({ type }) => type === "customer").events_seen_up_to ?? "";
  };
  await alice.getByRole("button", { name: "Minimise" }).click();
  await bob.say(chat, "Certainly");
  await alice.locator(".badge", { hasText: "1" }).waitFor();
  const last = (await bob("get_chat", { chat_id: chat })).thread.events.at(-1).created_at;
  assert.ok((await seenUpTo()) < last, "what is behind a closed window was not seen");
  await alice.getByRole("button", { name: "Open the chat, 1 new" }).click();
  await until("she has seen it", async () => (await seenUpTo()) >= last);

  // Rich messages: cards that scroll, buttons that are told of, switches that go on and off, links and web views.
  const rich = (template_id, elements) => bob("send_event", { chat_id: chat, event: { type: "rich_message", template_id, elements } });
  const button = (text, more = {}) => ({ type: "message", text, value: text, postback_id: text, user_ids: [], ...more });
  const image = { url: `${shop.origin}/pizza.svg`, name: "pizza.svg", content_type: "image/svg+xml", size: 1, width: 40, height: 20 };
  const { event_id: cards } = await rich("cards", [
    { title: "Marinara", subtitle: "Tomato, garlic", image, buttons: [button("I want it"), button("Details", { type: "url", value: "https://pizza.example.org/marinara" })] },
    { title: "Diavola", subtitle: "Hot", buttons: [button("Call us", { type: "phone", value: "+48 123 456" }), button("Look inside", { type: "webview", value: "https://pizza.example.org/oven", webview_height: "compact" })] },
    { title: "Funghi", subtitle: "Mild", buttons: [button("Vegan", { type: undefined, value: undefined }), button("Gluten-free", { type: undefined, value: undefined })] },
  ]);
  const postbacks = await listen(bob, "incoming_rich_message_postback");
  const told = (id, toggled) =>
    until(`${id} is told of`, async () => postbacks.some((each) => each.event_id === cards && each.postback.id === id && each.postback.toggled === toggled));
  assert.equal(await alice.getByRole("link", { name: "Details" }).getAttribute("href"), "https://pizza.example.org/marinara");
  assert.equal(await alice.getByRole("link", { name: "Call us" }).getAttribute("href"), "tel:+48123456");
  await alice.getByRole("button", { name: "I want it" }).click();
  await told("I want it", true);
  await alice.locator(".mine .bubble", { hasText: "I want it" }).waitFor();
  assert.equal(await alice.getByRole("button", { name: "Previous" }).count(), 0, "there is nothing before the first card");
  await picture(alice, "2-cards");
  await alice.getByRole("button", { name: "Next" }).click();
  await alice.getByRole("button", { name: "Previous" }).waitFor();
  for (const name of ["Vegan", "Gluten-free"]) {
    await alice.getByRole("button", { name, pressed: false }).click();
    await alice.getByRole("button", { name, pressed: true }).waitFor();
    await told(name, true);
  }
  await alice.getByRole("button", { name: "Vegan", pressed: true }).click();
  await alice.getByRole("button", { name: "Vegan", pressed: false }).waitFor();
  await told("Vegan", false);
  assert.equal(await alice.getByRole("button", { name: "Gluten-free", pressed: true }).count(), 1, "the other stays on");
  await alice.getByRole("button", { name: "Look inside" }).click();
  const inside = alice.getByRole("dialog", { name: "Look inside" });
  assert.equal(await inside.locator("iframe").getAttribute("src"), "https://pizza.example.org/oven");
  await alice.keyboard.press("Escape");
  await inside.waitFor({ state: "detached" });

  // Quick replies stand until something is said.
  await rich("quick_replies", [{ title: "How hungry are you?", buttons: [button("A little"), button("Very")] }]);
  await alice.getByRole("button", { name: "Very" }).waitFor();
  await picture(alice, "3-replies");
  await alice.getByRole("button", { name: "Very" }).click();
  await alice.locator(".mine .bubble", { hasText: "Very" }).waitFor();
  await alice.getByRole("button", { name: "A little" }).waitFor({ state: "detached" });

  // A form in the middle of the talk.
  await bob("send_event", {
    chat_id: chat,
    event: { type: "form", form_id: "guests", fields: [{ type: "question", id: "guests", label: "How many guests?", required: true }] },
  });
  await alice.getByLabel("How many guests?").fill("Four");
  await picture(alice, "4-form");
  await alice.locator(".card form").getByRole("button", { name: "Send" }).click();
  await alice.locator(".answers", { hasText: "Four" }).waitFor();
  await alice.getByLabel("How many guests?").waitFor({ state: "detached" });
  // Her answers are shown before the server has them.
  await settled(alice);
  const events = async (type) => (await bob("get_chat", { chat_id: chat })).thread.events.filter((event) => event.type === type);
  assert.equal((await events("filled_form"))[0].fields[0].answer, "Four");

  // Bob ends it, and Dave's turn has come; Alice fills in the form after the chat.
  await bob("deactivate_chat", { id: chat, ignore_requester_presence: true });
  await dave.getByRole("heading", { name: "Bob" }).waitFor();
  await dave.locator(".banner").waitFor({ state: "detached" });
  await bob.say(daves, "Your turn");
  await said(dave, "Your turn").waitFor();
  await alice.getByRole("heading", { name: "How did we do?" }).waitFor();
  await alice.getByRole("button", { name: "Bad" }).click();
  await alice.getByLabel("Why?").fill("Cold");
  await alice.getByLabel("The people").check();
  await picture(alice, "5-postchat");
  // The server is away just then: the verdict and the form go out when it is back.
  await kill();
  await alice.locator(".after form").getByRole("button", { name: "Send" }).click();
  await alice.getByRole("heading", { name: "How did we do?" }).waitFor({ state: "detached" });
  await start();
  await settled(alice);
  await until("the form is there", async () => (await events("filled_form")).length === 2);
  await until("the verdict is there", async () => (await bob("get_chat", { chat_id: chat })).thread.properties.rating !== undefined);
  const { thread: ended } = await bob("get_chat", { chat_id: chat });
  assert.deepEqual(ended.properties.rating, { score: 0, comment: "Cold" });
  const filled = ended.events.findLast(({ type }) => type === "filled_form");
  assert.equal(filled.properties.lc2.form_type, "postchat");
  assert.deepEqual(filled.fields[0].answers.map(({ label }) => label), ["The people"]);
});
