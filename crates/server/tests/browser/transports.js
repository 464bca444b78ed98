// Alice sits in networks that let no WebSocket through, and in one that holds back server-sent events as well. The widget finds
// what goes through, and nothing is lost or doubled when the server is killed in the middle of a talk.

import assert from "node:assert/strict";
import { layNetwork } from "./network.js";
import { openShop } from "./shop.js";
import { messages, once, open, said, say, settled } from "./widget.js";
import { hire, kill, makeChannel, start, tell, until, visitor } from "./world.js";

const SOCKET = "/v3.6/customer/rtm/ws";
const EVENTS = "/v3.6/customer/rtm/sse";
const POLL = "/v3.6/customer/rtm/poll";

tell(async () => {
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const known = [];
  for (const { lets, by, not } of [
    { lets: {}, by: SOCKET, not: [EVENTS, POLL] },
    { lets: { sockets: false }, by: EVENTS, not: [POLL] },
    { lets: { sockets: false, streams: false }, by: POLL, not: [] },
  ]) {
    const network = await layNetwork(lets);
    const shop = await openShop({ at: network.url });
    const page = await visitor();
    await page.goto(shop(await makeChannel({})));
    await open(page);
    await say(page, "one");
    await settled(page);
    assert.ok(network.passed.get(by) > 0, `${by} is used`);
    const before = network.passed.get(by);
    for (const path of not) assert.equal(network.passed.get(path), undefined, `${path} is not tried`);
    const chat = await bob.newChat(known);
    known.push(chat);

    // What is kept comes, and what passes as well.
    await bob("send_typing_indicator", { chat_id: chat, is_typing: true });
    await page.locator(".typing").waitFor();
    await bob.say(chat, "two");
    await said(page, "two").waitFor();

    // The server is killed while she writes, and again while Bob does; she hears what was said before she was back.
    const written = Array.from({ length: 8 }, (_, index) => `message ${index}`);
    for (const [index, text] of written.entries()) {
      await say(page, text);
      if (index === 3) await kill();
    }
    await start();
    await bob.say(chat, "three");
    await said(page, "three").waitFor();
    await settled(page);
    await Promise.all([bob.say(chat, "four"), said(page, "four").waitFor()]);
    await kill();
    await say(page, "five");
    await start();
    await settled(page);
    await until("all is there", async () => (await bob.texts(chat)).includes("five"));

    const seen = await messages(page);
    once(seen);
    assert.deepEqual(seen, await bob.texts(chat), "both see the same, in the same order");
    assert.deepEqual(seen.filter((text) => text.startsWith("message")), written, "all that she wrote, in order");
    assert.deepEqual(seen.filter((text) => !text.startsWith("message")).sort(), ["five", "four", "one", "three", "two"]);
    assert.ok(network.passed.get(by) > before, `it came back by ${by}`);
    await page.context().close();
  }
});
