// The first page of a demo: the chat, the events that it makes, and the webhooks that tell of them, side by side.
//
// It reads `/demo/info` once, follows `/demo/events`, and asks `/demo/webhooks` again and again while somebody looks.
// A webhook and its event have the same id; a tick on the event says that its webhook arrived.

import { element } from "./element.js";
import { CROSS, TICK, clock, facts, icon, json } from "./rows.js";
import { follow } from "./stream.js";

/** How many rows of each kind are kept on the page. */
const ROWS_MAX = 300;
/** How often the receiver is asked, while the page is seen. */
const WEBHOOKS_EVERY_MS = 1_000;
/** The pause after a question that was not answered. */
const AGAIN_MS = 5_000;
/** How much of a text a row shows. */
const SHORT_CHARS_MAX = 160;

const byId = (id) => document.getElementById(id);
const [panes, frame, help] = [document.querySelector(".panes"), byId("frame"), byId("help")];

/** Rows of the page by the event's id. */
const eventRows = new Map();
const webhookRows = new Map();
/** Events whose webhook arrived, well signed. */
const told = new Set();
let events = 0;
let webhooks = 0;
/** What was there when the page opened does not light up. */
let live = false;

begin();
setUpTabs();

async function begin() {
  const info = await ask("/demo/info");
  if (!info) {
    help.textContent = "The demo does not answer. Start it with “tidings demo”; this page tries again by itself.";
    help.dataset.state = "bad";
    setTimeout(begin, AGAIN_MS);
    return;
  }
  if (help.dataset.state) {
    location.reload();
    return;
  }
  frame.src = `/chat/${encodeURIComponent(info.channel)}`;
  if (info.workspace_name) {
    byId("workspace").textContent = info.workspace_name;
    byId("workspace").hidden = false;
  }
  setTimeout(() => (live = true), 1_500);
  watchWebhooks();
  follow((since) => `/demo/events?since=${since}`, 0, drawEvent, () => {});
}

// Events.

function drawEvent(event) {
  if (eventRows.has(event.id)) return;
  const tick = icon(TICK, "told");
  tick.setAttribute("aria-label", "Webhook delivered");
  tick.setAttribute("role", "img");
  tick.classList.toggle("waits", !told.has(event.id));

  const kind = event.author?.kind ?? "system";
  const who = element("span", "who", nameOf(event.author));
  who.dataset.kind = kind;
  const summary = element(
    "summary",
    "",
    element("span", "seq", String(event.seq)),
    element("span", "type", event.type),
    element("span", "side", who, tick),
    element("span", "short", shorten(shortText(event))),
  );
  const row = makeRow(summary, () => [json(event)]);
  row.dataset.event = event.id;
  eventRows.set(event.id, row);
  events += 1;
  show("events", row, events);
}

/** What an event says, in one line. */
function shortText(event) {
  const data = event.data ?? {};
  const names = (list, of, between = ", ") => (Array.isArray(list) ? list.map(of).filter(Boolean).join(between) : "");
  switch (event.type) {
    case "chat.message":
    case "note.added":
      return data.text;
    case "chat.command":
      return data.text ?? `/${data.command}`;
    case "chat.postback":
      return data.text ?? data.value;
    case "chat.rich_message": {
      const choices = names(data.elements, (each) => each.title ?? names(each.buttons, (button) => button.text, " · "), " · ");
      return [data.text, choices && `[${choices}]`].filter(Boolean).join(" ");
    }
    case "chat.file":
    case "chat.file_too_big":
      return names(data.files, (each) => each.name ?? each.media) || data.caption;
    case "chat.sticker":
      return data.emoji ?? data.set_name;
    case "chat.location":
      return data.title ?? `${data.latitude}, ${data.longitude}`;
    case "chat.contact":
      return [data.first_name, data.phone_number].filter(Boolean).join(" ");
    case "control.changed":
      return `${holder(data.from)} → ${holder(data.to)}${data.reason ? `: ${data.reason}` : ""}`;
    case "chat.variables_changed":
      return Object.entries(data.changed ?? {}).map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(", ");
    case "chat.labels_changed":
      return [...(data.added ?? []).map((label) => `+${label}`), ...(data.removed ?? []).map((label) => `−${label}`)].join(" ");
    case "bot.published":
      return `${data.bot}, version ${data.version}`;
    default:
      return data.text ?? data.message ?? data.error_message ?? data.reason ?? data.status ?? "";
  }
}

