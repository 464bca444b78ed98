// Alice loses the network, her computer sleeps, and what lies between takes nothing of what she writes. Each message shows how it
// stands, and in the end everything is there once.

import assert from "node:assert/strict";
import { layNetwork } from "./network.js";
import { openShop } from "./shop.js";
import { messages, once, open, said, say, settled } from "./widget.js";
import { hire, kill, makeChannel, picture, start, tell, until, visitor, whileAsleep } from "./world.js";

tell(async () => {
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const network = await layNetwork();
  const shop = await openShop({ at: network.url });
  const channel = await makeChannel({});
  const page = await visitor();
  await page.goto(shop(channel));
  await open(page);
  await say(page, "one");
  await settled(page);
  assert.equal(await page.locator(".state").last().getAttribute("data-state"), "sent");
  const chat = await bob.newChat();

  // The network goes, and the line dies without a word. What she writes waits; when it is back, everything comes.
  const state = (text) => page.locator(".group", { hasText: text }).locator(".state").getAttribute("data-state");
  network.die();
  await page.context().setOffline(true);
  await say(page, "two");
  await page.locator("[data-waiting=sending]", { hasText: "two" }).waitFor();
  assert.equal(await state("two"), "sending");
  await bob.say(chat, "three");
  await page.locator(".banner.warn").waitFor();
  await picture(page, "1-offline");
  assert.equal(await said(page, "three").count(), 0, "nothing comes through");
  network.revive();
  await page.context().setOffline(false);
  await said(page, "three").waitFor();
  await settled(page);
  assert.deepEqual(await bob.texts(chat), ["one", "three", "two"]);

  // Her computer sleeps, and the server does not wait for it.
  await whileAsleep(async () => {
    await bob.say(chat, "four");
    await kill();
    await start();
    await bob.say(chat, "five");
  });
  await said(page, "five").waitFor();
  await settled(page);
  assert.deepEqual(await messages(page), await bob.texts(chat));

  // What is written while the page goes away is there when it comes back, even from the browser's memory of pages.
  await say(page, "six");
  await page.goto("about:blank");
  await page.goBack();
  await said(page, "six").waitFor();
  await settled(page);

  // Nothing that she writes gets through, though the line stands: after some tries it has failed, and she can try again. This
  // network lets no WebSocket through, so that a message is a request of its own.
  const narrow = await layNetwork({ sockets: false });
  const other = await openShop({ at: narrow.url });
  const carol = await visitor();
  await carol.goto(other(channel));
  await open(carol);
  await say(carol, "I am Carol");
  await settled(carol);
  const carols = await bob.newChat([chat]);
  narrow.refused.add("/v3.6/customer/action/send_event");
  await say(carol, "Can you hear me?");
  await say(carol, "Forget it");
  const failed = (text) => carol.locator("[data-waiting=failed]", { hasText: text });
  await failed("Can you hear me?").waitFor();
  await failed("Forget it").waitFor();
  assert.equal(await failed("Forget it").getByRole("alert").count(), 1, "it is read out, too");
  await picture(carol, "2-failed");
  await carol.reload();
  await failed("Can you hear me?").waitFor();
  narrow.refused.clear();
  await failed("Forget it").getByRole("button", { name: "Remove" }).click();
  await failed("Can you hear me?").getByRole("button", { name: "Try again" }).click();
  await settled(carol);
  await until("Bob has it", async () => (await bob.texts(carols)).length > 1);
  assert.deepEqual(await bob.texts(carols), ["I am Carol", "Can you hear me?"]);
  assert.deepEqual(await messages(carol), await bob.texts(carols));

  const seen = await messages(page);
  once(seen);
  assert.deepEqual(seen, ["one", "three", "two", "four", "five", "six"]);
  assert.deepEqual(await bob.texts(chat), seen);
});
