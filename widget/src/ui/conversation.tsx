// The messages: all threads that are loaded, what is on its way, and who is writing.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Outgoing } from "../outbox";
import { type Thread, isActive, isSaid, lastThread, me, time, wasSeen } from "../state";
import type { ChatEvent, User } from "../types";
import { EventBody, isShown } from "./events";
import { Avatar, Dots, Hidden, Icon } from "./parts";
import { useShell } from "./shell";

/** A typing indicator that is not renewed is over. */
const TYPING_MS = 12_000;

/** What an agent or a bot thinks or previews is over when nothing follows. */
const PASSING_MS = 60_000;

/** Who is this near to the end of the messages wants to see the newest. */
const NEAR_PX = 90;

/** Messages of one author within this time stand together. */
const TOGETHER_MS = 3 * 60_000;

export interface ConversationProps {
  onWebview(address: string, title: string, height: string): void;
  children?: preact.ComponentChildren;
}

export function Conversation({ onWebview, children }: ConversationProps) {
  const { client, view, look, t, words } = useShell();
  const { state, outgoing } = view;
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const height = useRef(0);
  const top = useRef(0);
  const [below, setBelow] = useState(false);
  const threads = state.chat?.threads ?? [];
  const shown = outgoing.filter((item) => !item.silent);
  const newest = lastThread(state)?.events.at(-1)?.id ?? "";
  const firstId = threads[0]?.id ?? "";
  const first = useRef(firstId);
  const passing = usePassing();

  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    if (first.current !== firstId && first.current && !atEnd.current) {
      // What came in above must not move what is being read.
      current.scrollTop += current.scrollHeight - height.current;
    } else if (atEnd.current) {
      current.scrollTop = current.scrollHeight;
    } else if (newest) {
      setBelow(true);
    }
    first.current = firstId;
    height.current = current.scrollHeight;
  }, [newest, firstId, shown.length, passing.length, children !== null]);

  useEffect(() => {
    const { current } = box;
    if (!current) return;
    // Pictures and the keyboard change sizes after the fact.
    const watcher = new ResizeObserver(() => {
      if (atEnd.current) current.scrollTop = current.scrollHeight;
    });
    watcher.observe(current);
    for (const child of current.children) watcher.observe(child);
    return () => watcher.disconnect();
  }, []);

  const scrolled = () => {
    const { current } = box;
    if (!current) return;
    const near = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR_PX;
    // What grows is no reason to stay behind; only who goes back wants to.
    if (near) atEnd.current = true;
    else if (current.scrollTop < top.current) atEnd.current = false;
    top.current = current.scrollTop;
    if (atEnd.current && below) setBelow(false);
    if (current.scrollTop < NEAR_PX && state.chat?.older) void client.older();
  };
  const toEnd = () => {
    atEnd.current = true;
    setBelow(false);
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior: "smooth" });
  };

  const waiting = view.status !== "online" && !state.synced && client.returning();
  return (
    <div class="messages-frame">
      <div class="messages" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-live="off" aria-label={t("messages")}>
        <div class="messages-inner">
          {waiting && threads.length === 0 && shown.length === 0 && <Skeleton label={t("loading")} />}
          {state.chat?.older && (
            <button type="button" class="pill" disabled={view.loadingOlder} onClick={() => void client.older()}>
              {view.loadingOlder ? <Dots /> : t("loadOlder")}
            </button>
          )}
          {threads.map((thread, index) => (
            <ThreadView key={thread.id} thread={thread} isLast={index === threads.length - 1} onWebview={onWebview} />
          ))}
          {look.greeting && !isActive(state) && shown.length === 0 && (
            <GreetingView event={look.greeting.event} onWebview={onWebview} />
          )}
          {!waiting && threads.length === 0 && shown.length === 0 && !look.greeting && (
            <div class="hello">
              <Avatar user={null} src={view.settings.avatar} />
              <h3>{view.settings.title || t("title")}</h3>
              <p>{view.settings.subtitle || t("subtitle")}</p>
            </div>
          )}
          {shown.map((item) => (
            <Waiting key={item.custom_id} item={item} />
          ))}
          {passing.map(({ user, text, title }) => (
            <div class="group theirs" key={user?.id}>
              <Avatar user={user} src={view.settings.avatar} />
              <div class="stack">
                <div class="bubble typing" dir="auto">
                  {text ?? <Dots />}
                  {title && <span class="thinking">{title}</span>}
                  <Hidden>{t(title === undefined ? "typing" : "thinking", { name: user?.name ?? t("agent") })}</Hidden>
                </div>
              </div>
            </div>
          ))}
          {children}
        </div>
      </div>
      {below && (
        <button type="button" class="pill to-end" onClick={toEnd}>
          <Icon name="down" /> {t("newMessages")}
        </button>
      )}
      <Announcer language={words.language} />
    </div>
  );
}

