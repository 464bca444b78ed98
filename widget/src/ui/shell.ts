// What is open, in which language, and what goes on around the chat: the views' own state, and what the page's script may
// change of it. The chat itself is in client.ts.

import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Client } from "../client";
import { chosen, fetched, words, type Words } from "../i18n";
import type { Keep } from "../storage";
import type { ChatEvent, GreetingRule } from "../types";

/** A greeting that waits beside the launcher, or stands at the head of an empty chat. */
export interface Shown {
  /** One of its kind: this greeting, shown this time. */
  unique_id: string;
  /** Its number at the server, if it has one. */
  number: number | null;
  /** Whether the server chose it, rather than the widget. */
  sent: boolean;
  event: ChatEvent;
}

export interface Look {
  open: boolean;
  hidden: boolean;
  /** Whether the chat is a page of its own. */
  page: boolean;
  /** Whether a new conversation was asked for after the last one had ended. */
  fresh: boolean;
  greeting: Shown | null;
  /** The newest message of others that was not looked at, while the window is closed. */
  teaser: ChatEvent | null;
  muted: boolean;
}

export class Shell {
  look: Look;
  private readonly listeners = new Set<() => void>();
  private spoken = words("en", {});
  private wished = "en";

  constructor(
    readonly client: Client,
    readonly kept: Keep,
    /** What is kept for this tab only. */
    private readonly tab: Keep,
    page: boolean,
  ) {
    this.look = {
      open: page || tab.get("open") === "1",
      hidden: false,
      page,
      fresh: false,
      greeting: null,
      teaser: null,
      muted: kept.get("muted") === "1",
    };
    client.on((name) => name === "change" && this.redraw());
  }

  words(): Words {
    return this.spoken;
  }

  /** Changes the language to the one that is wished, or else the channel's, or else the browser's. */
  async speak(wish: string | null): Promise<void> {
    const { settings } = this.client.view;
    const language = chosen([wish, settings.language, ...navigator.languages]);
    this.wished = language;
    const texts = await fetched(this.client.env, language);
    if (this.wished !== language) return;
    this.spoken = words(language, { ...texts, ...settings.texts }, navigator.languages);
    this.redraw();
  }

  set(change: Partial<Look>): void {
    this.look = { ...this.look, ...change };
    this.redraw();
  }

  open(): void {
    if (this.look.open) return;
    this.tab.set("open", "1");
    this.set({ open: true, teaser: null, hidden: false });
    this.client.connect();
    const { greeting } = this.look;
    if (greeting && greeting.number !== null) this.client.acceptGreeting(greeting.unique_id, greeting.number);
    this.listenersOf("open");
  }

  close(): void {
    if (!this.look.open || this.look.page) return;
    this.tab.set("open", null);
    this.set({ open: false });
    this.listenersOf("close");
  }

  mute(muted: boolean): void {
    this.kept.set("muted", muted ? "1" : null);
    this.set({ muted });
  }

  greet(rule: GreetingRule, unique_id: string, at: string): void {
    const event: ChatEvent = {
      id: unique_id,
      type: rule.rich ? "rich_message" : "message",
      created_at: at,
      ...(rule.text ? { text: rule.text } : {}),
      ...rule.rich,
    };
    this.set({ greeting: { unique_id, number: rule.number ?? null, sent: false, event } });
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Told of `open` and `close`; main.tsx listens. */
  listenersOf: (name: string) => void = () => {};

  private redraw(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

export const ShellContext = createContext<Shell>(null as unknown as Shell);

/** The shell; whoever uses it is drawn again when anything changes. */
export function useShell(): { shell: Shell; client: Client; look: Look; view: Client["view"]; t: Words["say"]; words: Words } {
  const shell = useContext(ShellContext);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => shell.subscribe(() => redraw(undefined)), [shell]);
  const words = shell.words();
  return { shell, client: shell.client, look: shell.look, view: shell.client.view, t: words.say, words };
}
