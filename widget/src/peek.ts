// What the customer writes and has not sent yet: agents may look on.

import { isActive } from "./state";
import type { Core } from "./view";

/** Sneak peeks go out at most this often. */
const PEEK_MS = 1_500;

/** The longest sneak peek, in characters. */
const PEEK_MAX = 4_000;

export class Peek {
  private text = "";
  private sent = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly core: Core) {}

  /** The customer writes. */
  show(text: string): void {
    this.text = text.slice(0, PEEK_MAX);
    if (this.timer !== undefined) return;
    this.send();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.text !== this.sent) this.show(this.text);
    }, PEEK_MS);
  }

  /** It was sent: there is nothing to look at any more. */
  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.text = this.sent = "";
  }

  private send(): void {
    const { state, status } = this.core.view;
    if (status !== "online" || !state.chat || !isActive(state) || this.text === this.sent) return;
    this.sent = this.text;
    void this.core.quietly("send_sneak_peek", { chat_id: state.chat.id, sneak_peek_text: this.text });
  }
}
