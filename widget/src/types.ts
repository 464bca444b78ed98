// What goes over the wire, as the Customer Chat API 3.6 has it, and the widget's settings, which are ours.
// docs/how-to/put-the-widget-on-a-page.md describes the settings for who writes them.

export type Properties = Record<string, Record<string, unknown>>;

export interface User {
  id: string;
  type: "agent" | "customer";
  name?: string;
  email?: string;
  avatar?: string;
  job_title?: string;
  present?: boolean;
  is_bot?: boolean;
  events_seen_up_to?: string;
}

export interface FieldOption {
  id: string | number;
  label: string;
  group_id?: number;
}

/** What a bot's question wants; ours, beside the API's own types of fields. */
export interface Input {
  kind: string;
  min?: number;
  max?: number;
  step?: number;
  from?: string;
  until?: string;
  range?: boolean;
  choices?: { text: string; value: string; image?: string }[];
  accept?: string[];
  count_max?: number;
}

export interface Field {
  type: string;
  id?: string;
  label: string;
  required?: boolean;
  options?: FieldOption[];
  input?: Input;
  comment_label?: string;
  answer?: unknown;
  answers?: unknown[];
}

export interface Form {
  id: string;
  title?: string;
  text?: string;
  fields: Field[];
}

export interface Image {
  url: string;
  name?: string;
  width?: number;
  height?: number;
  alternative_text?: string;
}

export interface Button {
  text: string;
  type?: string;
  value?: string;
  postback_id?: string;
  user_ids?: string[];
  webview_height?: string;
  target?: string;
}

export interface Element {
  title?: string;
  subtitle?: string;
  image?: Image;
  buttons?: Button[];
}

/** An event of a thread. Which fields are there depends on `type`. */
export interface ChatEvent {
  id: string;
  type: string;
  custom_id?: string;
  author_id?: string;
  created_at: string;
  properties?: Properties;
  text?: string;
  text_vars?: Record<string, string>;
  system_message_type?: string;
  name?: string;
  url?: string;
  content_type?: string;
  size?: number;
  width?: number;
  height?: number;
  thumbnail_url?: string;
  thumbnail2x_url?: string;
  alternative_text?: string;
  form_id?: string;
  form_type?: string;
  fields?: Field[];
  template_id?: string;
  elements?: Element[];
  content?: Record<string, unknown>;
  postback?: Record<string, unknown>;
}

/** An event as it is sent: the server adds id, author and time. */
export type NewEvent = Omit<ChatEvent, "id" | "created_at" | "author_id">;

export interface Queue {
  position: number;
  wait_time?: number;
  queued_at?: string;
}

export interface WireThread {
  id: string;
  active: boolean;
  created_at: string;
  user_ids?: string[];
  events?: ChatEvent[];
  restricted_access?: string;
  properties?: Properties;
  queue?: Queue;
}

export interface WireChat {
  id: string;
  users?: User[];
  thread?: WireThread;
  properties?: Properties;
}

export interface ChatSummary {
  id: string;
  active?: boolean;
  last_thread_id?: string;
  users?: User[];
  properties?: Properties;
}

export interface Customer {
  id: string;
  name?: string;
  email?: string;
  avatar?: string;
  session_fields?: Record<string, string>[];
}

export interface Greeting {
  id: string | number;
  unique_id: string;
  accepted?: boolean;
  event: ChatEvent;
  agent?: User;
}

export interface LoginAnswer {
  customer: Customer;
  has_active_thread?: boolean;
  chats?: { chat_id: string; has_unread_events?: boolean }[];
  greeting?: Greeting;
  seq?: number;
  gap?: boolean;
}

export interface Fault {
  type: string;
  message: string;
  data?: Record<string, unknown>;
}

/** One frame of the server: the answer to a request, or a push. */
export interface Frame {
  type: "response" | "push";
  action: string;
  request_id?: string;
  success?: boolean;
  seq?: number;
  // Its parts are looked at where they are read, in state.ts.
  payload?: any;
}

export interface GreetingRule {
  id: string;
  /** Its number at the server, which counts how many take it up; one of the channel's settings has none. */
  number?: number;
  when: { url?: string; referrer?: string; seconds?: number };
  text?: string;
  rich?: { template_id: string; elements: Element[] };
}

/** The widget's settings, made whole by settings.ts. */
export interface Settings {
  title: string;
  subtitle: string;
  color: string;
  theme: "light" | "dark" | "auto";
  position: "right" | "left";
  launcher: { text: string; hidden: boolean };
  language: string;
  avatar: string;
  sound: boolean;
  rating: boolean;
  transcript: boolean;
  files: boolean;
  online: boolean;
  /** Whether a bot answers, so that somebody always does. */
  bot: boolean;
  /** Whether the server has greetings that only it can choose: it must be told of the pages. */
  connect: boolean;
  forms: { prechat: Form | null; postchat: Form | null; offline: Form | null };
  greetings: GreetingRule[];
  texts: Record<string, string>;
}
