// The widget's settings, out of what the server gave: nothing in it is trusted, and what is missing takes the default.

import type { Field, Form, GreetingRule, Settings } from "./types";

export const DEFAULT_COLOR = "#2f5bea";

const COLOR = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i;

const FIELD_TYPES = [
  "header",
  "name",
  "email",
  "question",
  "subject",
  "textarea",
  "radio",
  "select",
  "checkbox",
  "group_chooser",
  "rating",
];

type Loose = Record<string, any>;

const object = (value: unknown): Loose =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {};
const text = (value: unknown, fallback = ""): string => (typeof value === "string" ? value : fallback);
const flag = (value: unknown, fallback: boolean): boolean =>
  typeof value === "boolean" ? value : fallback;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
function one<T extends string>(value: unknown, choices: readonly T[]): T {
  return choices.includes(value as T) ? (value as T) : choices[0]!;
}

/** Makes settings of the key `widget` of `get_dynamic_configuration`. */
export function settings(given: unknown): Settings {
  const widget = object(given);
  const launcher = object(widget["launcher"]);
  const forms = object(widget["forms"]);
  const color = text(widget["color"]);
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(object(widget["texts"]))) {
    if (typeof value === "string") texts[key] = value;
  }
  return {
    title: text(widget["title"]),
    subtitle: text(widget["subtitle"]),
    color: COLOR.test(color) ? color : DEFAULT_COLOR,
    theme: one(widget["theme"], ["light", "dark", "auto"] as const),
    position: one(widget["position"], ["right", "left"] as const),
    launcher: { text: text(launcher["text"]), hidden: flag(launcher["hidden"], false) },
    language: text(widget["language"]),
    avatar: text(widget["avatar"]),
    sound: flag(widget["sound"], true),
    rating: flag(widget["rating"], true),
    transcript: flag(widget["transcript"], true),
    files: flag(widget["files"], true),
    online: flag(widget["online"], true),
    bot: flag(widget["bot"], false),
    connect: flag(widget["connect"], false),
    forms: {
      prechat: form(forms["prechat"]),
      postchat: form(forms["postchat"]),
      offline: form(forms["offline"]),
    },
    greetings: list(widget["greetings"]).flatMap((each) => greeting(object(each))),
    texts,
  };
}

function form(given: unknown): Form | null {
  const { id, title, text: words, fields } = object(given);
  const known = list(fields).flatMap((each, index) => field(object(each), index));
  if (known.length === 0) return null;
  return { id: text(id, "form"), title: text(title), text: text(words), fields: known };
}

function field(given: Loose, index: number): Field[] {
  if (!FIELD_TYPES.includes(given["type"])) return [];
  return [
    {
      type: given["type"],
      id: String(given["id"] ?? index),
      label: text(given["label"]),
      required: flag(given["required"], false),
      comment_label: text(given["comment_label"]),
      options: list(given["options"]).map((each, place) => {
        const option = object(each);
        const id = option["id"] ?? place;
        return {
          id: typeof id === "number" ? id : String(id),
          label: text(option["label"]),
          ...(typeof option["group_id"] === "number" ? { group_id: option["group_id"] } : {}),
        };
      }),
    },
  ];
}

function greeting(given: Loose): GreetingRule[] {
  const when = object(given["when"]);
  const rich = object(given["rich"]);
  const elements = list(rich["elements"]);
  if (!text(given["text"]) && elements.length === 0) return [];
  return [
    {
      id: String(given["id"] ?? ""),
      ...(typeof given["number"] === "number" ? { number: given["number"] } : {}),
      when: {
        ...(typeof when["url"] === "string" ? { url: when["url"] } : {}),
        ...(typeof when["referrer"] === "string" ? { referrer: when["referrer"] } : {}),
        ...(typeof when["seconds"] === "number" ? { seconds: when["seconds"] } : {}),
      },
      text: text(given["text"]),
      ...(elements.length > 0
        ? { rich: { template_id: text(rich["template_id"], "cards"), elements: elements as any[] } }
        : {}),
    },
  ];
}

/** The colours around a theme colour: what is written on it, and shades of it that can be read on the bubbles,
 * which are a little nearer to it than the background: on a light and on a dark widget. */
export function shades(color: string): { on: string; strong: string; bright: string } {
  const [r, g, b] = channels(color);
  const on = contrast([r, g, b], [255, 255, 255]) >= 4.5 ? "#fff" : "#000";
  return { on, strong: readable([r, g, b], [241, 243, 247], 0), bright: readable([r, g, b], [43, 48, 59], 255) };
}

type Rgb = [number, number, number];

function channels(color: string): Rgb {
  const hex = color.slice(1);
  const wide = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
  return [0, 2, 4].map((at) => Number.parseInt(wide.slice(at, at + 2), 16)) as Rgb;
}

/** Moves a colour towards black or white until it can be read on the background (WCAG 2, AA). */
function readable(color: Rgb, background: Rgb, towards: number): string {
  for (let step = 0; step <= 20; step += 1) {
    const mixed = color.map((value) => Math.round(value + ((towards - value) * step) / 20)) as Rgb;
    if (contrast(mixed, background) >= 4.5) return `rgb(${mixed.join(" ")})`;
  }
  return towards === 0 ? "#000" : "#fff";
}

export function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: Rgb): number {
  const [r, g, b] = color.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
