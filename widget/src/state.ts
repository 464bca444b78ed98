// What the widget knows of its chat: login plus pushes make the state, and nothing else does. No DOM, no clock, no
// network; client.ts feeds it, the views draw it.
//
// What makes it converge: a push that was seen is dropped by its number, pushes that arrive while the chat is being read
// wait until what was read is there, and each push sets what it tells of instead of adding to it. So a push may come
// twice, and may tell of what a reading already holds.

import type {
  ChatEvent,
  ChatSummary,
  Customer,
  Frame,
  Greeting,
  LoginAnswer,
  Properties,
  Queue,
  User,
  WireThread,
} from "./types";

/** How many pushes may wait for a reading; with more the chat is read again. */
export const HELD_MAX = 2000;

/** How many greetings a visit may bring. */
const GREETINGS_MAX = 5;

export interface Thread {
  id: string;
  active: boolean;
  createdAt: string;
  events: ChatEvent[];
  properties: Properties;
  queue: Queue | null;
  /** Why its events are not shown. */
  restricted: string | null;
}

export interface Chat {
  id: string;
  users: User[];
  properties: Properties;
  /** The oldest first; earlier ones than these are behind `older`. */
  threads: Thread[];
  /** The page that holds what came before the first thread. */
  older: string | null;
}

export interface State {
  /** The number of the last durable push that was seen. */
  seq: number | null;
  /** The pushes of that number, as text: one number may have several. */
  at: string[];
  customer: Customer | null;
  chat: Chat | null;
  /** Whether `chat` is what the server had, plus pushes. */
  synced: boolean;
  /** Whether something is being read that pushes must wait for. */
  reading: boolean;
  /** Pushes that wait. */
  held: Frame[];
  /** Whether a push told of something unknown, so that the chat should be read anew. */
  stale: boolean;
  /** Who is typing, and when they were last seen doing so. */
  typing: Record<string, number>;
  /** Who is thinking, and about what. */
  thinking: Record<string, { title: string; at: number }>;
  /** What a bot has written so far of its next message. */
  previews: Record<string, { text: string; at: number }>;
  /** The state of each group, once the server told of it. */
  groups: Record<string, string>;
  greetings: Greeting[];
}

export const EMPTY: State = {
  seq: null,
  at: [],
  customer: null,
  chat: null,
  synced: false,
  reading: false,
  held: [],
  stale: false,
  typing: {},
  thinking: {},
  previews: {},
  groups: {},
  greetings: [],
};

export type Action =
  /** The answer to a login that asked for what came after `since`. */
  | { kind: "login"; answer: LoginAnswer; since: number | null }
  /** A reading begins: pushes wait. */
  | { kind: "reading" }
  /** A reading failed: what waits is seen to. */
  | { kind: "unread" }
  /** The chat as the server has it; null when there is none. */
  | { kind: "snapshot"; chat: ChatSummary | null; threads: WireThread[]; older: string | null }
  /** Threads from before the first one. */
  | { kind: "older"; threads: WireThread[]; older: string | null }
  | { kind: "push"; frame: Frame; now: number }
  /** The connection is gone, and with it everything that passes. */
  | { kind: "lost" }
  /** Somebody else from now on. */
  | { kind: "reset" };

export function reduce(state: State, action: Action): State {
  switch (action.kind) {
    case "reset":
      return EMPTY;
    case "lost":
      return release({ ...state, typing: {}, thinking: {}, previews: {}, reading: false });
    case "login":
      return login(state, action.answer, action.since);
    case "reading":
      return { ...state, reading: true };
    case "unread":
      return release({ ...state, reading: false });
    case "snapshot":
      return release({
        ...state,
        chat: action.chat && chatOf(action.chat, action.threads, action.older),
        synced: true,
        reading: false,
        stale: false,
      });
    case "older":
      return release({
        ...state,
        reading: false,
        chat: state.chat && {
          ...state.chat,
          older: action.older,
          threads: merged(action.threads.map(threadOf), state.chat.threads),
        },
      });
    case "push":
      return push(state, action.frame, action.now);
  }
}

/** The number to ask from at the next login: everything after it is still to come. */
export function since(state: State): number | null {
  if (!state.synced || state.seq === null) return null;
  // A number may have several pushes, of which the connection may have brought only the first.
  return state.at.length > 0 ? state.seq - 1 : state.seq;
}

/** The customer's own id. */
export function me(state: State): string | null {
  return state.customer?.id ?? null;
}

export function lastThread(state: State): Thread | null {
  const threads = state.chat?.threads ?? [];
  return threads[threads.length - 1] ?? null;
}

export function isActive(state: State): boolean {
  return lastThread(state)?.active ?? false;
}

/** Whether an event is something that somebody said to the customer. */
export function isSaid(event: ChatEvent): boolean {
  return ["message", "file", "rich_message", "form"].includes(event.type);
}

