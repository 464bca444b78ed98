// Which language, and its words. English is in the script; the others are files beside it (locales), so that a page
// loads one language and not twenty.

import { type Key, en } from "./en";
import { type Env, ask } from "./env";

export type { Key };

/** Those that there is a file for; which of them are complete is in tests/words.test.mjs. */
export const LANGUAGES = "en ar cs da de es fi fr he hu it ja nl pl pt ro sv tr uk zh".split(" ");

const FROM_THE_RIGHT = ["ar", "he"];

/** A chat in English is better than none. */
const PATIENCE_MS = 4_000;

export type Texts = Record<string, string>;

export interface Words {
  language: string;
  /** The language as the browser names it, with its region where that is known: times and numbers are written so. */
  locale: string;
  direction: "ltr" | "rtl";
  say(key: Key, values?: Record<string, string | number>): string;
}

/** The first of the wished languages that there are words for; a region may be named and is left out. */
export function chosen(wishes: readonly (string | null | undefined)[]): string {
  for (const wish of wishes) {
    const language = wish?.toLowerCase().split(/[-_]/)[0] ?? "";
    if (LANGUAGES.includes(language)) return language;
  }
  return "en";
}

/** The texts of a language, from the server. */
export async function fetched(env: Env, language: string): Promise<Texts> {
  if (language === "en") return {};
  return ask(env, `${env.base}/widget/locales/${language}.json`, {}, PATIENCE_MS).catch(() => ({}));
}

export function words(language: string, texts: Texts, wishes: readonly string[] = []): Words {
  return {
    language,
    locale: wishes.find((wish) => wish.toLowerCase().split("-")[0] === language) ?? language,
    direction: FROM_THE_RIGHT.includes(language) ? "rtl" : "ltr",
    say: (key, values = {}) =>
      (texts[key] ?? en[key]).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
  };
}
