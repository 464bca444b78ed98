// How the widget looks: at night, on a phone, in Arabic, in a shop's own colours, as a page of its own, and closed with something
// new to read.

import assert from "node:assert/strict";
import { openShop } from "./shop.js";
import { field, open, said, say, settled } from "./widget.js";
import { api, base, fits, makeChannel, picture, start, tell, until, visitor, writeBot } from "./world.js";

const BOT = `
behaviors:
  - name: order
    on: chat.message
    when: event.text == 'pizza'
    do:
      - ask: Which size?
        buttons: [{text: Small, value: s}, {text: "Large, please", value: l}]
        validate: buttons
        into: session.size
      - say: "One pizza of size {{ session.size }}."
`;

const LOOKS = { title: "The pizzeria", subtitle: "We answer within minutes", color: "#0f766e" };

tell(async () => {
  writeBot("pizzeria", BOT);
  await start();
  const shop = await openShop();
  const channel = (more = {}) => makeChannel({ widget: { ...LOOKS, ...more } }, "pizzeria");
  const quick = await channel();

  // At night, in the other corner; first empty, then with words.
  const night = await visitor();
  await night.goto(shop(await channel({ theme: "dark", position: "left" }), { look: "night" }));
  await open(night);
  await picture(night, "1-night-empty");
  assert.ok((await night.getByRole("dialog").boundingBox()).x < 100, "it is on the left");
  await order(night);
  await picture(night, "2-night");
  const [back, text] = await night.locator(".window").evaluate((each) => {
    const { backgroundColor, color } = getComputedStyle(each);
    return [backgroundColor, color];
  });
  assert.deepEqual([back, text], ["rgb(28, 31, 38)", "rgb(236, 238, 243)"], "it is dark");

  // `auto` follows the visitor's system, while the page is open, too.
  const auto = await visitor({ colorScheme: "light" });
  await auto.goto(shop(await channel({ theme: "auto" })));
  await auto.locator(".root.light").waitFor({ state: "attached" });
  await auto.emulateMedia({ colorScheme: "dark" });
  await auto.locator(".root.dark").waitFor({ state: "attached" });

  // On a phone it fills the screen, and the page behind stays where it is.
  const phone = await visitor({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await phone.goto(shop(quick));
  await picture(phone, "3-phone-closed");
  await phone.getByRole("button", { name: "Open the chat" }).tap();
  await order(phone);
  const { x, y, width, height } = await phone.getByRole("dialog").boundingBox();
  assert.deepEqual([x, y, width, height], [0, 0, 390, 844]);
  assert.equal(await phone.getByRole("dialog").getAttribute("aria-modal"), "true");
  assert.equal(await phone.evaluate(() => getComputedStyle(document.documentElement).overflow), "hidden");
  assert.equal(await field(phone).evaluate((each) => getComputedStyle(each).fontSize), "16px", "a phone does not zoom into it");
  await fits(phone);
  await picture(phone, "4-phone");
  const large = phone.getByRole("button", { name: "Large, please" });
  await large.tap();
  await said(phone, "One pizza of size l.").waitFor();
  await large.waitFor({ state: "detached" });
  await phone.getByRole("button", { name: "Minimise" }).tap();
  await phone.getByRole("button", { name: "Open the chat" }).waitFor();
  assert.notEqual(await phone.evaluate(() => getComputedStyle(document.documentElement).overflow), "hidden");

  // In Arabic, from the right; the texts came from the server.
  const arabic = await visitor({ locale: "ar-EG" });
  await arabic.goto(shop(quick));
  await arabic.getByRole("button", { name: "فتح المحادثة" }).click();
  await order(arabic);
  const [avatar, bubble] = [await arabic.locator(".theirs .avatar").boundingBox(), await said(arabic, "Which size?").boundingBox()];
  assert.ok(avatar.x > bubble.x + bubble.width, "who speaks is on the right of what they say");
  await picture(arabic, "5-arabic");
  await arabic.evaluate(() => window.tidings.setLocale("de"));
  await arabic.getByRole("textbox", { name: "Nachricht schreiben" }).waitFor();
  assert.equal(await arabic.locator(".root").getAttribute("dir"), "ltr", "the page may change the language");

  // In the shop's own colours and shape.
  const themed = await visitor();
  await themed.goto(shop(await channel({ launcher: { text: "Ask us" } }), { look: "themed", language: "fr" }));
  const launcher = themed.getByRole("button", { name: "Ask us" });
  assert.equal(await launcher.evaluate((each) => getComputedStyle(each).backgroundColor), "rgb(124, 45, 18)");
  await launcher.click();
  await themed.getByRole("textbox", { name: "Écrivez un message" }).waitFor();
  await until("the window has come up", async () => {
    const { x, width } = await themed.getByRole("dialog").boundingBox();
    return width === 420 && x === 1280 - 48 - 420;
  });
  await picture(themed, "6-themed");

  // Less motion for who asked for less.
  const still = await visitor({ reducedMotion: "reduce" });
  await still.goto(shop(quick));
  await open(still);
  assert.equal(await still.getByRole("dialog").evaluate((each) => getComputedStyle(each).animationDuration), "0.001s");

  // As a page of its own, for links in mails.
  const alone = await visitor();
  const { organization_id: organization } = await api("GET", "/api/v1/workspace");
  await alone.goto(`${base}/widget?organization=${organization}&channel=${quick}`);
  await order(alone);
  assert.equal(await alone.getByRole("button", { name: "Minimise" }).count(), 0);
  await picture(alone, "7-page");
});

async function order(page) {
  await say(page, "pizza");
  await page.getByRole("button", { name: "Large, please" }).waitFor();
  await settled(page);
}