/** Who is writing or thinking at this moment. */
function usePassing(): { user: User | null; text?: string; title?: string }[] {
  const { view } = useShell();
  const [, tick] = useState(0);
  const { typing, thinking, previews, chat } = view.state;
  const some = Object.keys(typing).length + Object.keys(thinking).length + Object.keys(previews).length > 0;
  useEffect(() => {
    if (!some) return;
    const timer = setInterval(() => tick((count) => count + 1), 2_000);
    return () => clearInterval(timer);
  }, [some]);
  const now = Date.now();
  const user = (id: string) => chat?.users.find((each) => each.id === id) ?? null;
  const found = new Map<string, { user: User | null; text?: string; title?: string }>();
  for (const [id, at] of Object.entries(typing)) if (now - at < TYPING_MS) found.set(id, { user: user(id) });
  for (const [id, { title, at }] of Object.entries(thinking)) if (now - at < PASSING_MS) found.set(id, { user: user(id), title });
  for (const [id, { text, at }] of Object.entries(previews)) if (now - at < PASSING_MS) found.set(id, { user: user(id), text });
  return [...found.values()];
}

function ThreadView({ thread, isLast, onWebview }: { thread: Thread; isLast: boolean; onWebview: ConversationProps["onWebview"] }) {
  const { view, t, words } = useShell();
  const { state } = view;
  const id = me(state);
  const events = thread.events.filter((event) => isShown(event, event.author_id === id));
  const lastOwn = isLast ? events.filter((event) => event.author_id === id).at(-1) : undefined;
  const filled = new Set(thread.events.filter(({ type }) => type === "filled_form").map(({ form_id }) => form_id));
  const lastSaid = thread.events.filter((event) => isSaid(event) || event.type === "filled_form").at(-1);
  const groups = grouped(events);
  const label = (at: string) => day(at, words.locale, t("today"), t("yesterday"));
  const begun = label(thread.createdAt);
  let before = begun;
  return (
    <section aria-label={begun}>
      <Day at={thread.createdAt} label={begun} />
      {thread.restricted !== null && <p class="system">{t("hidden")}</p>}
      {groups.map((group) => {
        const [head] = group as [ChatEvent];
        const today = label(head.created_at);
        const next = today === before ? null : <Day key={`day-${head.id}`} at={head.created_at} label={today} />;
        before = today;
        if (head.type === "system_message") {
          return [
            next,
            ...group.map((event) => (
              <EventBody key={event.id} event={event} thread={thread.id} last={false} answered={false} onWebview={onWebview} />
            )),
          ];
        }
        const mine = head.author_id === id;
        const user = state.chat?.users.find((each) => each.id === head.author_id) ?? null;
        // A bot that nobody gave a name speaks for the whole house.
        const name = user?.name || view.settings.title || t(user?.is_bot ? "bot" : "agent");
        return [
          next,
          <div class={`group ${mine ? "mine" : "theirs"}`} key={head.id}>
            {!mine && <Avatar user={user} src={view.settings.avatar} />}
            <div class="stack">
              {mine ? <Hidden>{t("you")}</Hidden> : <span class="who">{name}</span>}
              {group.map((event) => (
                <div class="item" key={event.id} data-id={event.id} title={clock(event.created_at, words.locale)}>
                  <EventBody
                    event={event}
                    thread={thread.id}
                    last={isLast && thread.active && event === lastSaid}
                    answered={filled.has(event.form_id)}
                    onWebview={onWebview}
                  />
                </div>
              ))}
              {lastOwn && group.includes(lastOwn) && view.outgoing.every((item) => item.silent) && (
                <span class="state" data-state={wasSeen(state, lastOwn) ? "seen" : "sent"}>
                  {clock(lastOwn.created_at, words.locale)}
                  <Icon name={wasSeen(state, lastOwn) ? "seen" : "check"} />
                  {t(wasSeen(state, lastOwn) ? "seen" : "sent")}
                </span>
              )}
            </div>
          </div>,
        ];
      })}
    </section>
  );
}

