// Texts and addresses: links in texts of others, languages, settings, greetings, forms.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { en } from "../node_modules/.cache/tidings/en.js";
import { due, fits } from "../node_modules/.cache/tidings/greetings.js";
import { LANGUAGES, chosen, words } from "../node_modules/.cache/tidings/i18n.js";
import { picture, pieces, safe } from "../node_modules/.cache/tidings/links.js";
import { contrast, settings, shades } from "../node_modules/.cache/tidings/settings.js";

/** These have what everybody sees first; the rest is English until somebody who speaks them writes it. */
const BEGUN = ["fi", "hu"];
const folder = new URL("../locales/", import.meta.url);
const texts = (language) => JSON.parse(readFileSync(new URL(`${language}.json`, folder), "utf8"));
const holes = (text) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

test("there is a file for each language, and a language for each file", () => {
  const files = readdirSync(folder).map((name) => name.replace(".json", ""));
  assert.deepEqual(files.sort(), [...LANGUAGES].sort());
  assert.equal(LANGUAGES.length, 20);
});

for (const language of LANGUAGES.slice(1)) {
  test(`${language} says what English says`, () => {
    const own = texts(language);
    for (const [key, text] of Object.entries(own)) {
      assert.ok(key in en, `${key} is no text of the widget`);
      assert.ok(text.trim(), `${key} is empty`);
      assert.deepEqual(holes(text), holes(en[key]), `${key} has the same values`);
    }
    const missing = Object.keys(en).filter((key) => !(key in own));
    if (BEGUN.includes(language)) assert.ok(missing.length > 0, "it is complete: take it off the list");
    else assert.deepEqual(missing, []);
  });
}

test("a language is found by what the browser wishes", () => {
  assert.equal(chosen([null, "pt-BR", "de"]), "pt");
  assert.equal(chosen(["xx", "DE_at"]), "de");
  assert.equal(chosen(["constructor"]), "en");
  assert.equal(words("ar", {}).direction, "rtl");
  assert.equal(words("en", {}, ["de-AT", "en-GB"]).locale, "en-GB", "times are written as at home");
  assert.equal(words("fr", {}, ["de-AT"]).locale, "fr");
  assert.equal(words("de", { typing: "{name} tippt" }).say("typing", { name: "Bob" }), "Bob tippt");
  assert.equal(words("de", {}).say("typing"), "{name} is writing", "a value that is missing shows");
});

test("links are found, and only harmless ones", () => {
  const links = (text) => pieces(text).filter(({ href }) => href).map(({ href }) => href);
  assert.deepEqual(links("see https://a.example/b?c=d#e, (http://b.example/x_(y)) and www.c.example."), [
    "https://a.example/b?c=d#e",
    "http://b.example/x_(y)",
    "https://www.c.example/",
  ]);
  assert.deepEqual(links("write to a.b+c@d.example or tel:+48-123-456"), ["mailto:a.b+c@d.example", "tel:+48-123-456"]);
  for (const text of ["javascript:alert(1)", "data:text/html,x", "JaVaScRiPt://x/%0aalert(1)", "file:///etc/passwd", "vbscript:x"]) {
    assert.deepEqual(links(text), [], text);
    assert.equal(safe(text), null, text);
    assert.equal(picture(text), null, text);
  }
  assert.equal(picture("mailto:a@b.example"), null);
  const text = "<b>x</b> https://a.example \"quoted\" <img src=x onerror=1>";
  assert.equal(pieces(text).map((piece) => piece.text).join(""), text, "nothing is lost or changed");
});

test("looking for links takes no time, whatever is written", () => {
  const began = performance.now();
  for (const text of ["a@".repeat(50_000), `${"a.".repeat(50_000)}@`, "www.".repeat(50_000), "https://".repeat(50_000), `a@${"b.".repeat(50_000)}`]) {
    pieces(text);
  }
  assert.ok(performance.now() - began < 2_000);
});

test("settings take the default for what is missing or malformed", () => {
  const plain = settings(null);
  assert.deepEqual(settings({ color: "red;}", theme: 7, forms: { prechat: { fields: "x" } }, greetings: [{}, null], sound: "no" }), plain);
  assert.equal(plain.color, "#2f5bea");
  const given = settings({
    color: "#FFF",
    forms: { prechat: { id: "f", fields: [{ type: "name", label: "Name" }, { type: "unknown" }, { type: "radio", id: 7, label: "?", options: [{ id: 1, label: "one" }] }] } },
    greetings: [{ id: 3, when: { seconds: "x" }, text: "hi" }],
    texts: { send: "Go", title: 4 },
  });
  assert.equal(given.color, "#FFF");
  assert.deepEqual(given.forms.prechat.fields.map(({ type, id }) => [type, id]), [["name", "0"], ["radio", "7"]]);
  assert.deepEqual(given.greetings.map(({ id, when }) => [id, when]), [["3", {}]]);
  assert.deepEqual(given.texts, { send: "Go" });
});

test("whatever the colour, what is written in it and on it can be read", () => {
  const rgb = (text) =>
    text.startsWith("rgb")
      ? text.match(/\d+/g).map(Number)
      : [...(text.length === 4 ? [...text.slice(1)].map((d) => d + d).join("") : text.slice(1)).matchAll(/../g)].map(([hex]) => Number.parseInt(hex, 16));
  for (const color of ["#2f5bea", "#ffd23f", "#fff", "#000", "#0c0", "#e91e63", "#808080", "#123456"]) {
    const { on, strong, bright } = shades(color);
    assert.ok(contrast(rgb(color), rgb(on)) >= 4.5, `${on} on ${color}`);
    assert.ok(contrast(rgb(strong), [255, 255, 255]) >= 4.5, `${strong} on white`);
    assert.ok(contrast(rgb(bright), [28, 31, 38]) >= 4.5, `${bright} on dark`);
  }
});

test("greetings come by page, referrer and time, each once", () => {
  const rules = settings({
    greetings: [
      { id: "prices", when: { url: "/prices*", seconds: 10 }, text: "a" },
      { id: "search", when: { referrer: "*search.example*" }, text: "b" },
      { id: "shop", when: { url: "https://*.example.org/shop" }, text: "c" },
    ],
  }).greetings;
  const visit = { url: "https://www.example.org/prices/pizza?x=1", referrer: "", seconds: 11, shown: [] };
  assert.equal(due(rules, visit).id, "prices");
  assert.equal(due(rules, { ...visit, seconds: 9 }), null);
  assert.equal(due(rules, { ...visit, shown: ["prices"] }), null);
  assert.equal(due(rules, { ...visit, seconds: 0, referrer: "https://search.example/q" }).id, "search");
  assert.equal(due(rules, { ...visit, url: "https://www.example.org/shop" }).id, "shop");
});

test("a pattern fits the whole text", () => {
  for (const [pattern, text, result] of [
    ["/a", "/a", true], ["/a", "/ab", false], ["/a*", "/ab", true], ["*b", "ab", true], ["a*a", "a", false],
    ["*", "", true], ["a*b*c", "a-b-c", true], ["a*b*c", "a-c-b", false], ["A*", "abc", true], ["a.c", "abc", false],
  ]) {
    assert.equal(fits(pattern, text), result, `${pattern} ${text}`);
  }
});
