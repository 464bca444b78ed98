// What the server is told of the visitor: the page that they look at, who they are as far as the page says, and what they did with
// greetings and forms while there was no line.

import { type Keep, read } from "./storage";
import type { Core, Page } from "./view";

export class Visit {
  private fields: Record<string, string> = {};
  private deeds: [action: string, payload: unknown][] = [];

  constructor(
    private readonly core: Core,
    private readonly kept: Keep,
    private readonly page: Page,
  ) {}

  /** What a login says beside token and place. */
  greeting(): Record<string, unknown> {
    const { customer } = this.told();
    return {
      application: { name: "tidings-widget", version: this.page.version },
      customer_page: { url: this.page.url(), title: this.page.title() },
      referrer: this.page.referrer,
      is_mobile: this.page.mobile,
      customer_side_storage: read<Record<string, string>>(this.kept, "side") ?? {},
      ...(Object.keys(customer).length > 0 ? { customer } : {}),
    };
  }

  /** The line is there. */
  arrived(): void {
    for (const [action, payload] of this.deeds.splice(0)) void this.core.quietly(action, payload);
  }

  /** The visitor went to another page. */
  moved(): void {
    void this.core.quietly("update_customer_page", { url: this.page.url(), title: this.page.title() });
  }

  /** The page says who they are. */
  async set(fields: Record<string, string>): Promise<void> {
    this.fields = { ...this.fields, ...fields };
    if (this.core.view.status !== "online") return;
    const { customer, session, phone } = this.told();
    delete customer["session_fields"];
    if (phone) customer["phone_number"] = phone;
    if (Object.keys(customer).length > 0) await this.core.quietly("update_customer", customer);
    if (session.length > 0) await this.core.quietly("set_customer_session_fields", { session_fields: session });
  }

  accept(unique_id: string, greeting_id: number): void {
    this.deed("accept_greeting", { unique_id, greeting_id });
  }

  cancel(unique_id: string): void {
    this.deed("cancel_greeting", { unique_id });
  }

  /** Somebody else from now on. */
  forget(): void {
    this.fields = {};
    this.deeds = [];
  }

  /** Tells of something now, or as soon as there is a line. */
  deed(action: string, payload: unknown): void {
    if (this.core.view.status === "online") void this.core.quietly(action, payload);
    else this.deeds.push([action, payload]);
  }

  private told(): { customer: Record<string, unknown>; session: Record<string, string>[]; phone: string } {
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
}
