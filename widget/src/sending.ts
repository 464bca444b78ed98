// Sends what waits in the outbox, one thing after another: into the chat that is active, or by opening one. Files are
// uploaded first.
//
// What makes a second try harmless: see outbox.ts.

import { API, type Env, Lost, Refused } from "./env";
import type { FileKeep } from "./files";
import type { Outbox, Outgoing } from "./outbox";
import type { Reading } from "./reading";
import { isActive } from "./state";
import type { Tokens } from "./tokens";
import type { Core, Page } from "./view";

/** After so many tries without an answer a message is shown as failed. */
const TRIES_MAX = 5;

/** The server pushes a new chat at once; without the push it is read after this. */
const PUSH_MS = 3_000;

/** Refusals that may pass by themselves. */
const PASSING = ["internal", "request_timeout", "service_unavailable", "too_many_requests", "pending_requests_limit_reached"];

export class Sending {
  private pumping = false;
  private readonly uploading = new Set<string>();

  constructor(
    private readonly core: Core,
    private readonly env: Env,
    private readonly outbox: Outbox,
    private readonly files: FileKeep,
    private readonly tokens: Tokens,
    private readonly page: Page,
    private readonly reading: Reading,
  ) {}

  /** Sends what waits, the oldest first. */
  async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.core.view.status === "online" && this.core.view.state.synced) {
        const item = this.outbox.next();
        if (!item) break;
        this.outbox.claim(item);
        if (!(await this.attempt(item))) break;
      }
    } finally {
      this.pumping = false;
    }
    const waits = this.outbox.all().some((item) => item.status === "sending");
    if (waits && this.core.view.status === "online") this.core.later();
  }

  /** Uploads what waits for it; what was uploaded goes to the server like a message. */
  uploads(): void {
    for (const item of this.outbox.all()) {
      if (item.status === "sending" && item.upload && !this.uploading.has(item.custom_id)) {
        this.uploading.add(item.custom_id);
        void this.upload(item).finally(() => this.uploading.delete(item.custom_id));
      }
    }
  }

  /** Tries to send one thing. Whether to go on with the next. */
  private async attempt(item: Outgoing): Promise<boolean> {
    try {
      const event_id = await this.deliver(item);
      this.change(item, { status: "sent", event_id: event_id ?? "" });
      void this.files.remove(item.custom_id);
      return true;
    } catch (error) {
      const type = error instanceof Refused ? error.type : "";
      if (error instanceof Lost || PASSING.includes(type)) {
        // A lost line is not the message's fault; it goes out when the line is back.
        const tries = this.core.view.status === "online" ? item.tries + 1 : item.tries;
        const failed = tries >= TRIES_MAX;
        this.change(item, { tries, ...(failed ? { status: "failed", error: type } : {}) });
        return failed;
      }
      if (["authentication", "access_token_expired"].includes(type)) return false;
      // What exists already was said before, in a thread that has ended since; the chat shows it.
      this.change(item, type === "already_exists" ? { status: "sent" } : { status: "failed", error: type });
      return true;
    }
  }

  /** Brings it to the server: the event's id there. */
  private async deliver(item: Outgoing): Promise<string | null> {
    const { chat } = this.core.view.state;
    if (!chat) return this.begin(item);
    if (item.late) return this.say(chat.id, item, { attach_to_last_thread: true });
    if (isActive(this.core.view.state)) {
      return this.unless("chat_inactive", () => this.say(chat.id, item), () => this.resume(chat.id, item));
    }
    return this.unless("chat_already_active", () => this.resume(chat.id, item), () => this.say(chat.id, item));
  }

  /** Does the one thing, or the other where the first is refused for this reason. */
  private async unless<T>(type: string, first: () => Promise<T>, other: () => Promise<T>): Promise<T> {
    try {
      return await first();
    } catch (error) {
      if (!(error instanceof Refused) || error.type !== type) throw error;
      return other();
    }
  }

  private async begin(item: Outgoing): Promise<string | null> {
    try {
      const answer = await this.core.request("start_chat", { chat: { thread: threadOf(item) }, active: true, continuous: true });
      await this.opened();
      this.core.tell("chat_started", answer.chat_id);
      return answer.event_ids?.[0] ?? null;
    } catch (error) {
      if (!(error instanceof Refused) || !["limit_reached", "chat_limit_reached"].includes(error.type)) throw error;
      // There is one already: of another tab, or of a try whose answer was lost.
      await this.reading.anew();
      if (!this.core.view.state.chat) throw error;
      return this.deliver(item);
    }
  }

  private async resume(id: string, item: Outgoing): Promise<string | null> {
    const answer = await this.core.request("resume_chat", {
      chat: { id, thread: threadOf(item) },
      active: true,
      continuous: true,
    });
    await this.opened();
    return answer.event_ids?.[0] ?? null;
  }

  private async say(chat_id: string, item: Outgoing, more = {}): Promise<string | null> {
    return (await this.core.request("send_event", { chat_id, event: item.event, ...more })).event_id;
  }

  /** Waits for the push that opens the chat; without it the chat is read. */
  private async opened(): Promise<void> {
    const until = this.env.now() + PUSH_MS;
    const open = () => isActive(this.core.view.state);
    while (!open() && this.env.now() < until && this.core.view.status === "online") {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (!open()) await this.reading.anew();
  }

  private async upload(item: Outgoing): Promise<void> {
    const { custom_id } = item;
    const upload = item.upload!;
    try {
      const file = await this.files.get(custom_id);
      if (!file) throw new Refused("file_gone", "the browser no longer has it");
      const url = await this.file(file, upload.name, (progress) => this.change(item, { upload: { ...upload, progress } }));
      if (!this.outbox.get(custom_id)) return;
      this.change(item, { upload: undefined, event: { type: "file", custom_id, url } });
      void this.pump();
    } catch (error) {
      const tries = item.tries + 1;
      const final = error instanceof Refused && !PASSING.includes(error.type);
      const failed = final || tries >= TRIES_MAX;
      this.change(item, {
        tries,
        upload: { ...upload, progress: 0 },
        ...(failed ? { status: "failed", error: error instanceof Refused ? error.type : "" } : {}),
      });
    }
  }

  /** Uploads a file; gives its address. */
  async file(file: Blob, name: string, progress: (part: number) => void): Promise<string> {
    const session = await this.tokens.get();
    const { base, organization } = this.env;
    const url = `${base}${API}/action/upload_file?organization_id=${encodeURIComponent(organization)}`;
    return (await this.page.upload(url, session.access_token, file, name, progress)).url;
  }

  private change(item: Outgoing, change: Partial<Outgoing>): void {
    this.outbox.change(item.custom_id, change);
    this.core.settle();
  }
}

function threadOf(item: Outgoing): Record<string, unknown> {
  return { events: [item.event], ...(item.thread ? { properties: item.thread } : {}) };
}
