// The chat without its looks: joins the connection, the state and what reads and sends, and tells whoever listens. The views call
// its verbs; it knows no DOM.

import { Connection } from "./connection";
import { API, type Env, ask } from "./env";
import type { FileKeep } from "./files";
import { Outbox, type Outgoing, filledForm } from "./outbox";
import { Peek } from "./peek";
import { Reading } from "./reading";
import { Sending } from "./sending";
import { settings } from "./settings";
import { type Action, EMPTY, type State, isActive, isSaid, lastThread, me, reduce, since, unread } from "./state";
import type { Keep } from "./storage";
import { Tokens } from "./tokens";
import type { Button, ChatEvent, Field, Form, Frame, NewEvent, Properties } from "./types";
import type { Core, Page, View } from "./view";
import { Visit } from "./visit";

/** What did not work is tried again after this, while the line is good. */
const AGAIN_MS = 2_000;

/** The longest message in bytes of UTF-8; the server refuses more than 16,384. */
export const TEXT_BYTES_MAX = 16_000;

/** What the server takes as a file. */
export const FILE_BYTES_MAX = 10 * 1024 * 1024;

type Listener = (name: string, value: unknown) => void;

export class Client implements Core {
  view: View;
  readonly outbox: Outbox;
  readonly tokens: Tokens;
  private readonly connection: Connection;
  private readonly reading: Reading;
  private readonly sending: Sending;
  private readonly peek: Peek;
  private readonly visit: Visit;
  private readonly listeners = new Set<Listener>();
  private readonly known = new Set<string>();
  private first = true;
  private group: string | null = null;
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
    this.reading = new Reading(this);
    this.sending = new Sending(this, env, this.outbox, files, this.tokens, page, this.reading);
    this.peek = new Peek(this);
    this.visit = new Visit(this, kept, page);
    this.connection = new Connection(env, {
      session: () => this.tokens.get(),
      spoilt: (token) => this.tokens.spoilt(token),
      greeting: () => this.visit.greeting(),
      since: () => since(this.view.state),
      loggedIn: (answer, place) => {
        this.dispatch({ kind: "login", answer, since: place });
        // Who has no chat need not ask for it; one that begins now comes as a push.
        const hasNone = answer.chats?.length === 0;
        if (hasNone && !this.view.state.synced) this.dispatch({ kind: "snapshot", chat: null, threads: [], older: null });
        this.visit.arrived();
        this.goOn();
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

  /** The page came back to the front, or the network came or went: the line is looked at. */
  poke(): void {
    this.connection.poke();
    void this.sending.pump();
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
    this.settle();
    void this.sending.pump();
  }

  leave(): void {
    this.outbox.release();
  }

  // What the customer does.

  say(text: string, postback?: Record<string, unknown>): void {
    this.peek.end();
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
    this.settle();
    this.connect();
    this.sending.uploads();
  }

  /** Uploads a file for a form; gives its address. */
  upload(file: File): Promise<string> {
    return this.sending.file(file, file.name, () => {});
  }

  retry(custom_id: string): void {
    this.outbox.change(custom_id, { status: "sending", error: "", tries: 0 });
    this.settle();
    this.connect();
    this.poke();
    this.sending.uploads();
  }

  discard(custom_id: string): void {
    this.outbox.remove(custom_id);
    void this.files.remove(custom_id);
    this.settle();
  }

  /** Sends a form's answers. */
  fill(form: Form, kind: "prechat" | "postchat" | "offline" | "free", fields: Field[]): void {
    const answer = (type: string) => fields.find((field) => field.type === type)?.answer;
    const [name, email] = [answer("name"), answer("email")];
    if (name || email) {
      void this.visit.set({
        ...(typeof name === "string" && name ? { name } : {}),
        ...(typeof email === "string" && email ? { email } : {}),
      });
    }
    const rated = fields.find((field) => field.type === "rating");
    const sent = fields.filter((field) => !["header", "rating"].includes(field.type));
    if (kind === "postchat" && rated) {
      const { score, comment } = (rated.answer ?? {}) as { score?: number; comment?: string };
      const changed = score === undefined ? null : this.ofThread({ rating: ratingOf(score, comment ?? "") });
      // The form is gone from the screen, so it is not asked again: the rating goes out when there is a line.
      if (changed) this.visit.deed("update_thread_properties", changed);
      if (changed) this.tell("rated", score);
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
    await this.threadProperties({ rating: ratingOf(score, comment) });
    this.tell("rated", score);
  }

  transcript(email: string): Promise<void> {
    return this.threadProperties({ routing: { transcript_email: email } });
  }

  async end(): Promise<void> {
    const { chat } = this.view.state;
    if (chat) await this.request("deactivate_chat", { id: chat.id });
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
    this.visit.forget();
    this.forget();
    this.show({ status: "idle", reason: "" });
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

  /** The customer writes; agents may look on. */
  typing(text: string): void {
    this.peek.show(text);
  }

  /** Reads what came before. */
  older(): Promise<void> {
    return this.reading.older();
  }

  setCustomer(fields: Record<string, string>): Promise<void> {
    return this.visit.set(fields);
  }

  moved(): void {
    this.visit.moved();
  }

  acceptGreeting(unique_id: string, greeting: number): void {
    this.visit.accept(unique_id, greeting);
  }

  cancelGreeting(unique_id: string): void {
    this.visit.cancel(unique_id);
    this.push({ type: "push", action: "greeting_canceled", payload: { unique_id } });
  }

  // What its parts ask of it.

  request(action: string, payload: unknown): Promise<any> {
    return this.connection.request(action, payload);
  }

  async quietly(action: string, payload: unknown): Promise<void> {
    await this.request(action, payload).catch(() => {});
  }

  dispatch(action: Action): void {
    const before = this.view.state;
    const state = reduce(before, action);
    if (state === before) return;
    this.view = { ...this.view, state };
    this.settle();
    this.news(before);
  }

  show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.tell("change", this.view);
  }

  tell(name: string, value: unknown): void {
    for (const listener of [...this.listeners]) listener(name, value);
  }

  settle(): void {
    const events = this.events();
    if (this.view.state.synced) this.outbox.settle(events);
    this.show({ outgoing: this.outbox.waiting(events) });
  }

  later(): void {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.goOn(), AGAIN_MS);
  }

  private goOn(): void {
    void this.reading.sync().then(() => this.sending.pump());
    this.sending.uploads();
  }

  private async threadProperties(properties: Properties): Promise<void> {
    const changed = this.ofThread(properties);
    if (changed) await this.request("update_thread_properties", changed);
  }

  /** Properties of the last thread, as the server takes them; null when there is none. */
  private ofThread(properties: Properties): Record<string, unknown> | null {
    const { state } = this.view;
    const thread = lastThread(state);
    return state.chat && thread && { chat_id: state.chat.id, thread_id: thread.id, properties };
  }

  private put(event: NewEvent, more: Partial<Outgoing> = {}): void {
    this.outbox.add(event, more);
    this.settle();
    this.connect();
    void this.sending.pump();
  }

  private frame(frame: Frame): void {
    if (frame.action === "customer_side_storage_updated") {
      this.kept.set("side", JSON.stringify(frame.payload?.customer_side_storage ?? {}));
    }
    this.push(frame);
    if (this.view.state.stale) void this.reading.sync();
    void this.sending.pump();
  }

  private push(frame: Frame): void {
    this.dispatch({ kind: "push", frame, now: this.env.now() });
  }

  /** Tells of what was not there before. */
  private news(before: State): void {
    const { state } = this.view;
    if (state.synced && state.chat !== before.chat) {
      const id = me(state);
      for (const event of this.events()) {
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
    // A bot is always there.
    const online = status === undefined || this.view.settings.bot ? this.view.settings.online : status !== "offline";
    this.show({ online });
  }

  private events(): ChatEvent[] {
    return (this.view.state.chat?.threads ?? []).flatMap((thread) => thread.events);
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
    this.settle();
  }
}

function ratingOf(score: number, comment: string): Record<string, unknown> {
  return { score, ...(comment ? { comment } : {}) };
}
