// A small server that speaks the Customer Chat API 3.6 as far as the widget uses it, and is strict about it: an action,
// a key or a type that it does not know is a fault, which the test sees in `faults`. One customer, one chat.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { WebSocketServer } from "ws";

/** What each action takes: `!` is required. */
const ACTIONS = {
  login: ["token!", "customer", "customer_page", "referrer", "is_mobile", "application", "pushes", "since", "customer_side_storage"],
  ping: [],
  list_chats: ["limit", "sort_order", "page_id"],
  list_threads: ["chat_id!", "limit", "sort_order", "page_id"],
  start_chat: ["chat", "active", "continuous"],
  resume_chat: ["chat!", "active", "continuous"],
  deactivate_chat: ["id!"],
  send_event: ["chat_id!", "event!", "attach_to_last_thread"],
  send_rich_message_postback: ["chat_id!", "thread_id!", "event_id!", "postback!"],
  send_sneak_peek: ["chat_id!", "sneak_peek_text!"],
  mark_events_as_seen: ["chat_id!", "seen_up_to!"],
  update_thread_properties: ["chat_id!", "thread_id!", "properties!"],
  update_customer: ["name", "email", "avatar", "phone_number"],
  set_customer_session_fields: ["session_fields!"],
  update_customer_page: ["url!", "title"],
  accept_greeting: ["unique_id!", "greeting_id!"],
  cancel_greeting: ["unique_id!"],
  track: ["name!", "data"],
};

const EVENTS = {
  message: ["type!", "custom_id!", "text!", "postback"],
  file: ["type!", "custom_id!", "url!"],
  filled_form: ["type!", "custom_id!", "form_id!", "fields!", "properties"],
  custom: ["type!", "custom_id!", "content"],
};

class Refusal extends Error {
  constructor(type, message = type, data = undefined) {
    super(message);
    this.body = { error: { type, message, ...(data ? { data } : {}) } };
  }
}

export async function mock({ port = 0, widget = {}, kept = 1000, pages = {}, page = "<!doctype html>" } = {}) {
  const server = new Mock(widget, kept, pages, page);
  await server.listen(port);
  return server;
}

class Mock {
  faults = [];
  seen = [];
  files = new Map();
  customer = { id: "alice-1", type: "customer" };
  chat = null;
  seq = 100;
  log = [];
  clock = Date.parse("2026-05-01T10:00:00Z");
  connections = new Set();
  /** Set by tests: what the network does. */
  sockets = true;
  events = true;
  away = false;
  /** Called with each request before it is done; may throw, or answer "lose" to do it and lose the answer. */
  before = () => {};
  logins = [];
  tokens = 0;

  constructor(widget, kept, pages, page) {
    Object.assign(this, { widget, kept, pages, page });
  }

