// One connection to the server that is kept up: WebSocket, else server-sent events, else long polling. It logs in, asks
// for what was missed, notices when nothing comes any more, and comes back by itself, ever slower.

import { ANSWER_MS, API, type Env, Lost, Refused, type Socket, ask } from "./env";
import type { Frame, LoginAnswer } from "./types";
import type { Session } from "./tokens";

/** The server wants a sign of life every 15 s. */
const PING_MS = 14_000;

/** A ping that is not answered by then means that nobody is there. */
const PONG_MS = 8_000;

/** How long a connection may take to open and to log in. */
const OPEN_MS = 15_000;

/** The first wait before another try, and the longest. */
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 30_000;

/** After so many WebSockets in a row that did not open, the network is taken not to let them through. */
const SOCKETS_MAX = 2;

/** A stream that brings nothing for so long is dead: the server sends a comment at least every 15 s. */
const SILENCE_MS = 45_000;

/** How long a poll may wait for something to happen, in seconds. */
const POLL_S = 25;

/** A timer that comes so much later than it should means that the computer slept. */
const SLEPT_MS = 20_000;

/** Reasons for which coming back is no use until somebody does something. */
const FINAL = [
  "customer_banned",
  "license_expired",
  "license_not_found",
  "unsupported_version",
  "logged_out_remotely",
  "wrong_product_version",
  "users_limit_reached",
];

/** Reasons for which a new token is needed. */
const STALE_TOKEN = ["authentication", "access_token_expired", "access_token_revoked"];

export type Status = "idle" | "connecting" | "online" | "offline" | "stopped";
type Kind = "socket" | "events" | "poll";

export interface Wishes {
  session(): Promise<Session>;
  spoilt(access_token: string): void;
  /** What the login says beside token and place. */
  greeting(): Record<string, unknown>;
  since(): number | null;
  loggedIn(answer: LoginAnswer, since: number | null): void;
  frame(frame: Frame): void;
  status(status: Status, reason: string): void;
}

