// Who may chat, and as whom: signed identities, visitors who stay apart from them, sites that may not carry the widget, a page that
// tells of things, and a house where nobody is.

import assert from "node:assert/strict";
import { openShop, signed } from "./shop.js";
import { messages, open, said, say, settled } from "./widget.js";
import { api, base, hire, logged, makeChannel, picture, start, tell, until, visitor, writeBot } from "./world.js";

/** With this the shop signs who its users are. */
const SECRET = "the shop's identity secret of 32 bytes or more";

const BOT = `
behaviors:
  - name: thanks
    on: chat.custom
    when: event.content.name == 'table_booked'
    do:
      - say: "A table for {{ event.content.data.people }}, gladly."
`;

const OFFLINE = {
  id: "offline",
  fields: [
    { type: "email", id: "email", label: "E-mail", required: true },
    { type: "textarea", id: "words", label: "Your question", required: true },
  ],
};

tell(async () => {
  writeBot("helper", BOT);
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const shop = await openShop();
  const channel = await makeChannel({ identity_secret: SECRET });

  // A visitor writes; then the shop says who they are. The known customer sees nothing of the visitor's, and it stays so.
  const page = await visitor();
  await page.goto(shop(channel));
  await open(page);
  await say(page, "I am nobody in particular");
  await settled(page);
  const nobody = await bob.newChat();
  await page.evaluate((jwt) => window.tidings.identify(jwt), signed(SECRET, "user-7", "Carol", { email: "carol@example.com" }));
  await page.getByText("I am nobody in particular").first().waitFor({ state: "detached" });
  await say(page, "Carol here");
  await settled(page);
  const carols = await bob.newChat([nobody]);
  const customer = async (chat) => (await bob("get_chat", { chat_id: chat })).users.find(({ type }) => type === "customer");
  const [visiting, known] = [await customer(nobody), await customer(carols)];
  assert.deepEqual([known.name, known.email], ["Carol", "carol@example.com"]);
  assert.notEqual(visiting.id, known.id);
  assert.notEqual(visiting.name, "Carol");

  // The same user elsewhere has the same chat; whoever signs with another secret is refused.
  const elsewhere = await visitor();
  await elsewhere.goto(shop(channel, { identity: signed(SECRET, "user-7", "Carol") }));
  await open(elsewhere);
  await said(elsewhere, "Carol here").waitFor();
  const forged = await elsewhere.evaluate(
    (jwt) => window.tidings.identify(jwt).then(() => "taken", (error) => error.type),
    signed("a secret that somebody made up, 32 bytes", "user-8", "Mallory"),
  );
  assert.equal(forged, "authentication");

  // Signed out, the browser keeps nothing of her.
  await elsewhere.evaluate(() => window.tidings.logout());
  await said(elsewhere, "Carol here").waitFor({ state: "detached" });
  await elsewhere.goto(shop(channel));
  await say(elsewhere, "Somebody else");
  await settled(elsewhere);
  assert.deepEqual(await messages(elsewhere), ["Somebody else"]);
  assert.equal((await bob.texts(carols)).join(), "Carol here");

  // What the page tells of becomes an event: in the chat while there is one, so that a bot can react; else about the customer.
  const watched = await makeChannel({}, "helper");
  const guest = await visitor();
  await guest.goto(shop(watched));
  await guest.evaluate(() => window.tidings.track("cart_left", { items: 3 }));
  await until("it is told", async () => (await logged("customer.tracked")).length === 1);
  const [tracked] = await logged("customer.tracked");
  assert.deepEqual([tracked.data.name, tracked.data.data], ["cart_left", { items: 3 }]);
  await open(guest);
  await say(guest, "Is a table free?");
  await settled(guest);
  await guest.evaluate(() => window.tidings.track("table_booked", { people: 4 }));
  await said(guest, "A table for 4, gladly.").waitFor();

  // A page that called before the script was there is heard, too.
  const early = await visitor();
  await early.addInitScript(() => {
    window.heard = [];
    window.tidings = [["on", "ready", () => window.heard.push("ready")], ["open"]];
  });
  await early.goto(shop(channel));
  await early.getByRole("dialog").waitFor();
  assert.deepEqual(await early.evaluate(() => window.heard), ["ready"]);

  // A site that is not on the list gets no widget and no token, and its makers are told why; one that is, does.
  const own = await makeChannel({ allowed_origins: [shop.origin] });
  const other = await openShop();
  const stranger = await visitor();
  const [told] = await Promise.all([
    stranger.waitForEvent("console", (message) => message.text().startsWith("Tidings")),
    stranger.goto(other(own)),
  ]);
  assert.match(told.text(), /not on the channel's list of allowed origins/);
  assert.equal(await stranger.locator("tidings-widget").count(), 0);
  const { organization_id } = await api("GET", "/api/v1/workspace");
  const token = await stranger.evaluate(
    ([url, body]) => fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body }).then(({ ok }) => ok, () => false),
    [`${base}/v2/customer/token`, JSON.stringify({ grant_type: "cookie", client_id: own, organization_id, response_type: "token" })],
  );
  assert.equal(token, false, "it gets no token either");
  await stranger.goto(shop(own));
  await open(stranger);
  await say(stranger, "May I?");
  await settled(stranger);

  // Nobody is there: she leaves a message, which is a chat that waits for an answer.
  await api("PUT", "/api/v1/agents/bob@example.com", { status: "offline" });
  const alone = await visitor();
  await alone.goto(shop(await makeChannel({ widget: { forms: { offline: OFFLINE } } })));
  await open(alone);
  await alone.getByRole("heading", { name: "Leave us a message" }).waitFor();
  await picture(alone, "1-offline");
  const before = (await bob("list_chats", { limit: 100 })).chats_summary.map(({ id }) => id);
  await alone.getByLabel("E-mail").fill("alice@example.com");
  await alone.getByLabel("Your question").fill("Do you bake on Sundays?");
  await alone.getByRole("button", { name: "Send" }).click();
  await alone.getByText("Do you bake on Sundays?").waitFor();
  await picture(alone, "2-left");
  const left = await bob.newChat(before);
  const { thread } = await bob("get_chat", { chat_id: left });
  const answers = thread.events.find(({ type }) => type === "filled_form").fields.map(({ answer }) => answer);
  assert.deepEqual(answers, ["alice@example.com", "Do you bake on Sundays?"]);
  assert.equal(thread.properties.routing.offline_message, true);
  assert.equal((await customer(left)).email, "alice@example.com");
});