/** How many events of others the customer has not seen, in what is loaded. */
export function unread(state: State): ChatEvent[] {
  const id = me(state);
  const own = state.chat?.users.find((user) => user.id === id);
  const seen = time(own?.events_seen_up_to);
  return (state.chat?.threads ?? [])
    .flatMap((thread) => thread.events)
    .filter((event) => event.author_id !== id && isSaid(event) && time(event.created_at) > seen);
}

/** The newest time that somebody else has seen the chat up to; empty when nobody has. */
export function seenByOthers(state: State): string {
  const id = me(state);
  let newest = "";
  for (const user of state.chat?.users ?? []) {
    const seen = user.events_seen_up_to ?? "";
    if (user.id !== id && user.type === "agent" && time(seen) > time(newest)) newest = seen;
  }
  return newest;
}

/** How an own event stands: what the server has is sent, and seen when somebody else was there since. */
export function wasSeen(state: State, event: ChatEvent): boolean {
  return time(event.created_at) <= time(seenByOthers(state));
}

/** Times have microseconds and are compared with them, which `Date` would cut off. */
export function time(text: string | undefined | null): number {
  if (!text) return 0;
  const seconds = Date.parse(text.replace(/\.\d+/, ""));
  if (Number.isNaN(seconds)) return 0;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  return seconds + Number(`0.${fraction || "0"}`) * 1000;
}

function login(state: State, answer: LoginAnswer, since: number | null): State {
  const other = state.customer !== null && state.customer.id !== answer.customer.id;
  const before = other ? EMPTY : state;
  const greetings = answer.greeting ? greeted(before.greetings, answer.greeting) : before.greetings;
  // A login that knows only the id takes nothing away from what is known.
  const known = { ...before, customer: { ...before.customer, ...answer.customer }, greetings };
  if (since !== null && !answer.gap && before.synced) return known;
  const seq = answer.seq ?? null;
  // What came ahead of the answer is only kept when the reading cannot hold it for sure.
  const held = seq === null ? [] : before.held.filter((frame) => (frame.seq ?? 0) > seq);
  return { ...known, seq, at: [], synced: false, held };
}

/** Puts what has waited into the state, once nothing has to be waited for. */
function release(state: State): State {
  if (!state.synced || state.reading) return state;
  const held = state.held;
  let next: State = { ...state, held: [] };
  for (const frame of held) next = apply(next, frame, 0);
  return next;
}

function push(state: State, frame: Frame, now: number): State {
  if (frame.seq === undefined) {
    // What passes is not worth waiting for.
    return apply(state, frame, now);
  }
  const text = JSON.stringify([frame.action, frame.payload]);
  if (state.seq !== null) {
    if (frame.seq < state.seq) return state;
    if (frame.seq === state.seq && state.at.includes(text)) return state;
  }
  const at = frame.seq === state.seq ? [...state.at, text] : [text];
  const seen = { ...state, seq: frame.seq, at };
  if (state.synced && !state.reading) return apply(seen, frame, now);
  if (state.held.length >= HELD_MAX) {
    return { ...seen, held: [], synced: false, stale: true };
  }
  return { ...seen, held: [...state.held, frame] };
}

function apply(state: State, frame: Frame, now: number): State {
  const payload = frame.payload ?? {};
  switch (frame.action) {
    case "incoming_chat":
      return payload.chat ? incomingChat(state, payload.chat) : state;
    case "customer_updated":
      return customerUpdated(state, payload);
    case "groups_status_updated":
      return groupsUpdated(state, payload.groups);
    case "incoming_greeting":
      return { ...state, greetings: greeted(state.greetings, payload) };
    case "greeting_accepted":
    case "greeting_canceled":
      return {
        ...state,
        greetings: state.greetings.filter((each) => each.unique_id !== payload.unique_id),
      };
  }
  if (!state.chat || (payload.chat_id ?? payload.id) !== state.chat.id) return state;
  return { ...state, ...ofChat(state, state.chat, frame.action, payload, now) };
}

