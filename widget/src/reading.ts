// Reads the chat from the server: its last threads when it is not known, and those before when somebody goes back.

import type { Core } from "./view";

/** How many threads are read at a time. */
const THREADS = 3;

export class Reading {
  private running: Promise<void> | null = null;

  constructor(private readonly core: Core) {}

  /** Reads the chat, when it is not known. One reading at a time; what the network breaks off begins again with it. */
  sync(): Promise<void> {
    const { state } = this.core.view;
    return state.synced && !state.stale ? Promise.resolve() : this.read();
  }

  /** Reads the chat, whatever is known. */
  async anew(): Promise<void> {
    await this.running;
    await this.read();
  }

  /** Reads what came before. */
  async older(): Promise<void> {
    const { state, loadingOlder, status } = this.core.view;
    const page_id = state.chat?.older;
    if (!page_id || loadingOlder || status !== "online" || state.reading) return;
    this.core.show({ loadingOlder: true });
    this.core.dispatch({ kind: "reading" });
    try {
      const answer = await this.core.request("list_threads", { chat_id: state.chat!.id, page_id });
      this.core.dispatch({ kind: "older", threads: answer.threads ?? [], older: answer.next_page_id ?? null });
    } catch {
      this.core.dispatch({ kind: "unread" });
    } finally {
      this.core.show({ loadingOlder: false });
    }
  }

  private read(): Promise<void> {
    this.running ??= this.chat().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async chat(): Promise<void> {
    this.core.dispatch({ kind: "reading" });
    try {
      const { chats_summary: chats } = await this.core.request("list_chats", { limit: 1, sort_order: "desc" });
      const chat = chats?.[0] ?? null;
      let threads = { threads: [], next_page_id: null };
      if (chat) {
        const page = { chat_id: chat.id, limit: THREADS, sort_order: "desc" };
        threads = await this.core.request("list_threads", page);
      }
      this.core.dispatch({ kind: "snapshot", chat, threads: threads.threads ?? [], older: threads.next_page_id ?? null });
    } catch {
      this.core.dispatch({ kind: "unread" });
      // It answered, but not with the chat: later again, the line itself is good.
      if (this.core.view.status === "online") this.core.later();
    }
  }
}
