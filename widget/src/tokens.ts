// Who the visitor is: the token of a session, and the secret in this browser that gets the next one.

import { type Env, Refused, ask } from "./env";
import { type Keep, read } from "./storage";

/** A token is renewed this long before it ends. */
const MARGIN_MS = 60_000;

export interface Session {
  access_token: string;
  customer: string;
  /** In milliseconds, by this browser's clock. */
  ends: number;
  /** Long-lived; the browser's own, as cookies of other sites are blocked. */
  customer_token: string;
  /** Whether a signed identity stands behind it. */
  known: boolean;
}

export class Tokens {
  constructor(
    private readonly env: Env,
    private readonly kept: Keep,
  ) {}

  /** The session that is kept, if this browser was here before. */
  kept_session(): Session | null {
    return read<Session>(this.kept, "session");
  }

  /** A token that is good for now. */
  get(): Promise<Session> {
    return this.env.alone("session", async () => {
      const session = this.kept_session();
      if (session && session.access_token && session.ends - MARGIN_MS > this.env.now()) return session;
      try {
        return await this.issue({ grant_type: "cookie", customer_token: session?.customer_token }, session);
      } catch (error) {
        const unknown = error instanceof Refused && ["authentication", "validation", "not_found"].includes(error.type);
        if (!session || !unknown) throw error;
        // The server no longer knows this browser: it is a new visitor.
        return this.issue({ grant_type: "cookie" }, null);
      }
    });
  }

  /** A known user from now on. */
  identify(identity: string): Promise<Session> {
    return this.env.alone("session", () => this.issue({ grant_type: "identity", identity }, null));
  }

  /** The server refused the token: the next `get` brings another. */
  spoilt(access_token: string): void {
    const session = this.kept_session();
    if (session?.access_token === access_token) this.save({ ...session, access_token: "", ends: 0 });
  }

  forget(): void {
    this.kept.set("session", null);
  }

  private async issue(grant: Record<string, unknown>, before: Session | null): Promise<Session> {
    const { organization, channel, base } = this.env;
    const answer = await ask(this.env, `${base}/v2/customer/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        ...grant,
        client_id: channel,
        response_type: "token",
        organization_id: organization,
      }),
    });
    const session: Session = {
      access_token: answer.access_token,
      customer: answer.entity_id,
      ends: this.env.now() + Number(answer.expires_in ?? 0) * 1000,
      customer_token: answer.customer_token ?? before?.customer_token ?? "",
      known: grant["grant_type"] === "identity" || (before?.known ?? false),
    };
    this.save(session);
    return session;
  }

  private save(session: Session): void {
    this.kept.set("session", JSON.stringify(session));
  }
}