  async listen(port) {
    this.http = createServer((request, response) => this.web(request, response).catch((error) => {
      this.faults.push(String(error.stack));
      response.writeHead(500).end("{}");
    }));
    const sockets = new WebSocketServer({ noServer: true });
    this.http.on("upgrade", (request, socket, head) => {
      if (this.away || !this.sockets || !request.url.startsWith("/v3.6/customer/rtm/ws?organization_id=org")) return socket.destroy();
      sockets.handleUpgrade(request, socket, head, (open) => this.connect(open));
    });
    await new Promise((resolve) => this.http.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.http.address().port}`;
  }

  close() {
    this.cut();
    this.http.closeAllConnections();
    this.http.close();
  }

  /** Loses every open line. */
  cut() {
    for (const connection of this.connections) connection.cut();
    this.connections.clear();
  }

  now() {
    this.clock = Math.max(this.clock + 1, Date.now());
    return new Date(this.clock).toISOString().replace("Z", "000Z");
  }

  connect(open) {
    const connection = {
      online: false,
      send: (frame) => open.readyState === 1 && open.send(JSON.stringify(frame)),
      cut: () => open.terminate(),
    };
    this.connections.add(connection);
    open.on("close", () => this.connections.delete(connection));
    open.on("error", () => {});
    open.on("message", (data) => {
      const { request_id, action, payload, version, ...rest } = JSON.parse(data);
      if (Object.keys(rest).length > 0 || typeof request_id !== "string" || version !== "3.6") this.faults.push(`frame ${data}`);
      const answer = (success, body) => connection.send({ request_id, action, type: "response", success, payload: body });
      try {
        const order = this.before(action, payload);
        if (!connection.online && !["login", "ping"].includes(action)) throw new Refusal("authentication");
        const body = this.act(action, payload ?? {}, { connection, request_id });
        if (order === "lose") return connection.cut();
        answer(true, body);
        if (action === "login") this.missed(connection, payload.since);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        answer(false, error.body);
      }
    });
  }

  missed(connection, since) {
    connection.online = true;
    if (since === undefined || this.gap(since)) return;
    for (const frame of this.log) if (frame.seq > since) connection.send(frame);
  }

  gap(since) {
    const first = this.log.slice(-this.kept)[0];
    return this.log.length > this.kept && since < first.seq;
  }

  push(action, payload, { connection, request_id } = {}) {
    this.seq += 2;
    const frame = { version: "3.6", action, type: "push", seq: this.seq, payload: structuredClone(payload) };
    this.log.push(frame);
    for (const each of this.connections) {
      if (each.online) each.send(each === connection && request_id ? { ...frame, request_id } : frame);
    }
  }

  pass(action, payload) {
    for (const each of this.connections) if (each.online) each.send({ version: "3.6", action, type: "push", payload });
  }

  check(name, keys, value) {
    const known = keys.map((key) => key.replace("!", ""));
    for (const key of Object.keys(value)) if (!known.includes(key)) this.faults.push(`${name} does not take ${key}`);
    for (const key of keys) {
      if (!key.endsWith("!") || value[key.slice(0, -1)] !== undefined) continue;
      this.faults.push(`${name} needs ${key}`);
      throw new Refusal("validation", `${name} needs ${key}`);
    }
  }

  act(action, payload, from = {}) {
    if (!ACTIONS[action]) {
      this.faults.push(`there is no action ${action}`);
      throw new Refusal("validation");
    }
    this.check(action, ACTIONS[action], payload);
    if (!["ping", "login", "send_sneak_peek"].includes(action)) this.seen.push([action, payload]);
    return this[action](payload, from) ?? {};
  }

  login(payload) {
    if (!this.knows(payload.token)) throw new Refusal("authentication", "Invalid access token");
    this.logins.push(payload);
    return {
      customer: { ...this.customer, statistics: {} },
      has_active_thread: this.last()?.active ?? false,
      chats: this.chat ? [{ chat_id: this.chat.id, has_unread_events: false }] : [],
      seq: this.seq,
      ...(payload.since !== undefined && this.gap(payload.since) ? { gap: true } : {}),
      __priv_dynamic_config: {},
    };
  }

  knows(token) {
    return token === `Bearer token-${this.tokens}`;
  }

  ping() {}

  last() {
    return this.chat?.threads.at(-1);
  }

  list_chats() {
    if (!this.chat) return { chats_summary: [], total_chats: 0 };
    const { id, users, properties } = this.chat;
    const summary = { id, users, properties, active: this.last().active, last_thread_id: this.last().id };
    return { chats_summary: [structuredClone(summary)], total_chats: 1 };
  }

  list_threads({ chat_id, limit = 3, page_id }) {
    this.mine(chat_id);
    const end = page_id === undefined ? this.chat.threads.length : Number(page_id);
    const threads = this.chat.threads.slice(Math.max(0, end - limit), end).reverse();
    return {
      threads: structuredClone(threads),
      found_threads: this.chat.threads.length,
      ...(end > limit ? { next_page_id: String(end - limit) } : {}),
    };
  }

  mine(chat_id) {
    if (chat_id !== this.chat?.id) throw new Refusal("not_found");
  }

  thread({ events = [], properties = {} } = {}) {
    const thread = {
      id: `T${this.chat.threads.length}`, active: true, created_at: this.now(), user_ids: [this.customer.id],
      events: [], properties, access: { group_ids: [0] },
    };
    this.chat.threads.push(thread);
    const made = events.map((event) => this.event(thread, event, this.customer.id));
    return [thread, made.map(({ id }) => id)];
  }

  event(thread, event, author) {
    const image = event.type === "file" ? { name: "file", content_type: this.files.get(event.url)?.type ?? "image/svg+xml" } : {};
    const made = { ...image, ...event, id: `${thread.id}_${thread.events.length + 1}`, created_at: this.now() };
    if (author) made.author_id = author;
    thread.events.push(made);
    const user = this.chat.users.find(({ id }) => id === author);
    if (user) user.events_seen_up_to = made.created_at;
    return made;
  }

  told(chat, thread, from) {
    this.push("incoming_chat", { requester_id: this.customer.id, chat: { id: chat.id, users: chat.users, properties: {}, thread } }, from);
  }

  start_chat({ chat = {} }, from) {
    if (this.chat) throw new Refusal("limit_reached");
    (chat.thread?.events ?? []).forEach((event) => this.good(event));
    this.chat = { id: "C1", users: [{ ...this.customer, present: true }], properties: {}, threads: [] };
    const [thread, event_ids] = this.thread(chat.thread);
    this.told(this.chat, thread, from);
    return { chat_id: "C1", thread_id: thread.id, event_ids };
  }

  resume_chat({ chat }, from) {
    this.mine(chat.id);
    if (this.last().active) throw new Refusal("chat_already_active");
    const said = new Set(this.chat.threads.flatMap(({ events }) => events.map((event) => event.custom_id)));
    if (chat.thread?.events.some(({ custom_id }) => said.has(custom_id))) throw new Refusal("already_exists");
    const [thread, event_ids] = this.thread(chat.thread);
    this.told(this.chat, thread, from);
    return { thread_id: thread.id, event_ids };
  }

  deactivate_chat({ id }, from) {
    this.mine(id);
    this.close_thread(this.customer.id, from);
  }

  close_thread(user_id, from) {
    const thread = this.last();
    if (!thread.active) throw new Refusal("chat_inactive");
    this.says({
      type: "system_message", system_message_type: user_id === this.customer.id ? "manual_archived_customer" : "manual_archived_agent",
      text: "The chat was closed", text_vars: { customer: "Visitor", agent: "Bob" },
    }, null);
    thread.active = false;
    this.push("chat_deactivated", { chat_id: this.chat.id, thread_id: thread.id, user_id }, from);
  }

  good(event) {
    const keys = EVENTS[event.type];
    if (!keys) throw new Refusal("validation", `no event ${event.type}`);
    this.check(event.type, keys, event);
    if (Buffer.byteLength(event.text ?? "") > 16_384) throw new Refusal("validation", "too long");
    if (event.type === "file" && !this.files.has(event.url)) throw new Refusal("validation", "not uploaded");
  }

  send_event({ chat_id, event, attach_to_last_thread }, from) {
    this.mine(chat_id);
    this.good(event);
    const known = this.chat.threads.flatMap(({ events }) => events).find(({ custom_id }) => custom_id === event.custom_id);
    if (known) return { event_id: known.id };
    if (!this.last().active && !attach_to_last_thread) throw new Refusal("chat_inactive");
    const made = this.event(this.last(), event, this.customer.id);
    this.push("incoming_event", { chat_id, thread_id: this.last().id, event: made }, from);
    return { event_id: made.id };
  }

  send_rich_message_postback({ chat_id, thread_id, event_id, postback }) {
    this.mine(chat_id);
    const event = this.chat.threads.flatMap(({ events }) => events).find(({ id }) => id === event_id);
    if (!event) throw new Refusal("not_found");
    for (const button of event.elements.flatMap(({ buttons = [] }) => buttons)) {
      if (button.postback_id === postback.id) button.user_ids = postback.toggled ? [this.customer.id] : [];
    }
    this.push("incoming_rich_message_postback", { user_id: this.customer.id, chat_id, thread_id, event_id, postback });
  }

  send_sneak_peek({ sneak_peek_text }) {
    if (!this.last()?.active) throw new Refusal("chat_inactive");
    this.peeked = sneak_peek_text;
  }

  mark_events_as_seen({ chat_id, seen_up_to }) {
    this.mine(chat_id);
    this.chat.users.find(({ id }) => id === this.customer.id).events_seen_up_to = seen_up_to;
    this.push("events_marked_as_seen", { chat_id, user_id: this.customer.id, seen_up_to });
  }

  update_thread_properties({ chat_id, thread_id, properties }) {
    this.mine(chat_id);
    const thread = this.chat.threads.find(({ id }) => id === thread_id);
    for (const [space, values] of Object.entries(properties)) thread.properties[space] = { ...thread.properties[space], ...values };
    this.push("thread_properties_updated", { chat_id, thread_id, properties });
  }

  update_customer(fields) {
    Object.assign(this.customer, fields);
    this.push("customer_updated", { id: this.customer.id, ...fields });
  }

  set_customer_session_fields() {}
  update_customer_page() {}
  accept_greeting() {}
  cancel_greeting() {}
  track() {}

  // What others do.

  join(user) {
    const joined = { type: "agent", present: true, job_title: "Support", ...user };
    this.chat.users.push(joined);
    this.push("user_added_to_chat", { chat_id: "C1", thread_id: this.last().id, user: joined, reason: "assigned" });
  }

  says(event, author = "bob") {
    const made = this.event(this.last(), typeof event === "string" ? { type: "message", text: event } : event, author);
    this.push("incoming_event", { chat_id: "C1", thread_id: this.last().id, event: made });
    return made;
  }

  // HTTP.

  async web(request, response) {
    if (this.away) return request.socket.destroy();
    const url = new URL(request.url, this.url);
    const body = await new Promise((resolve) => {
      const parts = [];
      request.on("data", (part) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts)));
    });
    const headers = {
      "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization, content-type", "Access-Control-Allow-Methods": "GET, POST",
    };
    const json = (status, value) => response.writeHead(status, { ...headers, "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    const file = this.pages[url.pathname];
    if (file) return response.writeHead(200, { ...headers, "Content-Type": file.type }).end(file.body ?? readFileSync(file.path));
    if (url.pathname === "/") {
      return response.writeHead(200, {
        "Content-Type": "text/html; charset=utf-8",
        // As strict as a page can be: what the widget's guide says, and nothing more.
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws:; img-src 'self' data:; font-src 'self'",
      }).end(this.page);
    }
    if (url.pathname === "/v2/customer/token") {
      const { grant_type, client_id, response_type, organization_id, customer_token, identity, ...rest } = JSON.parse(body);
      if (client_id !== "channel" || response_type !== "token" || organization_id !== "org" || Object.keys(rest).length > 0) this.faults.push(`token ${body}`);
      if (grant_type === "identity") this.customer = { id: `known-${identity}`, type: "customer" };
      else if (customer_token !== undefined && customer_token !== `secret of ${this.customer.id}`) return json(401, { error: { type: "authentication", message: "unknown" } });
      this.tokens += 1;
      return json(200, {
        access_token: `token-${this.tokens}`, entity_id: this.customer.id, expires_in: 28800, organization_id, token_type: "Bearer",
        customer_token: `secret of ${this.customer.id}`,
      });
    }
    if (url.pathname === "/v3.6/customer/action/get_dynamic_configuration") {
      return json(200, { organization_id: "org", livechat_active: true, livechat: { group_id: 0, domain_allowed: true, localization_version: "" }, widget: this.widget });
    }
    const token = request.headers.authorization ?? `Bearer ${url.searchParams.get("token")}`;
    if (!this.knows(token)) return json(401, { error: { type: "authentication", message: "Invalid access token" } });
    const since = url.searchParams.has("since") ? Number(url.searchParams.get("since")) : undefined;
    const began = this.seq;
    if (url.pathname === "/v3.6/customer/rtm/sse") {
      if (!this.events) return;
      response.writeHead(200, { ...headers, "Content-Type": "text/event-stream" });
      const connection = {
        online: false,
        send: (frame) => response.write(`${frame.seq ? `id: ${frame.seq}\n` : ""}data: ${JSON.stringify(frame)}\n\n`),
        cut: () => response.destroy(),
      };
      this.connections.add(connection);
      response.on("close", () => this.connections.delete(connection));
      response.write(`id: ${since ?? began}\n: here\n\n`);
      if (since !== undefined && this.gap(since)) response.write(`id: ${began}\ndata: {"type":"gap"}\n\n`);
      return this.missed(connection, since);
    }
    if (url.pathname === "/v3.6/customer/rtm/poll") {
      if (since === undefined || this.gap(since)) return json(200, { seq: began, gap: since !== undefined, pushes: [] });
      let pushes = [];
      for (let waited = 0; waited < Number(url.searchParams.get("wait")) * 10 && !response.destroyed; waited += 1) {
        pushes = this.log.filter((frame) => frame.seq > since);
        if (pushes.length > 0) break;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      pushes = this.log.filter((frame) => frame.seq > since);
      return json(200, { seq: Math.max(since, this.seq), gap: false, pushes });
    }
    const action = /^\/v3\.6\/customer\/action\/(\w+)$/.exec(url.pathname)?.[1];
    if (action === "upload_file") {
      const type = /Content-Type: (\S+)/i.exec(body.toString("latin1"))?.[1] ?? "";
      const at = `${this.url}/files/${randomUUID()}`;
      this.files.set(at, { type });
      this.pages[new URL(at).pathname] = { type, body: body.subarray(body.indexOf("\r\n\r\n") + 4) };
      return json(200, { url: at });
    }
    try {
      const order = this.before(action, JSON.parse(body));
      const answer = this.act(action, JSON.parse(body));
      if (order === "lose") return request.socket.destroy();
      return json(200, answer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return json(400, error.body);
    }
  }
}

export { Refusal };