function holder(who) {
  if (!who) return "nobody";
  return [who.kind, who.id ?? who.group].filter(Boolean).join(" ");
}

function nameOf(author) {
  if (!author || author.kind === "system") return "system";
  // A customer's id is a long number; the word says more.
  if (author.kind === "customer" || !author.id) return author.kind;
  return author.id;
}

// Webhooks.

async function watchWebhooks() {
  for (;;) {
    if (document.visibilityState === "visible") {
      const answer = await ask("/demo/webhooks");
      const items = Array.isArray(answer?.items) ? answer.items : [];
      items.forEach(drawWebhook);
      await pause(answer ? WEBHOOKS_EVERY_MS : AGAIN_MS);
    } else {
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    }
  }
}

function drawWebhook(item) {
  const key = `${item.webhook_id} ${item.received_at} ${item.attempt ?? 1}`;
  if (webhookRows.has(key)) return;
  const good = item.signature_ok === true;
  const body = item.body;

  const badge = element("span", good ? "badge" : "badge wrong", icon(good ? TICK : CROSS));
  const words = good ? "Signature verified" : "Signature wrong";
  const again = item.attempt > 1 ? ` · attempt ${item.attempt}` : "";
  const summary = element(
    "summary",
    "",
    badge,
    element("span", "type", item.events?.[0]?.type ?? body?.type ?? "webhook"),
    element("span", "side", body?.seq ? element("span", "seq", `#${body.seq}`) : null, clock(item.received_at)),
    element("span", "short", element("span", good ? "check" : "check wrong", words), again),
  );
  const row = makeRow(summary, () => [
    facts({
      "webhook-id": item.webhook_id,
      "webhook-timestamp": item.webhook_timestamp,
      "webhook-signature": item.webhook_signature,
      received: item.received_at,
      attempt: item.attempt,
    }),
    json(body ?? item.text),
  ]);
  row.dataset.event = item.webhook_id;
  webhookRows.set(key, row);
  webhooks += 1;
  show("webhooks", row, webhooks);

  if (good) {
    told.add(item.webhook_id);
    eventRows.get(item.webhook_id)?.querySelector(".told")?.classList.remove("waits");
  }
}

// Rows.

function makeRow(summary, fill) {
  const row = element("details", "row", summary);
  row.addEventListener("toggle", () => {
    if (row.open && row.children.length === 1) row.append(element("div", "details", ...fill()));
  });
  row.addEventListener("pointerenter", () => relate(row.dataset.event, true));
  row.addEventListener("pointerleave", () => relate(row.dataset.event, false));
  return row;
}

/** An event and its webhook light up together. */
function relate(id, on) {
  for (const row of document.querySelectorAll(".row")) row.classList.toggle("related", on && row.dataset.event === id);
}

/** Puts a row on top of its list, and lets the oldest go. */
function show(name, row, count) {
  const list = byId(name);
  byId(`${name}-empty`).hidden = true;
  row.classList.toggle("fresh", live);
  const before = list.scrollTop;
  list.prepend(row);
  // Who reads further down keeps their place.
  if (before > 0) list.scrollTop = before + row.offsetHeight;
  if (list.children.length > ROWS_MAX) {
    // Its key stays, with nothing behind it, so that a row that went does not come again.
    const oldest = list.lastElementChild;
    oldest.replaceChildren();
    oldest.remove();
  }
  for (const shown of document.querySelectorAll(`[data-count="${name}"]`)) shown.textContent = String(count);
}

// Tabs, on a narrow screen.

function setUpTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    panes.dataset.shown = chosen.id.replace("tab-", "");
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(index + step + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });
}

// Small things.

function shorten(text) {
  const line = String(text ?? "").replace(/\s+/g, " ").trim();
  return line.length > SHORT_CHARS_MAX ? `${line.slice(0, SHORT_CHARS_MAX)}…` : line;
}

async function ask(address) {
  try {
    const response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(AGAIN_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
