// What the customer wrote and the server does not have for sure: each thing under a key of its own, so that two tabs
// never overwrite each other's. It stays until the server's own event with that `custom_id` was seen.
//
// What makes a second try harmless: the server knows the `custom_id` and answers with the first event.

import { type Keep, read } from "./storage";
import type { ChatEvent, Field, NewEvent } from "./types";

/** After this long without a sign of life a tab's messages are taken over by another. */
const DEAD_MS = 20_000;

/** What the server has accepted and never shown again (a chat that was removed) is let go of after this. */
const UNSEEN_MS = 3_600_000;

const PREFIX = "out:";

export interface Outgoing {
  custom_id: string;
  event: NewEvent;
  /** When it was written, in milliseconds, and which one of those it was: they are sent in this order. */
  at: number;
  count: number;
  status: "sending" | "sent" | "failed";
  /** What the server said; empty while it said nothing. */
  event_id: string;
  error: string;
  tries: number;
  /** The tab that looks after it, and when it last did. */
  tab: string;
  beat: number;
  /** Properties of the thread, if this message opens one. */
  thread?: Record<string, Record<string, unknown>>;
  /** To the last thread, even when that is closed. */
  late?: boolean;
  /** A file that is still to be uploaded, and how far that went (0 to 1). */
  upload?: { name: string; type: string; size: number; progress: number };
  /** Something that the customer did not write, and is not shown. */
  silent?: boolean;
}

export class Outbox {
  private count = 0;

  constructor(
    private readonly kept: Keep,
    private readonly tab: string,
    private readonly now: () => number,
    private readonly id: () => string,
  ) {}

  /** Everything, in the order of writing. */
  all(): Outgoing[] {
    const found: Outgoing[] = [];
    for (const key of this.kept.keys()) {
      const item = key.startsWith(PREFIX) ? read<Outgoing>(this.kept, key) : null;
      if (item?.custom_id && item.event) found.push(item);
    }
    return found.sort((a, b) => a.at - b.at || a.count - b.count);
  }

  add(event: NewEvent, more: Partial<Outgoing> = {}): Outgoing {
    const custom_id = event.custom_id ?? this.id();
    this.count += 1;
    const item: Outgoing = {
      custom_id,
      event: { ...event, custom_id },
      at: this.now(),
      count: this.count,
      status: "sending",
      event_id: "",
      error: "",
      tries: 0,
      tab: this.tab,
      beat: this.now(),
      ...more,
    };
    this.put(item);
    return item;
  }

  get(custom_id: string): Outgoing | null {
    return read<Outgoing>(this.kept, PREFIX + custom_id);
  }

  change(custom_id: string, change: Partial<Outgoing>): void {
    const item = this.get(custom_id);
    if (item) this.put({ ...item, ...change });
  }

  remove(custom_id: string): void {
    this.kept.set(PREFIX + custom_id, null);
  }

  clear(): void {
    for (const item of this.all()) this.remove(item.custom_id);
  }

  /** The next one that this tab should send: its own, or one whose tab is gone. A file comes when it is uploaded. */
  next(): Outgoing | null {
    const item = this.all().find((each) => each.status === "sending" && !each.upload);
    if (!item) return null;
    if (item.tab !== this.tab && this.now() - item.beat < DEAD_MS) return null;
    return item;
  }

  /** Takes one in hand. */
  claim(item: Outgoing): void {
    this.change(item.custom_id, { tab: this.tab, beat: this.now() });
  }

  /** The tab goes away: whoever comes next may send at once. */
  release(): void {
    for (const item of this.all()) {
      if (item.tab === this.tab) this.change(item.custom_id, { beat: 0 });
    }
  }

  /** What the server has not shown to have. Another tab may write down again what this one has dropped. */
  waiting(events: ChatEvent[]): Outgoing[] {
    return this.all().filter(notAmong(events));
  }

  /** Drops what the server has shown to have, and what it told nobody of. */
  settle(events: ChatEvent[]): void {
    const waits = notAmong(events);
    const unseen = (item: Outgoing) => item.silent || this.now() - item.at > UNSEEN_MS;
    for (const item of this.all()) {
      if (!waits(item) || (item.status === "sent" && unseen(item))) this.remove(item.custom_id);
    }
  }

  private put(item: Outgoing): void {
    this.kept.set(PREFIX + item.custom_id, JSON.stringify(item));
  }
}

function notAmong(events: ChatEvent[]): (item: Outgoing) => boolean {
  const customs = new Set(events.map((event) => event.custom_id));
  const ids = new Set(events.map((event) => event.id));
  return (item) => !customs.has(item.custom_id) && (item.event_id === "" || !ids.has(item.event_id));
}

/** A form's answers as an event. */
export function filledForm(id: string, kind: string, fields: Field[]): NewEvent {
  return {
    type: "filled_form",
    form_id: id,
    fields,
    ...(kind === "prechat" || kind === "postchat" ? { properties: { lc2: { form_type: kind } } } : {}),
  };
}
