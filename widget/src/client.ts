// The chat without its looks: keeps the connection, feeds the state, sends what is in the outbox, and tells whoever
// listens. The views call its verbs; it knows no DOM.

import { Connection, type Status } from "./connection";
import { API, type Env, Lost, Refused, ask } from "./env";
import type { FileKeep } from "./files";
import { Outbox, filledForm, type Outgoing } from "./outbox";
import { settings } from "./settings";
import {
  type Action,
  EMPTY,
  type State,
  isActive,
  isSaid,
  lastThread,
  me,
  reduce,
  seenByOthers,
  since,
  time,
  unread,
} from "./state";
import { type Keep, read } from "./storage";
import { Tokens } from "./tokens";
import type { Button, ChatEvent, Field, Form, Frame, NewEvent, Settings } from "./types";

/** How many threads are read at a time. */
const THREADS = 3;

/** After so many tries without an answer a message is shown as failed. */
const TRIES_MAX = 5;

/** The server pushes a new chat at once; without the push it is read after this. */
const PUSH_MS = 3_000;

/** Sneak peeks go out at most this often. */
const PEEK_MS = 1_500;

/** The longest sneak peek, in characters. */
const PEEK_MAX = 4_000;

/** The longest message in bytes of UTF-8; the server refuses more than 16,384. */
export const TEXT_BYTES_MAX = 16_000;

/** What the server takes as a file. */
export const FILE_BYTES_MAX = 10 * 1024 * 1024;

/** Refusals that may pass by themselves. */
const PASSING = ["internal", "request_timeout", "service_unavailable", "too_many_requests", "pending_requests_limit_reached"];

export interface Page {
  url(): string;
  title(): string;
  referrer: string;
  mobile: boolean;
  version: string;
  /** Uploads with progress (0 to 1): the answer's body. */
  upload(url: string, token: string, file: Blob, name: string, progress: (part: number) => void): Promise<any>;
}

export interface View {
  state: State;
  status: Status;
  reason: string;
  /** What waits, the oldest first. */
  outgoing: Outgoing[];
  settings: Settings;
  /** Whether somebody takes chats now. */
  online: boolean;
  loadingOlder: boolean;
}

type Listener = (name: string, value: unknown) => void;

