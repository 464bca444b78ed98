// The page of `tidings bin`: what arrived, newest first, and how the next delivery is answered.
//
// It asks `/deliveries` again and again while somebody looks, and tells `/behave` what was chosen.

import { element } from "./element.js";
import { CROSS, TICK, clock, facts, icon, json } from "./rows.js";

/** How many rows are kept on the page. */
const ROWS_MAX = 300;
/** How often is asked, while the page is seen. */
const EVERY_MS = 1_000;
/** The line of an icon for what was not checked. */
const DOT = "M8 8h.01";

/** What can be chosen here; more can be said by `PUT /behave`. */
const CHOICES = [
  ["well", {}],
  ["503, Retry-After 5 s", { status: 503, retry_after_s: 5 }],
  ["429, Retry-After 5 s as a date", { status: 429, retry_after_s: 5, retry_after_as: "date" }],
  ["500, every second one", { status: 500, every: 2 }],
  ["410", { status: 410 }],
  ["after 20 seconds", { delay_ms: 20_000 }],
  ["by a redirect to itself", { answer: "redirect" }],
  ["never", { answer: "hang" }],
  ["by closing", { answer: "close" }],
  ["by a reset", { answer: "reset" }],
  ["a dripping head", { answer: "drip-head" }],
  ["a dripping body", { answer: "drip-body" }],
  ["a huge body", { answer: "huge" }],
  ["a body without an end", { answer: "endless" }],
  ["a gzip bomb", { answer: "gzip-bomb" }],
  ["big headers", { answer: "big-headers" }],
  ["a wrong length", { answer: "long-length" }],
  ["not in HTTP", { answer: "garbage" }],
];

const byId = (id) => document.getElementById(id);
const [list, empty, count, help, behavior] = ["deliveries", "empty", "count", "help", "behavior"].map(byId);

/** The number of the last delivery that is shown. */
let last = 0;
let shown = 0;

behavior.append(...CHOICES.map(([words], index) => new Option(words, String(index))));
behavior.addEventListener("change", () => {
  const choice = CHOICES[Number(behavior.value)];
  if (choice) ask("/behave", { method: "PUT", body: JSON.stringify(choice[1]) });
});
byId("clear").addEventListener("click", async () => {
  await ask("/deliveries", { method: "DELETE" });
  list.replaceChildren();
  shown = 0;
  count.textContent = "0";
  empty.hidden = false;
});
watch();

async function watch() {
  for (;;) {
    if (document.visibilityState === "visible") {
      const answer = await ask(`/deliveries?after=${last}`);
      answer?.items.forEach(draw);
      showBehavior(await ask("/behave"));
      help.dataset.state = answer ? "" : "bad";
      help.textContent = answer
        ? `Any path of ${location.origin} takes deliveries.`
        : "The bin does not answer. Start it with “tidings bin”; this page goes on by itself.";
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

/** What was said elsewhere is shown as well. */
function showBehavior(now) {
  if (!now || document.activeElement === behavior) return;
  const usual = { answer: "status", status: null, retry_after_s: null, retry_after_as: "seconds", every: 1, delay_ms: 0 };
  const index = CHOICES.findIndex(([, choice]) => {
    const whole = { ...usual, ...choice };
    return Object.keys(usual).every((name) => whole[name] === now[name]);
  });
  if (index >= 0) {
    behavior.value = String(index);
    return;
  }
  const other = behavior.querySelector("[value=other]") ?? new Option("", "other");
  other.textContent = now.answer === "status" ? String(now.status ?? "well, in its own way") : now.answer;
  behavior.append(other);
  behavior.value = "other";
}

function draw(item) {
  last = Math.max(last, item.number);
  const row = element("details", "row", summary(item));
  row.addEventListener("toggle", () => {
    if (!row.open || row.children.length > 1) return;
    row.append(
      element(
        "div",
        "details",
        facts({
          received: item.received_at,
          path: item.path,
          "webhook-id": item.webhook_id,
          "webhook-timestamp": item.webhook_timestamp,
          "webhook-signature": item.webhook_signature,
          signature: item.signature_error,
          attempt: item.attempt,
        }),
        item.body === undefined ? element("pre", "json", item.text ?? "") : json(item.body),
      ),
    );
  });
  list.prepend(row);
  while (list.children.length > ROWS_MAX) list.lastElementChild.remove();
  shown += 1;
  count.textContent = String(shown);
  empty.hidden = true;
}

function summary(item) {
  const event = item.events[0] ?? {};
  const more = item.events.length > 1 ? ` +${item.events.length - 1}` : "";
  const type = item.handshake ? `handshake of ${item.handshake}` : `${event.type ?? "(no event)"}${more}`;
  const numbers = [event.seq && `seq ${event.seq}`, event.order && `order ${event.order}`].filter(Boolean).join(" · ");
  const remarks = [
    item.duplicate ? "duplicate" : "",
    item.out_of_order ? "out of order" : "",
  ].filter(Boolean);
  return element(
    "summary",
    "",
    badge(item),
    element("span", "type", type),
    element(
      "span",
      "side",
      numbers ? element("span", "seq", numbers) : null,
      element("span", /^2/.test(item.answered) ? "answered" : "answered wrong", item.answered),
      clock(item.received_at),
    ),
    element(
      "span",
      "short",
      words(item),
      ` · ${item.webhook_id || event.id || item.path}${item.attempt > 1 ? ` · attempt ${item.attempt}` : ""}`,
      remarks.length ? element("span", "remark", ` · ${remarks.join(" · ")}`) : null,
    ),
  );
}

function badge(item) {
  if (item.signature_ok === null) return element("span", "badge unknown", icon(DOT));
  return element("span", item.signature_ok ? "badge" : "badge wrong", icon(item.signature_ok ? TICK : CROSS));
}

function words(item) {
  if (item.signature_ok === null) return element("span", "", item.handshake ? "Asked before the first delivery" : "Signature not checked");
  return item.signature_ok
    ? element("span", "check", "Signature verified")
    : element("span", "check wrong", `Signature wrong: ${item.signature_error}`);
}

async function ask(path, options = {}) {
  try {
    const answer = await fetch(path, options);
    if (!answer.ok) return null;
    return answer.status === 204 ? {} : await answer.json();
  } catch {
    return null;
  }
}
