// The widget's texts in English, which are in the script. Every key is there; other languages may leave some out. `{name}` is
// filled in.

import en from "../locales/en.json";

export { en };

export type Strings = typeof en;
export type Key = keyof Strings;