/** What a push about our chat changes. */
function ofChat(state: State, chat: Chat, action: string, payload: any, now: number): Partial<State> {
  const withThread = (change: (thread: Thread) => Thread): Partial<State> => {
    const known = chat.threads.some((thread) => thread.id === payload.thread_id);
    // A thread that was not loaded yet is read when somebody asks for it.
    if (!known) return chat.older === null && payload.thread_id ? { stale: true } : {};
    const threads = chat.threads.map((thread) =>
      thread.id === payload.thread_id ? change(thread) : thread,
    );
    return { chat: { ...chat, threads } };
  };
  const withEvent = (change: (event: ChatEvent) => ChatEvent): Partial<State> =>
    withThread((thread) => ({
      ...thread,
      events: thread.events.map((event) => (event.id === payload.event_id ? change(event) : event)),
    }));
  const withUser = (id: string, change: (user: User) => User): Partial<State> => ({
    chat: { ...chat, users: chat.users.map((user) => (user.id === id ? change(user) : user)) },
  });
  switch (action) {
    case "incoming_event": {
      const event: ChatEvent = payload.event;
      const author = event.author_id ?? "";
      const changed = withThread((thread) => ({ ...thread, events: placed(thread.events, event) }));
      if (!changed.chat) return changed;
      return {
        chat: { ...changed.chat, users: seenUpTo(chat.users, author, event.created_at) },
        typing: without(state.typing, author),
        thinking: without(state.thinking, author),
        previews: without(state.previews, author),
      };
    }
    case "event_updated":
      return withThread((thread) => ({
        ...thread,
        events: thread.events.some((event) => event.id === payload.event.id)
          ? placed(thread.events, payload.event)
          : thread.events,
      }));
    case "event_deleted":
      return withThread((thread) => ({
        ...thread,
        events: thread.events.filter((event) => event.id !== payload.event_id),
      }));
    case "incoming_rich_message_postback":
      return withEvent((event) => toggled(event, payload.user_id, payload.postback));
    case "chat_deactivated":
      return {
        ...withThread((thread) => ({ ...thread, active: false, queue: null })),
        typing: {},
        thinking: {},
        previews: {},
      };
    case "chat_transferred":
      return payload.queue ? withThread((thread) => ({ ...thread, queue: payload.queue })) : {};
    case "queue_position_updated":
      return withThread((thread) => ({ ...thread, queue: payload.queue ?? null }));
    case "user_added_to_chat": {
      const user: User = payload.user;
      const added = { chat: { ...chat, users: placedUser(chat.users, user) } };
      if (user.type !== "agent" || !payload.thread_id) return added;
      // Whoever is attended to waits no longer.
      const threads = chat.threads.map((thread) =>
        thread.id === payload.thread_id ? { ...thread, queue: null } : thread,
      );
      return { chat: { ...added.chat, threads } };
    }
    case "user_removed_from_chat":
      return {
        ...withUser(payload.user_id, (user) => ({ ...user, present: false })),
        typing: without(state.typing, payload.user_id),
      };
    case "events_marked_as_seen":
      return { chat: { ...chat, users: seenUpTo(chat.users, payload.user_id, payload.seen_up_to) } };
    case "chat_properties_updated":
      return { chat: { ...chat, properties: joined(chat.properties, payload.properties) } };
    case "chat_properties_deleted":
      return { chat: { ...chat, properties: cut(chat.properties, payload.properties) } };
    case "thread_properties_updated":
      return withThread((thread) => ({
        ...thread,
        properties: joined(thread.properties, payload.properties),
      }));
    case "thread_properties_deleted":
      return withThread((thread) => ({
        ...thread,
        properties: cut(thread.properties, payload.properties),
      }));
    case "event_properties_updated":
      return withEvent((event) => ({
        ...event,
        properties: joined(event.properties ?? {}, payload.properties),
      }));
    case "event_properties_deleted":
      return withEvent((event) => ({
        ...event,
        properties: cut(event.properties ?? {}, payload.properties),
      }));
    case "incoming_typing_indicator": {
      const { author_id: author, is_typing: typing } = payload.typing_indicator ?? {};
      if (typeof author !== "string") return {};
      return { typing: typing ? { ...state.typing, [author]: now } : without(state.typing, author) };
    }
    case "incoming_thinking_indicator":
      return {
        thinking: { ...state.thinking, [payload.author_id]: { title: payload.title ?? "", at: now } },
      };
    case "incoming_event_preview": {
      const { author_id: author, text } = payload.event ?? {};
      if (typeof author !== "string" || typeof text !== "string") return {};
      return { previews: { ...state.previews, [author]: { text, at: now } } };
    }
    default:
      return {};
  }
}

function incomingChat(
  state: State,
  chat: { id: string; users?: User[]; properties?: Properties; thread?: WireThread },
): State {
  const before = state.chat?.id === chat.id ? state.chat : null;
  let users = before?.users ?? [];
  for (const user of chat.users ?? []) users = placedUser(users, user);
  const thread = chat.thread ? threadOf(chat.thread) : null;
  const earlier = (before?.threads ?? []).map((each) =>
    thread?.active && each.id !== thread.id ? { ...each, active: false, queue: null } : each,
  );
  return {
    ...state,
    chat: {
      id: chat.id,
      users,
      properties: joined(before?.properties ?? {}, chat.properties ?? {}),
      threads: thread ? merged(earlier, [thread]) : earlier,
      older: before?.older ?? null,
    },
  };
}