function Day({ at, label }: { at: string; label: string }) {
  return (
    <p class="day">
      <time dateTime={at}>{label}</time>
    </p>
  );
}

/** Messages of one author that belong together. */
function grouped(events: ChatEvent[]): ChatEvent[][] {
  const groups: ChatEvent[][] = [];
  for (const event of events) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    const together =
      before !== undefined &&
      before.author_id === event.author_id &&
      (before.type === "system_message") === (event.type === "system_message") &&
      time(event.created_at) - time(before.created_at) < TOGETHER_MS;
    if (together) group!.push(event);
    else groups.push([event]);
  }
  return groups;
}

function GreetingView({ event, onWebview }: { event: ChatEvent; onWebview: ConversationProps["onWebview"] }) {
  const { view, t } = useShell();
  return (
    <div class="group theirs">
      <Avatar user={null} src={view.settings.avatar} />
      <div class="stack">
        <span class="who">{view.settings.title || t("title")}</span>
        {event.text && event.type !== "message" && <div class="bubble">{event.text}</div>}
        <EventBody event={event} thread="" last answered={false} onWebview={onWebview} />
      </div>
    </div>
  );
}

/** Something that the server has not shown to have yet. */
function Waiting({ item }: { item: Outgoing }) {
  const { client, t } = useShell();
  const { event, upload, status } = item;
  const failed = status === "failed";
  const reason = item.error === "file_gone" ? t("fileGone") : ["validation", "entity_too_large"].includes(item.error) ? t("refused") : "";
  return (
    <div class="group mine" data-waiting={status}>
      <div class="stack">
        <Hidden>{t("you")}</Hidden>
        {event.type === "file" ? (
          <div class="bubble file">
            <Icon name="file" />
            <span>
              <b dir="auto">{upload?.name ?? event.name ?? t("file")}</b>
              {upload && !failed && (
                <progress max={1} value={upload.progress} aria-label={t("uploading", { percent: Math.round(upload.progress * 100) })} />
              )}
            </span>
          </div>
        ) : (
          <EventBody event={{ ...event, id: item.custom_id, created_at: "" }} thread="" last={false} answered={false} onWebview={() => {}} />
        )}
        <span class="state" data-state={status} role={failed ? "alert" : undefined}>
          {failed ? (
            <>
              <Icon name="alert" />
              {t("failed")}
              {reason && ` · ${reason}`}
              <button type="button" onClick={() => client.retry(item.custom_id)}>
                {t("retry")}
              </button>
              <button type="button" onClick={() => client.discard(item.custom_id)}>
                {t("discard")}
              </button>
            </>
          ) : (
            <>
              <Icon name={status === "sent" ? "check" : "clock"} />
              {upload ? t("uploading", { percent: Math.round(upload.progress * 100) }) : t(status === "sent" ? "sent" : "sending")}
            </>
          )}
        </span>
      </div>
    </div>
  );
}

/** Reads out what others say, once, when it comes. */
function Announcer({ language }: { language: string }) {
  const { client, t } = useShell();
  const [text, setText] = useState("");
  useEffect(
    () =>
      client.on((name, value) => {
        if (name !== "message") return;
        const event = value as ChatEvent;
        const author = client.view.state.chat?.users.find((user) => user.id === event.author_id);
        const said = event.text ?? event.name ?? event.elements?.[0]?.title ?? "";
        setText(`${author?.name ?? t("agent")}: ${said}`);
      }),
    [client, language],
  );
  return (
    <div class="unseen" aria-live="polite" aria-atomic="true">
      {text}
    </div>
  );
}

function Skeleton({ label }: { label: string }) {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      <i />
      <i />
      <i />
    </div>
  );
}

function clock(at: string, locale: string): string {
  const date = new Date(time(at));
  return at ? new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(date) : "";
}

function day(at: string, locale: string, today: string, yesterday: string): string {
  const date = new Date(time(at));
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return today;
  if (days === 1) return yesterday;
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year }).format(date);
}
