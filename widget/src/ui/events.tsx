// How each kind of event looks. What it says comes from others: texts stay texts, addresses are checked.

import { useRef, useState } from "preact/hooks";
import type { Key, Words } from "../i18n";
import { picture, safe } from "../links";
import { me } from "../state";
import type { Button, ChatEvent, Element, Field } from "../types";
import { FormView } from "./forms";
import { Icon, IconButton, Text, bytes } from "./parts";
import { useShell } from "./shell";

/** More cards, buttons or fields than this are not drawn; the API takes at most 10 and 13. */
const ELEMENTS_MAX = 10;
const BUTTONS_MAX = 13;

/** Cards that are so near to an end, as a part of the way, are at it. */
const NEARLY = 0.02;

export interface EventProps {
  event: ChatEvent;
  thread: string;
  /** Whether it is the last thing that was said, so that its quick replies still make sense. */
  last: boolean;
  /** Whether the form was answered. */
  answered: boolean;
  onWebview(address: string, title: string, height: string): void;
}

/** Whether there is something to see of it. */
export function isShown(event: ChatEvent, mine: boolean): boolean {
  if (event.type === "custom") return !mine && customText(event) !== "";
  return ["message", "file", "form", "filled_form", "rich_message", "system_message"].includes(event.type);
}

export function EventBody(props: EventProps) {
  const { event } = props;
  const { words } = useShell();
  switch (event.type) {
    case "message":
      return (
        <div class="bubble" dir="auto">
          <Text text={event.text ?? ""} />
        </div>
      );
    case "file":
      return <FileBody event={event} />;
    case "filled_form":
      return (
        <div class="bubble answers">
          {(event.fields ?? []).slice(0, 50).map((field, index) => (
            <p key={index}>
              <b dir="auto">{field.label}</b>
              <span dir="auto">{answerText(field)}</span>
            </p>
          ))}
        </div>
      );
    case "form":
      return <FormBody {...props} />;
    case "rich_message":
      return <RichBody {...props} />;
    case "custom":
      return (
        <div class="bubble" dir="auto">
          <Text text={customText(event)} />
        </div>
      );
    case "system_message":
      return <p class="system">{systemText(event, words)}</p>;
    default:
      return null;
  }
}

/** A custom event says something when its content has a title or a text. */
function customText(event: ChatEvent): string {
  const { title, text } = event.content ?? {};
  return [title, text].filter((part) => typeof part === "string" && part).join("\n");
}

function answerText(field: Field): string {
  const one = (value: unknown): string => {
    if (typeof value === "string") return value;
    if (typeof value === "object" && value !== null && "label" in value) return String(value.label);
    return "";
  };
  return field.answers ? field.answers.map(one).join(", ") : one(field.answer);
}

const SYSTEM: Record<string, Key> = {
  agent_added: "joined",
  agent_joined: "joined",
  agent_left: "left",
  agent_removed: "left",
  chat_transferred: "transferred",
  manual_archived_agent: "closedByAgent",
  manual_archived_customer: "closedByYou",
  "routing.archived_inactive": "closedInactive",
  transcript_requested: "transcriptSent",
  "rating.chat_rated": "ratedGood",
};

/** What the system says in the visitor's language, as far as there are words; else as the server says it. */
export function systemText(event: ChatEvent, words: Words): string {
  const values = event.text_vars ?? {};
  let key = SYSTEM[event.system_message_type ?? ""];
  if (key === "ratedGood" && ["0", "bad", "rated bad"].includes(String(values["score"]))) key = "ratedBad";
  if (!key) return event.text ?? "";
  const text = words.say(key, values);
  // A value that the server did not send would leave a hole.
  return /\{\w+\}/.test(text) ? (event.text ?? "") : text;
}

function FileBody({ event }: { event: ChatEvent }) {
  const { client, t, words } = useShell();
  const [broken, setBroken] = useState(false);
  const address = safe(event.url, client.env.base);
  const name = event.name || t("file");
  const thumb = picture(safe(event.thumbnail2x_url ?? event.thumbnail_url ?? event.url, client.env.base));
  if (!address) return <div class="bubble">{name}</div>;
  if (event.content_type?.startsWith("image/") && thumb && !broken) {
    const ratio = event.width && event.height ? `${event.width} / ${event.height}` : undefined;
    return (
      <a class="picture" href={address} target="_blank" rel="noopener noreferrer" aria-label={t("openFile", { name })}>
        <img
          src={thumb}
          alt={event.alternative_text || name}
          loading="lazy"
          style={ratio ? { aspectRatio: ratio } : {}}
          onError={() => setBroken(true)}
        />
      </a>
    );
  }
  return (
    <a class="bubble file" href={address} target="_blank" rel="noopener noreferrer">
      <Icon name="file" />
      <span>
        <b dir="auto">{name}</b>
        {event.size !== undefined && <small>{bytes(event.size, words.locale)}</small>}
      </span>
    </a>
  );
}

function FormBody({ event, answered }: EventProps) {
  const { client, t, view } = useShell();
  const customer = view.state.customer;
  if (answered) return <div class="bubble muted">{t("formFilled")} ✓</div>;
  return (
    <div class="card">
      <FormView
        form={{ id: event.form_id ?? "", fields: event.fields ?? [] }}
        known={{ name: customer?.name ?? "", email: customer?.email ?? "" }}
        submit={t("submit")}
        onSubmit={(fields) =>
          client.fill({ id: event.form_id ?? "", fields: [] }, event.form_type === "postchat" ? "postchat" : "free", fields)
        }
      />
    </div>
  );
}

