// Alice sends files: by the button, dropped onto the window, and pasted. She sees how far each is, a reload in the middle loses
// none, and what the server refuses can be tried again.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openShop } from "./shop.js";
import { field, open, say, settled } from "./widget.js";
import { atTheEnd, devtools, hire, kill, makeChannel, picture, start, tell, until, visitor } from "./world.js";

/** A slow line, in bytes per second: a file takes a while. */
const SLOW = 400_000;

tell(async () => {
  await start();
  const bob = await hire("bob@example.com", "Bob");
  const shop = await openShop();
  const page = await visitor({ permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(shop(await makeChannel({})));
  await open(page);
  await say(page, "Look at this");
  await settled(page);
  const chat = await bob.newChat();
  /** What Bob gets of a file, once it is there. */
  const received = async (name) => {
    let file = null;
    await until(`${name} is with Bob`, async () => {
      const { thread } = await bob("get_chat", { chat_id: chat });
      const found = thread.events.filter((event) => event.type === "file" && event.name === name);
      assert.ok(found.length <= 1, `${name} is there once`);
      file = found[0] ?? null;
      return file !== null;
    });
    const answer = await fetch(file.url);
    assert.equal(answer.status, 200);
    return { ...file, bytes: Buffer.from(await answer.arrayBuffer()) };
  };

  // By the button: a picture is shown.
  const photo = await page.screenshot({ clip: { x: 240, y: 60, width: 400, height: 260 } });
  await page.locator("input[type=file]").setInputFiles({ name: "dog.png", mimeType: "image/png", buffer: photo });
  const image = page.locator(".picture img");
  await image.waitFor();
  await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await image.elementHandle());
  const dog = await received("dog.png");
  assert.deepEqual([dog.content_type, dog.width, dog.height], ["image/png", 400, 260]);
  assert.ok(dog.bytes.equals(photo), "Bob gets what she sent");

  // Dropped by the hand of the browser: the window says where, and how far it is. A reload in the middle loses nothing.
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-files-"));
  atTheEnd(() => rmSync(folder, { recursive: true }));
  const list = path.join(folder, "guests.pdf");
  const guests = Buffer.concat([Buffer.from("%PDF-1.4\n"), randomBytes(1_500_000)]);
  writeFileSync(list, guests);
  const chromium = await devtools(page);
  await chromium.send("Network.enable");
  const line = (bytes) =>
    chromium.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes });
  await line(SLOW);
  const { x, y } = await page.getByRole("log").boundingBox();
  const dragged = { items: [], files: [list], dragOperationsMask: 1 };
  const drag = (type) => chromium.send("Input.dispatchDragEvent", { type, x: x + 50, y: y + 50, data: dragged });
  await drag("dragEnter");
  await drag("dragOver");
  await page.getByText("Drop files here").waitFor();
  await picture(page, "1-drop");
  await drag("drop");
  await page.getByText("Drop files here").waitFor({ state: "detached" });
  const bar = page.getByRole("progressbar");
  await bar.waitFor();
  const some = async () => (await bar.count()) === 1 && (await bar.evaluate((each) => each.value)) > 0.2;
  await until("a part of it is there", some);
  assert.ok((await bar.evaluate((each) => each.value)) < 1, "and not all of it");
  assert.match(await page.locator("[data-waiting=sending] .state").textContent(), /^Uploading, \d+ %$/);
  await picture(page, "2-progress");
  await page.reload();
  await page.getByRole("link", { name: "guests.pdf" }).waitFor();
  await settled(page);
  assert.ok((await received("guests.pdf")).bytes.equals(guests));
  await line(-1);

  // Pasted.
  await page.evaluate(async (bytes) => {
    const blob = new Blob([Uint8Array.from(bytes)], { type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
  }, [...photo]);
  await field(page).focus();
  await page.keyboard.press("Control+V");
  await page.locator(".picture img").nth(1).waitFor();
  await settled(page);
  assert.equal((await received("image.png")).content_type, "image/png");

  // Too large for anybody: she is told at once, and nothing is sent.
  const huge = Buffer.alloc(10 * 1024 * 1024 + 1);
  await page.locator("input[type=file]").setInputFiles({ name: "film.bin", mimeType: "video/mp4", buffer: huge });
  await page.getByText("“film.bin” is too large").waitFor();
  assert.equal(await page.locator("[data-waiting]").count(), 0);

  // Too large for this server: it says so, the file stays, and goes out when it may.
  await kill();
  await start({ settings: { TIDINGS__FILES__UPLOAD_BYTES_MAX: "1000" } });
  await page.locator("input[type=file]").setInputFiles({ name: "menu.txt", mimeType: "text/plain", buffer: Buffer.from("Marinara\n".repeat(500)) });
  const failed = page.locator("[data-waiting=failed]");
  await failed.getByText("The server did not take it").waitFor();
  await picture(page, "3-refused");
  await page.reload();
  await failed.waitFor();
  await kill();
  await start();
  await failed.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("link", { name: "menu.txt" }).waitFor();
  await settled(page);
  assert.equal((await received("menu.txt")).bytes.toString(), "Marinara\n".repeat(500));
});
