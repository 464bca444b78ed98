// What the widget needs of its surroundings, so that tests can give it others.

export interface Socket {
  readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: { data: any }) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(): void;
}

export interface Env {
  /** Where the server is, without a slash at the end. */
  base: string;
  organization: string;
  channel: string;
  fetch: typeof fetch;
  socket: ((url: string) => Socket) | null;
  now(): number;
  random(): number;
  /** Runs one after another what must not run in two tabs at once. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** The server's refusal. */
export class Refused extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly data: Record<string, any> = {},
    readonly status = 0,
  ) {
    super(message);
  }
}

/** No answer: the network, or a server that is away. */
export class Lost extends Error {}

export const API = "/v3.6/customer";

/** How long an answer may take; the server gives up at 15 s itself. */
export const ANSWER_MS = 20_000;

/** Asks and reads JSON; a refusal becomes `Refused`, everything else that goes wrong `Lost`. */
export async function ask(env: Env, url: string, init: RequestInit = {}, patience = ANSWER_MS): Promise<any> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), patience);
  try {
    const response = await env.fetch(url, { ...init, credentials: "omit", signal: ended.signal });
    const body = await response.json().catch(() => null);
    if (response.ok) return body ?? {};
    const error = body?.error;
    if (error?.type) throw new Refused(error.type, error.message ?? "", error.data, response.status);
    if (response.status >= 500) throw new Lost(`status ${response.status}`);
    throw new Refused(body?.code ?? "internal", body?.detail ?? "", {}, response.status);
  } catch (error) {
    if (error instanceof Refused || error instanceof Lost) throw error;
    throw new Lost(String(error));
  } finally {
    clearTimeout(timer);
  }
}