function RichBody(props: EventProps) {
  const { event } = props;
  const elements = (event.elements ?? []).slice(0, ELEMENTS_MAX);
  if (event.template_id === "sticker") {
    return (
      <>
        {elements.map((element, index) => (
          <Picture key={index} element={element} className="sticker" />
        ))}
      </>
    );
  }
  if (event.template_id === "quick_replies") return <QuickReplies {...props} elements={elements} />;
  if (elements.length === 1) return <Card {...props} element={elements[0]!} />;
  return <Carousel {...props} elements={elements} />;
}

function QuickReplies({ elements, ...props }: EventProps & { elements: Element[] }) {
  const buttons = elements.flatMap((element) => element.buttons ?? []);
  return (
    <>
      {elements.map((element, index) => {
        const text = [element.title, element.subtitle].filter(Boolean).join("\n");
        return (
          (text || element.image) && (
            <div class="bubble" dir="auto" key={index}>
              <Picture element={element} className="quick-picture" />
              <Text text={text} />
            </div>
          )
        );
      })}
      {props.last && (
        <div class="replies">
          {buttons.slice(0, BUTTONS_MAX).map((button, index) => (
            <ActionButton {...props} key={index} button={button} className="reply" />
          ))}
        </div>
      )}
    </>
  );
}

function Carousel({ elements, ...props }: EventProps & { elements: Element[] }) {
  const { t } = useShell();
  const strip = useRef<HTMLUListElement>(null);
  // How far it is: 0 at the first card, 1 at the last.
  const [place, setPlace] = useState(0);
  const scrolled = () => {
    const { scrollLeft, scrollWidth, clientWidth } = strip.current!;
    setPlace(Math.abs(scrollLeft) / Math.max(1, scrollWidth - clientWidth));
  };
  const move = (way: number) => {
    const { current } = strip;
    const card = current?.firstElementChild;
    if (!current || !card) return;
    const side = getComputedStyle(current).direction === "rtl" ? -1 : 1;
    current.scrollBy({ left: way * side * (card.clientWidth + 10), behavior: "smooth" });
  };
  return (
    <div class="carousel">
      <ul ref={strip} tabIndex={0} onScroll={scrolled}>
        {elements.map((element, index) => (
          <li key={index}>
            <Card {...props} element={element} />
          </li>
        ))}
      </ul>
      {place > NEARLY && <IconButton class="before" name="back" flip label={t("previous")} onClick={() => move(-1)} />}
      {place < 1 - NEARLY && <IconButton class="after" name="forth" flip label={t("next")} onClick={() => move(1)} />}
    </div>
  );
}

function Card({ element, ...props }: EventProps & { element: Element }) {
  const buttons = (element.buttons ?? []).slice(0, BUTTONS_MAX);
  return (
    <div class="card">
      <Picture element={element} className="card-picture" />
      {(element.title || element.subtitle) && (
        <div class="card-text" dir="auto">
          {element.title && <b>{element.title}</b>}
          {element.subtitle && (
            <span>
              <Text text={element.subtitle} />
            </span>
          )}
        </div>
      )}
      {buttons.length > 0 && (
        <div class="card-buttons">
          {buttons.map((button, index) => (
            <ActionButton {...props} key={index} button={button} className="card-button" />
          ))}
        </div>
      )}
    </div>
  );
}

function Picture({ element, className }: { element: Element; className: string }) {
  const [broken, setBroken] = useState(false);
  const address = picture(element.image?.url);
  if (!address || broken) return null;
  return (
    <img
      class={className}
      src={address}
      alt={element.image?.alternative_text ?? element.image?.name ?? ""}
      loading="lazy"
      referrerpolicy="no-referrer"
      onError={() => setBroken(true)}
    />
  );
}

function ActionButton({ event, thread, button, className, onWebview }: EventProps & { button: Button; className: string }) {
  const { client, view } = useShell();
  const id = me(view.state);
  const pressed = id !== null && (button.user_ids ?? []).includes(id);
  const label = button.text || button.value || "";
  const value = button.value ?? "";
  const address =
    button.type === "url" || button.type === "webview"
      ? safe(value)
      : button.type === "phone"
        ? safe(`tel:${value.replace(/[^\d+*#]/g, "")}`)
        : null;
  const press = () => client.press(event, thread, button);
  if (address && button.type !== "webview") {
    const isHere = button.type === "phone" || button.target === "current";
    return (
      <a class={className} href={address} onClick={press} rel="noopener noreferrer" {...(isHere ? {} : { target: "_blank" })}>
        <Icon name={button.type === "phone" ? "phone" : "out"} flip={button.type !== "phone"} />
        <span dir="auto">{label}</span>
      </a>
    );
  }
  const show = () => {
    press();
    if (button.type === "webview" && address) onWebview(address, label, button.webview_height ?? "tall");
  };
  return (
    <button type="button" class={className} aria-pressed={button.postback_id && !button.type ? pressed : undefined} data-on={pressed || undefined} onClick={show}>
      <span dir="auto">{label}</span>
    </button>
  );
}