interface Waiting {
  resolve(payload: any): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Connection {
  status: Status = "idle";
  private kind: Kind;
  private socket: Socket | null = null;
  private stream: AbortController | null = null;
  private session: Session | null = null;
  private waiting = new Map<string, Waiting>();
  private requests = 0;
  private tries = 0;
  private unopened = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private beating: ReturnType<typeof setInterval> | undefined;
  private beat = 0;
  /** When something was last sent: the server listens for that. */
  private pinged = 0;
  private pinging = false;
  /** Counts tries, so that what belongs to an old one is not listened to. */
  private epoch = 0;

  constructor(
    private readonly env: Env,
    private readonly wishes: Wishes,
  ) {
    this.kind = env.socket ? "socket" : "events";
  }

  /** Connects, if it does not already. */
  start(): void {
    if (this.status !== "idle" && this.status !== "stopped") return;
    this.tries = 0;
    this.beat = this.env.now();
    clearInterval(this.beating);
    this.beating = setInterval(() => this.watch(), 2_000);
    void this.attempt();
  }

  /** Ends it, until `start`. */
  stop(reason = ""): void {
    clearInterval(this.beating);
    this.drop();
    this.become("stopped", reason);
  }

  /** Something happened that may have cut the line, or mended it: look now. */
  poke(): void {
    if (this.status === "offline") {
      this.tries = 0;
      void this.attempt();
    } else if (this.status === "online") {
      void this.ping(PONG_MS / 2);
    }
  }

  /** Asks over the line that is open; web requests go by the same name. */
  request(action: string, payload: unknown, patience = ANSWER_MS): Promise<any> {
    if (this.status !== "online") return Promise.reject(new Lost("not connected"));
    return this.kind === "socket" ? this.bySocket(action, payload, patience) : this.byWeb(action, payload);
  }

  private bySocket(action: string, payload: unknown, patience: number): Promise<any> {
    const socket = this.socket;
    if (!socket || socket.readyState !== 1) return Promise.reject(new Lost("not connected"));
    this.requests += 1;
    const request_id = String(this.requests);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(request_id);
        reject(new Lost(`no answer to ${action}`));
      }, patience);
      this.waiting.set(request_id, { resolve, reject, timer });
      this.pinged = this.env.now();
      socket.send(JSON.stringify({ version: "3.6", request_id, action, payload: payload ?? {} }));
    });
  }

  private async byWeb(action: string, payload: unknown): Promise<any> {
    const { base, organization } = this.env;
    const session = this.session;
    const url = `${base}${API}/action/${action}?organization_id=${encodeURIComponent(organization)}`;
    return ask(this.env, url, {
      method: "POST",
      headers: { Authorization: `Bearer ${session?.access_token}`, "Content-Type": "application/json" },
      body: JSON.stringify(payload ?? {}),
    });
  }

  private async attempt(): Promise<void> {
    this.drop();
    const epoch = this.epoch;
    this.become("connecting", "");
    try {
      this.session = await this.wishes.session();
    } catch (error) {
      if (epoch === this.epoch) this.failed(error);
      return;
    }
    if (epoch !== this.epoch) return;
    if (this.kind === "socket") this.openSocket(epoch);
    else void this.follow(epoch);
  }

  private openSocket(epoch: number): void {
    const { base, organization, socket: open } = this.env;
    const url = `${base.replace(/^http/, "ws")}${API}/rtm/ws?organization_id=${encodeURIComponent(organization)}`;
    let socket: Socket;
    try {
      socket = open!(url);
    } catch (error) {
      this.unopenedSocket(error);
      return;
    }
    this.socket = socket;
    let opened = false;
    const slow = setTimeout(() => epoch === this.epoch && ended(), OPEN_MS);
    const ended = () => {
      clearTimeout(slow);
      if (epoch !== this.epoch) return;
      if (opened) this.failed(new Lost("closed"));
      else this.unopenedSocket(new Lost("not opened"));
    };
    socket.onopen = () => {
      if (epoch !== this.epoch) return;
      opened = true;
      this.unopened = 0;
      const since = this.wishes.since();
      this.bySocket("login", this.login(since), OPEN_MS).then(
        (answer) => {
          clearTimeout(slow);
          if (epoch === this.epoch) this.loggedIn(answer, since);
        },
        (error) => {
          clearTimeout(slow);
          if (epoch === this.epoch) this.failed(error);
        },
      );
    };
    socket.onmessage = ({ data }) => {
      if (epoch === this.epoch) this.received(data);
    };
    socket.onerror = () => {};
    socket.onclose = ended;
  }

  private unopenedSocket(error: unknown): void {
    this.unopened += 1;
    // The server answers HTTP (it gave a token), so what lies between lets no WebSocket through.
    if (this.unopened >= SOCKETS_MAX) {
      this.kind = "events";
      this.unopened = 0;
    }
    this.failed(error);
  }

  private login(since: number | null): Record<string, unknown> {
    return {
      ...this.wishes.greeting(),
      token: `Bearer ${this.session?.access_token}`,
      pushes: { "3.6": ["all"] },
      ...(since === null ? {} : { since }),
    };
  }

  private loggedIn(answer: LoginAnswer, since: number | null): void {
    this.tries = 0;
    // Whoever is told may ask at once.
    this.become("online", "");
    this.wishes.loggedIn(answer, since);
  }

  private received(data: unknown): void {
    let frame: Frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (frame.type === "response") {
      const waiting = this.waiting.get(frame.request_id ?? "");
      if (!waiting) return;
      this.waiting.delete(frame.request_id!);
      clearTimeout(waiting.timer);
      if (frame.success !== false) {
        waiting.resolve(frame.payload ?? {});
      } else {
        const error = frame.payload?.error ?? {};
        waiting.reject(new Refused(error.type ?? "internal", error.message ?? "", error.data));
      }
      return;
    }
    this.pushed(frame);
  }

  private pushed(frame: Frame): void {
    if (frame.action === "customer_disconnected") {
      const { reason, data } = frame.payload ?? {};
      this.failed(new Refused(reason ?? "internal", "", data));
      return;
    }
    this.wishes.frame(frame);
  }

  /** Follows the server by events, or by asking again and again; requests go by themselves meanwhile. */
  private async follow(epoch: number): Promise<void> {
    const here = () => epoch === this.epoch;
    const stream = new AbortController();
    this.stream = stream;
    try {
      if (this.kind === "events") await this.events(stream, here);
      else await this.poll(stream, here);
      if (here()) this.failed(new Lost("the stream ended"));
    } catch (error) {
      if (!here()) return;
      // Events that never begin: something on the way waits for their end.
      if (this.kind === "events" && this.status === "connecting" && !(error instanceof Refused)) {
        this.kind = "poll";
      }
      this.failed(error);
    }
  }

  private address(what: string, since: number | null): string {
    const { base, organization } = this.env;
    const place = since === null ? "" : `&since=${since}`;
    const token = encodeURIComponent(this.session?.access_token ?? "");
    return `${base}${API}/rtm/${what}?organization_id=${encodeURIComponent(organization)}&token=${token}${place}`;
  }

  private async events(stream: AbortController, here: () => boolean): Promise<void> {
    const since = this.wishes.since();
    let silence = setTimeout(() => stream.abort(), OPEN_MS);
    try {
      const response = await this.env.fetch(this.address("sse", since), {
        headers: { Accept: "text/event-stream" },
        credentials: "omit",
        cache: "no-store",
        signal: stream.signal,
      });
      if (!response.ok || !response.body) await refuse(response);
      const reader = response.body!.getReader();
      const decoder = new TextDecoder();
      let rest = "";
      let id = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done || !here()) return;
        clearTimeout(silence);
        silence = setTimeout(() => stream.abort(), SILENCE_MS);
        rest += decoder.decode(value, { stream: true }).replace(/\r\n?/g, "\n");
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          const lines = rest.slice(0, end).split("\n");
          rest = rest.slice(end + 2);
          const field = (name: string) =>
            lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim());
          id = Number(field("id")[0] ?? id);
          // The first thing that comes has the number that the stream begins after.
          if (this.status !== "online") this.loggedIn(this.myself(id), since);
          const data = field("data").join("\n");
          if (data) this.streamed(JSON.parse(data), id, since);
          if (!here()) return;
        }
      }
    } finally {
      clearTimeout(silence);
      stream.abort();
    }
  }

  private streamed(frame: Frame | { type: "gap" }, seq: number, since: number | null): void {
    if (frame.type === "gap") this.loggedIn({ ...this.myself(seq), gap: true }, since);
    else if (frame.type === "push") this.pushed(frame);
  }

  private async poll(stream: AbortController, here: () => boolean): Promise<void> {
    const begin = this.wishes.since();
    let since = begin;
    while (here()) {
      const slow = setTimeout(() => stream.abort(), SILENCE_MS);
      try {
        // The first one only says that somebody is there.
        const wait = this.status === "online" ? POLL_S : 0;
        const response = await this.env.fetch(`${this.address("poll", since)}&wait=${wait}`, {
          credentials: "omit",
          cache: "no-store",
          signal: stream.signal,
        });
        if (!response.ok) await refuse(response);
        const { seq, gap, pushes } = await response.json();
        if (!here()) return;
        if (this.status !== "online" || gap) this.loggedIn({ ...this.myself(seq), gap }, begin);
        for (const push of pushes as Frame[]) if (here()) this.pushed(push);
        // The place may be beyond the last push that was for us.
        since = seq;
      } finally {
        clearTimeout(slow);
      }
    }
  }

  /** What a login would say, where there is none. */
  private myself(seq: number): LoginAnswer {
    return { customer: { id: this.session?.customer ?? "" }, seq };
  }

  private failed(error: unknown): void {
    const token = this.session?.access_token;
    this.drop();
    const reason = error instanceof Refused ? error.type : "";
    if (STALE_TOKEN.includes(reason) && token) this.wishes.spoilt(token);
    if (FINAL.includes(reason)) {
      clearInterval(this.beating);
      this.become("stopped", reason);
      return;
    }
    const longest = Math.min(WAIT_MAX_MS, WAIT_MIN_MS * 2 ** this.tries);
    this.tries += 1;
    const told = error instanceof Refused ? Number(error.data?.["timeout"] ?? 0) * 1000 : 0;
    // Somewhere between half of it and all: whoever was cut off together comes back apart.
    const wait = Math.max(told, longest / 2 + (longest / 2) * this.env.random());
    this.become("offline", reason);
    const epoch = this.epoch;
    this.timer = setTimeout(() => epoch === this.epoch && void this.attempt(), wait);
  }

  /** Lets go of everything that belongs to the present try. */
  private drop(): void {
    this.epoch += 1;
    clearTimeout(this.timer);
    this.pinging = false;
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.onerror = () => {};
      try {
        socket.close();
      } catch {
        // It is gone already.
      }
    }
    this.stream?.abort();
    this.stream = null;
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new Lost("the connection was lost"));
    }
    this.waiting.clear();
  }

  private watch(): void {
    const now = this.env.now();
    const slept = now - this.beat > SLEPT_MS;
    this.beat = now;
    if (slept) this.poke();
    else if (this.status === "online" && this.kind === "socket" && now - this.pinged > PING_MS) {
      void this.ping(PONG_MS);
    }
  }

  private async ping(patience: number): Promise<void> {
    if (this.kind !== "socket" || this.pinging) return;
    const epoch = this.epoch;
    this.pinging = true;
    try {
      await this.bySocket("ping", {}, patience);
    } catch (error) {
      // A refusal is an answer, too.
      if (epoch === this.epoch && error instanceof Lost) this.failed(error);
    } finally {
      if (epoch === this.epoch) this.pinging = false;
    }
  }

  private become(status: Status, reason: string): void {
    if (this.status === status && !reason) return;
    this.status = status;
    this.wishes.status(status, reason);
  }
}

async function refuse(response: Response): Promise<never> {
  const error = (await response.json().catch(() => null))?.error;
  if (error?.type) throw new Refused(error.type, error.message ?? "", error.data, response.status);
  throw new Lost(`status ${response.status}`);
}
