// What one does in the widget, and what is seen in it.

import assert from "node:assert/strict";

/** The texts of the field to write in, in the languages of the stories. */
const WRITE = /Write a message|اكتب رسالة/;

/** Opens the window. */
export async function open(page) {
  await page.getByRole("button", { name: "Open the chat" }).click();
}

export function field(page) {
  return page.getByRole("textbox", { name: WRITE });
}

export async function say(page, text) {
  await field(page).fill(text);
  await field(page).press("Enter");
}

/** A message with this text; what is read out to who does not see it is another. */
export function said(page, text) {
  return page.locator(".bubble", { hasText: text });
}

/** What was said, without names and times. */
export function messages(page) {
  return page.locator(".group .bubble:not(.typing)").evaluateAll((bubbles) => bubbles.map((each) => each.textContent.trim()));
}

/** Waits until the line is open and nothing waits to be sent. */
export async function settled(page) {
  await page.locator(".window:not(:has([data-waiting])):not(:has(.banner.warn)):not(:has(.skeleton))").waitFor();
}

/** Nothing of the list is there twice. */
export function once(list) {
  assert.equal(new Set(list).size, list.length, `something is there twice: ${JSON.stringify(list)}`);
}