export class Client {
  view: View;
  readonly outbox: Outbox;
  readonly tokens: Tokens;
  private readonly connection: Connection;
  private readonly listeners = new Set<Listener>();
  private readonly known = new Set<string>();
  private first = true;
  private pumping = false;
  private syncing: Promise<void> | null = null;
  private uploading = new Set<string>();
  private group: string | null = null;
  private fields: Record<string, string> = {};
  private peek: { text: string; sent: string; timer: ReturnType<typeof setTimeout> | null } = {
    text: "",
    sent: "",
    timer: null,
  };
  private again: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly env: Env,
    private readonly kept: Keep,
    tab: string,
    private readonly page: Page,
    private readonly files: FileKeep,
    id: () => string,
  ) {
    this.outbox = new Outbox(kept, tab, () => env.now(), id);
    this.tokens = new Tokens(env, kept);
    this.view = {
      state: EMPTY,
      status: "idle",
      reason: "",
      outgoing: this.outbox.all(),
      settings: settings(null),
      online: true,
      loadingOlder: false,
    };
    this.connection = new Connection(env, {
      session: () => this.tokens.get(),
      spoilt: (token) => this.tokens.spoilt(token),
      greeting: () => this.greeting(),
      since: () => since(this.view.state),
      loggedIn: (answer, place) => {
        this.dispatch({ kind: "login", answer, since: place });
        // Who has no chat need not ask for it; one that begins now comes as a push.
        const hasNone = answer.chats?.length === 0;
        if (hasNone && !this.view.state.synced) this.dispatch({ kind: "snapshot", chat: null, threads: [], older: null });
        void this.sync().then(() => this.pump());
      },
      frame: (frame) => this.frame(frame),
      status: (status, reason) => {
        if (status !== "online") this.dispatch({ kind: "lost" });
        this.show({ status, reason });
        this.tell("state", status === "idle" ? "offline" : status);
      },
    });
  }

  /** Listens to what happens: `change` for the views, the others for the page. */
  on(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Reads the settings. False when this page may not have the widget. */
  async load(): Promise<boolean> {
    const { base, organization, channel } = this.env;
    const query = new URLSearchParams({
      organization_id: organization,
      channel_id: channel,
      url: this.page.url(),
      channel_type: "code",
    });
    const answer = await ask(this.env, `${base}${API}/action/get_dynamic_configuration?${query}`);
    const livechat = answer.livechat ?? {};
    if (livechat.domain_allowed === false) return false;
    this.group = livechat.group_id === undefined ? null : String(livechat.group_id);
    const known = settings(answer.widget);
    if (livechat.localization_version) {
      const language = known.language || livechat.language || "en";
      const more = new URLSearchParams({
        organization_id: organization,
        channel_id: channel,
        language,
        version: livechat.localization_version,
      });
      const texts = await ask(this.env, `${base}${API}/action/get_localization?${more}`).catch(() => ({}));
      known.texts = { ...settings({ texts }).texts, ...known.texts };
    }
    this.show({ settings: known, online: known.online });
    return true;
  }

  /** Whether this browser chatted before, so that it should be connected from the start. */
  returning(): boolean {
    return this.tokens.kept_session() !== null || this.outbox.all().length > 0;
  }

  connect(): void {
    this.connection.start();
  }

  /** The page came back to the front, or the network did. */
  poke(): void {
    this.connection.poke();
    void this.pump();
  }

  /** Another tab changed what is kept. */
  changedElsewhere(key: string | null): void {
    if (key === null || key === "session") {
      const session = this.tokens.kept_session();
      const id = me(this.view.state);
      if (id && session?.customer !== id) {
        this.restart();
        return;
      }
    }
    this.refresh();
    void this.pump();
  }

  leave(): void {
    this.outbox.release();
  }

  // What the customer does.

  say(text: string, postback?: Record<string, unknown>): void {
    this.endPeek();
    this.put({ type: "message", text, ...(postback ? { postback } : {}) });
  }

  press(event: ChatEvent, thread: string, button: Button): void {
    const { state } = this.view;
    const id = me(state);
    const isMessage = button.type === "message";
    const value = button.value || button.text;
    const postback = { id: button.postback_id ?? "", thread_id: thread, event_id: event.id, type: "message", value };
    const write = () => this.say(button.text || value, thread && button.postback_id ? postback : undefined);
    if (isMessage && (!state.chat || !button.postback_id || this.view.status !== "online")) {
      write();
      return;
    }
    if (!state.chat || !button.postback_id) return;
    const pressed = id !== null && (button.user_ids ?? []).includes(id);
    // Only what is a switch can be switched off, and what was pressed before is told of in words only.
    if (pressed && isMessage) this.say(button.text || value);
    if (pressed && button.type) return;
    const told = this.quietly("send_rich_message_postback", {
      chat_id: state.chat.id,
      thread_id: thread,
      event_id: event.id,
      postback: {
        id: button.postback_id,
        toggled: isMessage || !pressed,
        ...(button.type ? { button_type: button.type, button_value: value } : {}),
      },
    });
    // The press comes first: by it the server knows that the message says the same once more.
    if (isMessage) void told.then(write);
  }

  async attach(file: File): Promise<void> {
    const item = this.outbox.add(
      { type: "file", url: "", name: file.name },
      { upload: { name: file.name, type: file.type, size: file.size, progress: 0 } },
    );
    await this.files.put(item.custom_id, file);
    this.refresh();
    this.connect();
    void this.uploads();
  }

  retry(custom_id: string): void {
    this.outbox.change(custom_id, { status: "sending", error: "", tries: 0 });
    this.refresh();
    this.connect();
    this.poke();
    void this.uploads();
  }

  discard(custom_id: string): void {
    this.outbox.remove(custom_id);
    void this.files.remove(custom_id);
    this.refresh();
  }

  /** Sends a form's answers. */
  fill(form: Form, kind: "prechat" | "postchat" | "offline" | "free", fields: Field[]): void {
    const answer = (type: string) => fields.find((field) => field.type === type)?.answer;
    const [name, email] = [answer("name"), answer("email")];
    if (name || email) {
      void this.setCustomer({
        ...(typeof name === "string" && name ? { name } : {}),
        ...(typeof email === "string" && email ? { email } : {}),
      });
    }
    const rated = fields.find((field) => field.type === "rating");
    const sent = fields.filter((field) => !["header", "rating"].includes(field.type));
    if (kind === "postchat" && rated) {
      const { score, comment } = (rated.answer ?? {}) as { score?: number; comment?: string };
      if (score !== undefined) void this.rate(score, comment ?? "");
    }
    if (sent.length > 0) {
      this.put(filledForm(form.id, kind, sent), {
        ...(kind === "postchat" ? { late: true } : {}),
        ...(kind === "offline" ? { thread: { routing: { offline_message: true } } } : {}),
      });
    }
    this.tell("form", { kind, fields });
  }

  async rate(score: number, comment: string): Promise<void> {
    const rating = { score, ...(comment ? { comment } : {}) };
    await this.threadProperties({ rating });
    this.tell("rated", score);
  }

  transcript(email: string): Promise<void> {
    return this.threadProperties({ routing: { transcript_email: email } });
  }

  async end(): Promise<void> {
    const { chat } = this.view.state;
    if (chat) await this.connection.request("deactivate_chat", { id: chat.id });
  }

  async track(name: string, data: unknown): Promise<void> {
    const { state, status } = this.view;
    if (status === "online" && isActive(state)) {
      this.put({ type: "custom", content: { name, data: data ?? null } }, { silent: true });
      return;
    }
    const session = await this.tokens.get();
    const { base, organization } = this.env;
    await ask(this.env, `${base}${API}/action/track?organization_id=${encodeURIComponent(organization)}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${session.access_token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ name, data: data ?? null }),
    });
  }

  async identify(identity: string): Promise<void> {
    const before = this.tokens.kept_session()?.customer;
    const session = await this.tokens.identify(identity);
    if (before && before !== session.customer) {
      // What the visitor wrote was not the known user's.
      this.outbox.clear();
      this.restart();
    }
    this.connect();
  }

  logout(): void {
    this.connection.stop();
    this.outbox.clear();
    this.tokens.forget();
    this.fields = {};
    this.forget();
    this.show({ status: "idle", reason: "" });
  }

  async setCustomer(fields: Record<string, string>): Promise<void> {
    this.fields = { ...this.fields, ...fields };
    if (this.view.status === "online") await this.tellFields();
  }

  /** The customer writes; agents may look on. */
  typing(text: string): void {
    this.peek.text = text.slice(0, PEEK_MAX);
    if (this.peek.timer) return;
    this.sendPeek();
    this.peek.timer = setTimeout(() => {
      this.peek.timer = null;
      if (this.peek.text !== this.peek.sent) this.typing(this.peek.text);
    }, PEEK_MS);
  }

  /** The customer has the chat before their eyes. */
  seen(): void {
    const { state } = this.view;
    const events = unread(state);
    const newest = events[events.length - 1];
    const id = me(state);
    if (!newest || !state.chat || !id || this.view.status !== "online") return;
    const seen_up_to = newest.created_at;
    const chat_id = state.chat.id;
    this.push({ type: "push", action: "events_marked_as_seen", payload: { user_id: id, chat_id, seen_up_to } });
    void this.quietly("mark_events_as_seen", { chat_id, seen_up_to });
  }

  /** Reads what came before. */
  async older(): Promise<void> {
    const { state, loadingOlder, status } = this.view;
    const page_id = state.chat?.older;
    if (!page_id || loadingOlder || status !== "online" || state.reading) return;
    this.show({ loadingOlder: true });
    this.dispatch({ kind: "reading" });
    try {
      const answer = await this.connection.request("list_threads", { chat_id: state.chat!.id, page_id });
      this.dispatch({ kind: "older", threads: answer.threads ?? [], older: answer.next_page_id ?? null });
    } catch {
      this.dispatch({ kind: "unread" });
    } finally {
      this.show({ loadingOlder: false });
    }
  }

  acceptGreeting(unique_id: string, greeting_id: unknown): void {
    void this.quietly("accept_greeting", { unique_id, greeting_id });
  }

  cancelGreeting(unique_id: string): void {
    void this.quietly("cancel_greeting", { unique_id });
    this.push({ type: "push", action: "greeting_canceled", payload: { unique_id } });
  }

  moved(): void {
    void this.quietly("update_customer_page", { url: this.page.url(), title: this.page.title() });
  }

  /** Asks what may fail without anybody minding. */
  private async quietly(action: string, payload: unknown): Promise<void> {
    await this.connection.request(action, payload).catch(() => {});
  }

  private greeting(): Record<string, unknown> {
    const { customer } = this.fieldsAsCustomer();
    return {
      application: { name: "tidings-widget", version: this.page.version },
      customer_page: { url: this.page.url(), title: this.page.title() },
      referrer: this.page.referrer,
      is_mobile: this.page.mobile,
      customer_side_storage: read<Record<string, string>>(this.kept, "side") ?? {},
      ...(Object.keys(customer).length > 0 ? { customer } : {}),
    };
  }

  private fieldsAsCustomer(): { customer: Record<string, unknown>; session: Record<string, string>[]; phone: string } {
    const customer: Record<string, unknown> = {};
    const session: Record<string, string>[] = [];
    let phone = "";
    for (const [key, value] of Object.entries(this.fields)) {
      if (["name", "email", "avatar"].includes(key)) customer[key] = String(value);
      else if (key === "phone") phone = String(value);
      else session.push({ [key]: String(value) });
    }
    if (session.length > 0) customer["session_fields"] = session;
    return { customer, session, phone };
  }

  private async tellFields(): Promise<void> {
    const { customer, session, phone } = this.fieldsAsCustomer();
    delete customer["session_fields"];
    if (phone) customer["phone_number"] = phone;
    if (Object.keys(customer).length > 0) await this.quietly("update_customer", customer);
    if (session.length > 0) await this.quietly("set_customer_session_fields", { session_fields: session });
  }

  private async threadProperties(properties: Record<string, Record<string, unknown>>): Promise<void> {
    const { state } = this.view;
    const thread = lastThread(state);
    if (!state.chat || !thread) return;
    await this.connection.request("update_thread_properties", {
      chat_id: state.chat.id,
      thread_id: thread.id,
      properties,
    });
  }

  private put(event: NewEvent, more: Partial<Outgoing> = {}): void {
    this.outbox.add(event, more);
    this.refresh();
    this.connect();
    void this.pump();
  }

  private sendPeek(): void {
    const { state, status } = this.view;
    if (status !== "online" || !state.chat || !isActive(state) || this.peek.text === this.peek.sent) return;
    this.peek.sent = this.peek.text;
    void this.quietly("send_sneak_peek", { chat_id: state.chat.id, sneak_peek_text: this.peek.text });
  }

  private endPeek(): void {
    if (this.peek.timer) clearTimeout(this.peek.timer);
    this.peek = { text: "", sent: "", timer: null };
  }

  private frame(frame: Frame): void {
    if (frame.action === "customer_side_storage_updated") {
      this.kept.set("side", JSON.stringify(frame.payload?.customer_side_storage ?? {}));
    }
    this.push(frame);
    if (this.view.state.stale) void this.sync();
    void this.pump();
  }

  private push(frame: Frame): void {
    this.dispatch({ kind: "push", frame, now: this.env.now() });
  }

  /** Reads the chat, when it is not known. One reading at a time; what the network breaks off begins again with it. */
  private sync(): Promise<void> {
    const { state } = this.view;
    if (state.synced && !state.stale) return Promise.resolve();
    this.syncing ??= this.readChat().finally(() => {
      this.syncing = null;
    });
    return this.syncing;
  }

  private async readChat(): Promise<void> {
    this.dispatch({ kind: "reading" });
    try {
      const { chats_summary: chats } = await this.connection.request("list_chats", { limit: 1, sort_order: "desc" });
      const chat = chats?.[0] ?? null;
      let threads = { threads: [], next_page_id: null };
      if (chat) {
        threads = await this.connection.request("list_threads", {
          chat_id: chat.id,
          limit: THREADS,
          sort_order: "desc",
        });
      }
      this.dispatch({ kind: "snapshot", chat, threads: threads.threads ?? [], older: threads.next_page_id ?? null });
    } catch (error) {
      this.dispatch({ kind: "unread" });
      if (this.view.status === "online") {
        // It answered, but not with the chat: later again, the line itself is good.
        clearTimeout(this.again);
        this.again = setTimeout(() => void this.sync().then(() => this.pump()), 2_000);
      }
    }
  }

  /** Sends what waits, one after another. */
  private async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.view.status === "online" && this.view.state.synced) {
        const item = this.outbox.next();
        if (!item) break;
        this.outbox.claim(item);
        if (!(await this.attempt(item))) break;
      }
    } finally {
      this.pumping = false;
    }
    const waits = this.outbox.all().some((item) => item.status === "sending");
    clearTimeout(this.again);
    if (waits && this.view.status === "online") {
      this.again = setTimeout(() => {
        void this.sync().then(() => this.pump());
        void this.uploads();
      }, 2_000);
    }
  }

  /** Tries to send one thing. Whether to go on with the next. */
  private async attempt(item: Outgoing): Promise<boolean> {
    try {
      const event_id = await this.deliver(item);
      this.outbox.change(item.custom_id, { status: "sent", event_id: event_id ?? "" });
      void this.files.remove(item.custom_id);
      this.settle();
      return true;
    } catch (error) {
      const type = error instanceof Refused ? error.type : "";
      if (error instanceof Lost || PASSING.includes(type)) {
        // A lost line is not the message's fault; it goes out when the line is back.
        const tries = this.view.status === "online" ? item.tries + 1 : item.tries;
        const failed = tries >= TRIES_MAX;
        this.outbox.change(item.custom_id, { tries, ...(failed ? { status: "failed", error: type } : {}) });
        this.refresh();
        return failed;
      }
      if (["authentication", "access_token_expired"].includes(type)) return false;
      if (type === "already_exists") {
        // It was said before, in a thread that has ended since; the chat shows it.
        this.outbox.change(item.custom_id, { status: "sent" });
        this.settle();
        return true;
      }
      this.outbox.change(item.custom_id, { status: "failed", error: type });
      this.refresh();
      return true;
    }
  }

  private async deliver(item: Outgoing): Promise<string | null> {
    const { state } = this.view;
    const request = (action: string, payload: unknown) => this.connection.request(action, payload);
    const thread = { events: [item.event], ...(item.thread ? { properties: item.thread } : {}) };
    const send = async (chat_id: string, more = {}) =>
      (await request("send_event", { chat_id, event: item.event, ...more })).event_id as string;
    const resume = async (id: string) => {
      const answer = await request("resume_chat", { chat: { id, thread }, active: true, continuous: true });
      await this.opened();
      return (answer.event_ids?.[0] ?? null) as string | null;
    };
    if (!state.chat) {
      try {
        const answer = await request("start_chat", { chat: { thread }, active: true, continuous: true });
        await this.opened();
        this.tell("chat_started", answer.chat_id);
        return answer.event_ids?.[0] ?? null;
      } catch (error) {
        if (!(error instanceof Refused) || !["limit_reached", "chat_limit_reached"].includes(error.type)) throw error;
        // There is one already: of another tab, or of a try whose answer was lost.
        await this.reread();
        if (!this.view.state.chat) throw error;
        return this.deliver(item);
      }
    }
    const id = state.chat.id;
    if (item.late) return send(id, { attach_to_last_thread: true });
    if (isActive(state)) {
      try {
        return await send(id);
      } catch (error) {
        if (!(error instanceof Refused) || error.type !== "chat_inactive") throw error;
        return resume(id);
      }
    }
    try {
      return await resume(id);
    } catch (error) {
      if (!(error instanceof Refused) || error.type !== "chat_already_active") throw error;
      return send(id);
    }
  }

  /** Waits for the push that opens the chat; without it the chat is read. */
  private async opened(): Promise<void> {
    const until = this.env.now() + PUSH_MS;
    while (!isActive(this.view.state) && this.env.now() < until && this.view.status === "online") {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (!isActive(this.view.state)) await this.reread();
  }

  private async reread(): Promise<void> {
    await this.syncing;
    this.syncing = this.readChat().finally(() => {
      this.syncing = null;
    });
    await this.syncing;
  }

  /** Uploads what waits for it; what was uploaded goes to the server like a message. */
  private async uploads(): Promise<void> {
    for (const item of this.outbox.all()) {
      if (item.status === "sending" && item.upload && !this.uploading.has(item.custom_id)) {
        this.uploading.add(item.custom_id);
        void this.upload(item).finally(() => this.uploading.delete(item.custom_id));
      }
    }
  }

  private async upload(item: Outgoing): Promise<void> {
    const { custom_id, upload } = item;
    const progress = (part: number) => {
      this.outbox.change(custom_id, { upload: { ...upload!, progress: part } });
      this.refresh();
    };
    try {
      const file = await this.files.get(custom_id);
      if (!file) throw new Refused("file_gone", "the browser no longer has it");
      const session = await this.tokens.get();
      const { base, organization } = this.env;
      const url = `${base}${API}/action/upload_file?organization_id=${encodeURIComponent(organization)}`;
      const answer = await this.page.upload(url, session.access_token, file, upload!.name, progress);
      if (!this.outbox.get(custom_id)) return;
      this.outbox.change(custom_id, { upload: undefined, event: { type: "file", custom_id, url: answer.url } });
      this.refresh();
      void this.pump();
    } catch (error) {
      const tries = item.tries + 1;
      const final = error instanceof Refused && !PASSING.includes(error.type);
      const failed = final || tries >= TRIES_MAX;
      this.outbox.change(custom_id, {
        tries,
        upload: { ...upload!, progress: 0 },
        ...(failed ? { status: "failed", error: error instanceof Refused ? error.type : "" } : {}),
      });
      this.refresh();
    }
  }

  private dispatch(action: Action): void {
    const before = this.view.state;
    const state = reduce(before, action);
    if (state === before) return;
    this.view = { ...this.view, state };
    this.settle();
    this.news(before);
  }

  /** Tells of what was not there before. */
  private news(before: State): void {
    const { state } = this.view;
    if (state.synced && state.chat !== before.chat) {
      const id = me(state);
      for (const event of (state.chat?.threads ?? []).flatMap((thread) => thread.events)) {
        if (this.known.has(event.id)) continue;
        this.known.add(event.id);
        // What is there at the first look is not news, and what lies further back neither.
        if (this.first || this.view.loadingOlder || event.author_id === id) continue;
        if (isSaid(event)) this.tell("message", event);
        else if (event.type === "custom") this.tell("custom", event);
      }
      if (isActive(before) && !isActive(state)) this.tell("chat_ended", state.chat?.id);
    }
    if (state.synced) this.first = false;
    if (unread(state).length !== unread(before).length) this.tell("unread", unread(state).length);
    const status = this.group === null ? undefined : state.groups[this.group];
    const online = status === undefined ? this.view.settings.online : status !== "offline";
    this.show({ online });
  }

  private settle(): void {
    const { state } = this.view;
    if (state.synced) this.outbox.settle((state.chat?.threads ?? []).flatMap((thread) => thread.events));
    this.refresh();
  }

  private refresh(): void {
    this.show({ outgoing: this.outbox.all() });
  }

  private restart(): void {
    this.connection.stop();
    this.forget();
    this.show({ status: "idle", reason: "" });
    if (this.returning()) this.connection.start();
  }

  private forget(): void {
    this.known.clear();
    this.first = true;
    this.kept.set("side", null);
    this.dispatch({ kind: "reset" });
    this.refresh();
  }

  private show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.tell("change", this.view);
  }

  private tell(name: string, value: unknown): void {
    for (const listener of [...this.listeners]) listener(name, value);
  }
}

/** How an own event stands: what the server has is sent, and seen when somebody else was there since. */
export function wasSeen(state: State, event: ChatEvent): boolean {
  return time(event.created_at) <= time(seenByOthers(state));
}