function customerUpdated(state: State, changed: any): State {
  if (!state.customer || (changed.id && changed.id !== state.customer.id)) return state;
  const customer = { ...state.customer };
  for (const key of ["name", "email", "avatar", "session_fields"] as const) {
    if (key in changed) customer[key] = changed[key];
  }
  return { ...state, customer };
}

function groupsUpdated(state: State, groups: any): State {
  const known = { ...state.groups };
  for (const group of Array.isArray(groups) ? groups : []) known[String(group.id)] = group.status;
  return { ...state, groups: known };
}

function greeted(greetings: Greeting[], greeting: Greeting): Greeting[] {
  if (!greeting.unique_id || !greeting.event) return greetings;
  const others = greetings.filter((each) => each.unique_id !== greeting.unique_id);
  return greeting.accepted ? others : [...others, greeting].slice(-GREETINGS_MAX);
}

function chatOf(summary: ChatSummary, threads: WireThread[], older: string | null): Chat {
  return {
    id: summary.id,
    users: summary.users ?? [],
    properties: summary.properties ?? {},
    threads: merged([], threads.map(threadOf)),
    older,
  };
}

function threadOf(thread: WireThread): Thread {
  return {
    id: thread.id,
    active: thread.active,
    createdAt: thread.created_at,
    events: (thread.events ?? []).reduce(placed, [] as ChatEvent[]),
    properties: thread.properties ?? {},
    queue: thread.queue ?? null,
    restricted: thread.restricted_access ?? null,
  };
}

/** Both lists as one, the oldest first; of a thread in both, the second's say counts. */
function merged(first: Thread[], second: Thread[]): Thread[] {
  const threads = new Map(first.map((thread) => [thread.id, thread]));
  for (const thread of second) {
    const known = threads.get(thread.id);
    threads.set(
      thread.id,
      known ? { ...thread, events: thread.events.reduce(placed, known.events) } : thread,
    );
  }
  return [...threads.values()].sort((a, b) => time(a.createdAt) - time(b.createdAt));
}

/** The events with one more in its place, or in a new version. */
function placed(events: ChatEvent[], event: ChatEvent): ChatEvent[] {
  const known = events.findIndex((each) => each.id === event.id);
  if (known >= 0) return events.map((each, index) => (index === known ? event : each));
  let place = events.length;
  while (place > 0 && follows(events[place - 1]!, event)) place -= 1;
  return [...events.slice(0, place), event, ...events.slice(place)];
}

/** Whether `a` comes after `b`: by the numbers in their ids, else by their times. */
function follows(a: ChatEvent, b: ChatEvent): boolean {
  const [first, second] = [numbered(a.id), numbered(b.id)];
  if (first && second && first[0] === second[0]) return first[1] > second[1];
  return time(a.created_at) > time(b.created_at);
}

function numbered(id: string): [string, number] | null {
  const parts = /^(.+)_(\d+)$/.exec(id);
  return parts ? [parts[1]!, Number(parts[2])] : null;
}

function placedUser(users: User[], user: User): User[] {
  if (!users.some((each) => each.id === user.id)) return [...users, user];
  return users.map((each) => {
    if (each.id !== user.id) return each;
    const seen = time(user.events_seen_up_to) > time(each.events_seen_up_to) ? user : each;
    return { ...each, ...user, events_seen_up_to: seen.events_seen_up_to };
  });
}

/** Nobody unsees what they saw. */
function seenUpTo(users: User[], id: string, seen: string): User[] {
  return users.map((user) =>
    user.id === id && time(seen) > time(user.events_seen_up_to)
      ? { ...user, events_seen_up_to: seen }
      : user,
  );
}

/** Every button of the event that is called so gets the user, or loses them. */
function toggled(
  event: ChatEvent,
  user: string,
  postback: { id: string; toggled?: boolean },
): ChatEvent {
  return {
    ...event,
    elements: event.elements?.map((element) => ({
      ...element,
      buttons: element.buttons?.map((button) => {
        if (button.postback_id !== postback.id) return button;
        const others = (button.user_ids ?? []).filter((id) => id !== user);
        return { ...button, user_ids: postback.toggled ? [...others, user] : others };
      }),
    })),
  };
}

function joined(before: Properties, changed: Properties | undefined): Properties {
  const next = { ...before };
  for (const [space, values] of Object.entries(changed ?? {})) {
    next[space] = { ...next[space], ...values };
  }
  return next;
}

function cut(before: Properties, names: Record<string, string[]> | undefined): Properties {
  const next = { ...before };
  for (const [space, gone] of Object.entries(names ?? {})) {
    const values = { ...next[space] };
    for (const name of gone) delete values[name];
    if (Object.keys(values).length > 0) next[space] = values;
    else delete next[space];
  }
  return next;
}

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  if (!(key in record)) return record;
  const { [key]: _, ...rest } = record;
  return rest;
}
