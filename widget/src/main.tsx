// The script's beginning: finds out where it is, puts the widget on the page, and gives the page `window.tidings`.

import { render } from "preact";
import { Client } from "./client";
import { Lost, Refused, type Socket } from "./env";
import { fileKeep } from "./files";
import { due } from "./greetings";
import { shades } from "./settings";
import { ring } from "./sound";
import { unread } from "./state";
import { keep, read } from "./storage";
import type { ChatEvent } from "./types";
import { App } from "./ui/app";
import { Shell, ShellContext } from "./ui/shell";
import css from "./ui/styles.css";

const VERSION = "1";

/** How often greetings, the page's address and the title are looked at. */
const LOOK_MS = 1_000;

/** The settings are asked for again after this, doubled each time, and at most the last. */
const AGAIN_MIN_MS = 2_000;
const AGAIN_MAX_MS = 60_000;

type Call = [name: string, ...values: any[]];

declare global {
  interface Window {
    tidings?: any;
  }
}

function begin(): void {
  const script = document.currentScript as HTMLScriptElement | null;
  const given = { ...script?.dataset };
  const base = script?.src ? new URL(script.src).origin : location.origin;
  const query = new URLSearchParams(location.search);
  const page = given["mode"] === "page";
  const organization = given["organization"] ?? (page ? query.get("organization") : null);
  const channel = given["channel"] ?? (page ? query.get("channel") : null);
  if (!organization || !channel) {
    console.error("Tidings: the script needs data-organization and data-channel.");
    return;
  }
  if (document.querySelector("tidings-widget")) return;

  const name = `tidings:${organization}:${channel}:`;
  const local = keep(drawer(() => localStorage), name);
  const session = keep(drawer(() => sessionStorage), name);
  let alone: Promise<unknown> = Promise.resolve();
  const client = new Client(
    {
      base,
      organization,
      channel,
      fetch: (...all) => fetch(...all),
      socket: "WebSocket" in window ? (url) => new WebSocket(url) as unknown as Socket : null,
      now: () => Date.now(),
      random: () => Math.random(),
      alone: <T,>(lock: string, work: () => Promise<T>): Promise<T> => {
        // Pages without TLS have no locks.
        if (navigator.locks) return navigator.locks.request(name + lock, work) as Promise<T>;
        const next = alone.then(work, work);
        alone = next.catch(() => {});
        return next;
      },
    },
    local,
    tabId(session),
    {
      url: () => location.href,
      title: () => titleOf(),
      referrer: document.referrer,
      mobile: matchMedia("(pointer: coarse)").matches,
      version: VERSION,
      upload,
    },
    fileKeep(typeof indexedDB === "undefined" ? undefined : indexedDB),
    id,
  );
  const shell = new Shell(client, local, session, page);
  const listeners = new Map<string, Set<(value: unknown) => void>>();
  const tell = (event: string, value?: unknown) => {
    for (const listener of listeners.get(event) ?? []) {
      try {
        listener(value);
      } catch (error) {
        console.error(error);
      }
    }
  };
  shell.listenersOf = (name) => {
    look();
    tell(name);
  };

  const host = document.createElement("tidings-widget");
  const root = host.attachShadow({ mode: "open" });
  const settingsSheet = new CSSStyleSheet();
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [settingsSheet, sheet];

  // The page's script.

  const api = {
    open: () => shell.open(),
    close: () => shell.close(),
    hide: () => shell.set({ hidden: true }),
    show: () => shell.set({ hidden: false }),
    track: (event: string, data?: unknown) => quietly(client.track(event, data)),
    identify: (jwt: string) => client.identify(jwt),
    logout: () => client.logout(),
    setLocale: (language: string) => shell.speak(language),
    setCustomer: (fields: Record<string, string>) => quietly(client.setCustomer(fields)),
    on: (event: string, listener: (value: unknown) => void) => {
      const known = listeners.get(event) ?? new Set();
      listeners.set(event, known.add(listener));
      return () => known.delete(listener);
    },
    push: (call: Call) => run(call),
  };
  const run = ([verb, ...values]: Call): unknown => {
    const work = api[verb as keyof typeof api] as ((...all: any[]) => unknown) | undefined;
    return Object.hasOwn(api, verb) && verb !== "push" ? work!(...values) : undefined;
  };
  const waiting: Call[] = Array.isArray(window.tidings) ? window.tidings : [];
  window.tidings = api;

  // What happens.

  const ahead = () => !document.hidden && document.hasFocus();
  const looking = () => shell.look.open && !shell.look.hidden && ahead();
  client.on((event, value) => {
    if (event !== "change") tell(event, value);
    if (event === "message") arrived(value as ChatEvent);
    if (event === "unread") title();
    if (event === "unread" && value === 0) shell.set({ teaser: null });
    if (event === "unread" && looking()) client.seen();
    if (event === "state" && value === "online" && looking()) client.seen();
    if (event === "change") greetings();
  });

  function arrived(message: ChatEvent): void {
    if (looking()) return;
    if (!shell.look.open) shell.set({ teaser: message });
    // One tab rings, whichever is the first to hear of it.
    if (!client.view.settings.sound || shell.look.muted || local.get("rung") === message.id) return;
    local.set("rung", message.id);
    ring();
  }

  /** A greeting that the server sends is shown like one of the rules. */
  function greetings(): void {
    const [greeting] = client.view.state.greetings;
    if (!greeting || shell.look.greeting?.unique_id === greeting.unique_id) return;
    shell.set({ greeting: { unique_id: greeting.unique_id, number: Number(greeting.id), sent: true, event: greeting.event } });
  }

  const began = Date.now();
  let address = location.href;
  function look(): void {
    if (looking()) client.seen();
    if (location.href !== address) {
      address = location.href;
      client.moved();
    }
    const { settings, state, outgoing } = client.view;
    const busy = shell.look.open || shell.look.greeting || state.chat || outgoing.length > 0 || shell.look.hidden;
    if (busy || settings.greetings.length === 0) return;
    const shown = new Set(greeted(session));
    const rule = due(settings.greetings, {
      url: location.href,
      referrer: document.referrer,
      seconds: (Date.now() - began) / 1000,
      shown: [...shown],
    });
    if (!rule) return;
    session.set("greeted", JSON.stringify([...shown.add(rule.id)]));
    shell.greet(rule, id(), new Date().toISOString());
  }

  /** While the page is behind others, its title tells of what came. */
  let own: string | null = null;
  function title(): void {
    const count = unread(client.view.state).length;
    if (document.hidden && count > 0) {
      const before = titleOf();
      own = `(${count}) ${before}`;
      original = before;
      document.title = own;
    } else if (own !== null) {
      if (document.title === own) document.title = original;
      own = null;
    }
  }
  let original = document.title;
  function titleOf(): string {
    return own !== null && document.title === own ? original : document.title;
  }

  addEventListener("storage", (event) => {
    if (event.key === null) client.changedElsewhere(null);
    else if (event.key.startsWith(name)) client.changedElsewhere(event.key.slice(name.length));
  });
  addEventListener("online", () => client.poke());
  addEventListener("offline", () => client.poke());
  addEventListener("pageshow", (event) => event.persisted && client.poke());
  addEventListener("pagehide", () => client.leave());
  addEventListener("focus", look);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) client.poke();
    title();
    look();
  });

  // And on it goes.

  const put = () => {
    const { settings } = client.view;
    const { color } = settings;
    const { on, strong, bright } = shades(color);
    settingsSheet.replaceSync(`:host{--set-color:${color};--set-on:${on};--set-strong:${strong};--set-bright:${bright}}`);
    if (page) host.setAttribute("data-page", "");
    document.body.append(host);
    render(
      <ShellContext.Provider value={shell}>
        <App dark={matchMedia("(prefers-color-scheme: dark)")} />
      </ShellContext.Provider>,
      root,
    );
    setInterval(look, LOOK_MS);
    if (settings.connect || client.returning() || shell.look.open) client.connect();
    if (given["open"] === "true") shell.open();
    if (given["identity"]) void quietly(client.identify(given["identity"]));
    waiting.forEach(run);
    tell("ready");
  };
  const load = async (wait: number): Promise<void> => {
    try {
      if (!(await client.load())) {
        console.error("Tidings: this site is not on the channel's list of allowed origins.");
        return;
      }
      await shell.speak(given["language"] ?? (page ? query.get("language") : null));
      put();
    } catch (error) {
      if (error instanceof Refused && ![429, 500, 503].includes(error.status)) {
        console.error(`Tidings: ${error.type}: ${error.message}`);
        return;
      }
      setTimeout(() => void load(Math.min(AGAIN_MAX_MS, wait * 2)), wait);
    }
  };
  if (document.body) void load(AGAIN_MIN_MS);
  else addEventListener("DOMContentLoaded", () => void load(AGAIN_MIN_MS), { once: true });
}

/** The page need not look after what it tells us. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => console.warn("Tidings:", error));
}

/** The greetings of this visit, so that each is shown once. */
function greeted(session: ReturnType<typeof keep>): string[] {
  const list = read<string[]>(session, "greeted");
  return Array.isArray(list) ? list : [];
}

/** Some browsers throw when one only looks at it. */
function drawer(open: () => Storage): Storage | null {
  try {
    return open();
  } catch {
    return null;
  }
}

function tabId(session: ReturnType<typeof keep>): string {
  const known = session.get("tab");
  const tab = known ?? id();
  if (!known) session.set("tab", tab);
  return tab;
}

/** Pages without TLS have no `randomUUID`. */
function id(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `fetch` tells nothing of how far an upload is. */
function upload(url: string, token: string, file: Blob, name: string, progress: (part: number) => void): Promise<any> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const { response, status } = request;
      if (status < 300) resolve(response);
      else reject(new Refused(response?.error?.type ?? (status === 413 ? "entity_too_large" : "internal"), "", {}, status));
    };
    request.onerror = request.onabort = () => reject(new Lost("the upload broke off"));
    const body = new FormData();
    body.append("file", file, name);
    request.send(body);
  });
}

begin();
