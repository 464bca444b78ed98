// Which greeting a visitor should see: rules about the page, pure.

import type { GreetingRule } from "./types";

export interface Visit {
  url: string;
  referrer: string;
  /** For how long the page has been there. */
  seconds: number;
  /** The ids of greetings that were shown in this visit. */
  shown: string[];
}

/** The first greeting whose conditions all hold and that was not shown yet. */
export function due(rules: GreetingRule[], visit: Visit): GreetingRule | null {
  return rules.find((rule) => !visit.shown.includes(rule.id) && holds(rule, visit)) ?? null;
}

function holds({ when }: GreetingRule, visit: Visit): boolean {
  if (when.seconds !== undefined && visit.seconds < when.seconds) return false;
  if (when.referrer !== undefined && !fits(when.referrer, visit.referrer)) return false;
  if (when.url === undefined) return true;
  return fits(when.url, when.url.startsWith("/") ? path(visit.url) : visit.url);
}

/** Whether a pattern fits the whole text; `*` stands for anything, large and small letters are the same. */
export function fits(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split("*");
  const whole = text.toLowerCase();
  const first = parts[0]!;
  if (parts.length === 1) return whole === first;
  const last = parts[parts.length - 1]!;
  if (!whole.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = whole.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return whole.length - last.length >= at && whole.endsWith(last);
}

function path(url: string): string {
  try {
    const { pathname, search } = new URL(url);
    return pathname + search;
  } catch {
    return url;
  }
}
