//! Cerb's events: what each gives to its behaviors, and where that is in Tidings.
//!
//! This table is the one place that knows the fields of Tidings' events. An event is heard by Cerb's own name, which the
//! catalogue has as an alias.

use crate::write::Kind;

/// How the answer to an event is made, and how its behaviors are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Nobody waits for what its behaviors do.
    Plain,
    /// A conversation: prompts wait for answers.
    Conversation,
    /// A page of prompts.
    Form,
    /// It tells which behavior converses.
    Handler,
    /// A list of interactions is the answer.
    Interactions,
    /// A status, headers and a body are the answer.
    Http,
    /// A number is the answer.
    Metric,
    /// HTML is the answer.
    Widget,
    /// Data is the answer.
    Data,
    /// What an API call gets is the answer.
    Api,
    /// A mail is about to be sent: it may be changed.
    Sending,
    /// A mail is about to be accepted: it may be changed.
    Accepting,
    /// It runs on one record, and others call it.
    Macro,
    /// A schedule.
    Schedule,
}

impl Style {
    /// Whether it is raised before something happens, so that its behaviors decide and do nothing else.
    pub(crate) fn is_before(self) -> bool {
        matches!(self, Self::Sending | Self::Accepting)
    }
}

/// What a prefix of placeholders stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A record of a type of Cerb's, at a path.
    Record { record_type: &'static str, path: &'static str },
    /// The chat.
    Chat,
    /// The message that came or went.
    Message,
    /// The customer.
    Customer,
    /// Who raised the event.
    Author,
    /// The agent whom the event names.
    Agent,
    /// The bot itself.
    Bot,
}

/// An event of Cerb.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) style: Style,
    /// Placeholders by their names, with their paths.
    pub(crate) names: &'static [(&'static str, &'static str, Kind)],
    /// Placeholders by how they begin.
    pub(crate) roots: &'static [(&'static str, Root)],
}

use Kind::{List, Map, Number, Text, Time, Truth, Unknown};

type Names = &'static [(&'static str, &'static str, Kind)];
type Roots = &'static [(&'static str, Root)];

/// What the handler of a conversation knows.
const HANDLER_NAMES: Names = &[
    ("interaction", "event.interaction", Text),
    ("interaction_params", "event.with", Map),
    ("portal_code", "event.channel", Text),
    ("cookie", "event.session", Text),
    ("client_browser", "event.client.browser", Text),
    ("client_browser_version", "event.client.browser_version", Text),
    ("client_ip", "event.client.ip", Text),
    ("client_platform", "event.client.platform", Text),
    ("client_time", "event.client.time", Text),
    ("client_url", "event.client.url", Text),
];

/// What a conversation knows.
const CHAT_NAMES: Names = &[
    ("interaction", "event.interaction", Text),
    ("interaction_params", "event.with", Map),
    ("interaction_behavior_id", "event.behavior", Text),
    ("interaction_bot_name", "event.bot_name", Text),
    ("interaction_bot_image", "event.bot_image", Text),
    ("portal_code", "event.channel", Text),
    ("cookie", "event.session", Text),
    ("client_browser", "event.client.browser", Text),
    ("client_browser_version", "event.client.browser_version", Text),
    ("client_ip", "event.client.ip", Text),
    ("client_platform", "event.client.platform", Text),
    ("client_time", "event.client.time", Text),
    ("client_url", "event.client.url", Text),
];

/// What a form knows.
const FORM_NAMES: Names = &[
    ("interaction", "event.form", Text),
    ("interaction_params", "event.with", Map),
    ("cookie", "event.session", Text),
    ("client_browser", "event.client.browser", Text),
    ("client_browser_version", "event.client.browser_version", Text),
    ("client_ip", "event.client.ip", Text),
    ("client_platform", "event.client.platform", Text),
];

/// What a widget that a bot draws knows of itself.
const WIDGET_NAMES: Names = &[
    ("widget_id", "event.widget.id", Text),
    ("widget__label", "event.widget.name", Text),
    ("widget_label", "event.widget.name", Text),
    ("widget_extension_id", "event.widget.kind", Text),
    ("widget_params", "event.widget.parameters", Map),
    ("widget_tab_id", "event.widget.dashboard", Text),
    ("widget_tab__label", "event.widget.dashboard", Text),
    ("widget_tab_name", "event.widget.dashboard", Text),
];

const MESSAGE_ROOTS: Roots = &[
    ("ticket_", Root::Chat),
    ("group_", Root::Record { record_type: "group", path: "chat.group" }),
    ("sender_worker_", Root::Author),
    ("current_worker_", Root::Author),
    ("sender_", Root::Customer),
    ("", Root::Message),
];

const MESSAGE_NAMES: Names = &[
    ("sender_is_worker", "meta.author.kind == 'agent'", Truth),
    ("ticket_has_owner", "chat.assignee is not empty", Truth),
    ("is_outgoing", "meta.author.kind != 'customer'", Truth),
    ("headers", "meta.properties.mail.headers", Map),
];

/// A mail of ours: whoever sent it raised the event.
const SENT_ROOTS: Roots = &[
    ("ticket_", Root::Chat),
    ("group_", Root::Record { record_type: "group", path: "chat.group" }),
    ("sender_worker_", Root::Author),
    ("sender_", Root::Author),
    ("", Root::Message),
];

const SENT_NAMES: Names = &[
    ("is_first", "event.is_first", Truth),
    ("sender_is_worker", "meta.author.kind == 'agent'", Truth),
    ("ticket_has_owner", "chat.assignee is not empty", Truth),
    ("is_outgoing", "meta.author.kind != 'customer'", Truth),
];

/// A message that a macro runs on: all of it is in the record.
const STORED_ROOTS: Roots = &[
    ("ticket_", Root::Chat),
    ("group_", Root::Record { record_type: "group", path: "chat.group" }),
    ("", Root::Message),
];

/// An answer that is being written: the message that is answered is told by its id only.
const REPLY_ROOTS: Roots = &[
    ("ticket_", Root::Chat),
    ("group_", Root::Record { record_type: "group", path: "chat.group" }),
    ("current_worker_", Root::Agent),
    ("sender_", Root::Customer),
];

const REPLY_NAMES: Names = &[
    ("id", "event.message", Text),
    ("_label", "event.message", Text),
    ("is_first", "event.is_first", Truth),
    ("ticket_has_owner", "chat.assignee is not empty", Truth),
];

const TICKET_ROOTS: Roots = &[
    ("ticket_", Root::Chat),
    ("group_", Root::Record { record_type: "group", path: "chat.group" }),
];

const TICKET_NAMES: Names = &[("ticket_has_owner", "chat.assignee is not empty", Truth)];

const SENDING_NAMES: Names = &[
    ("to", "event.to | join(', ')", Text),
    ("cc", "event.cc | join(', ')", Text),
    ("bcc", "event.bcc | join(', ')", Text),
    ("subject", "event.subject", Text),
    ("content", "event.text", Text),
    ("headers", "event.headers", Map),
    ("message_id", "event.headers['message-id']", Text),
    ("send_at", "event.send_at", Time),
    ("status_id", STATUS_ID, Number),
    ("ticket_has_owner", "chat.assignee is not empty", Truth),
];

/// Cerb's number for what becomes of the chat.
const STATUS_ID: &str =
    "2 if event.status == 'closed' else (1 if event.status == 'waiting' else 0)";

const ACCEPTING_NAMES: Names = &[
    ("headers", "event.headers", Map),
    ("subject", "event.subject", Text),
    ("body", "event.text", Text),
    ("body_html", "event.html", Text),
    ("encoding", "event.encoding", Text),
    ("recipients", "event.to", List),
    ("attachments", "event.attachments", List),
    ("attachment_count", "event.attachments | length", Number),
    ("is_new", "event.is_new", Truth),
    ("sender_is_worker", "event.from_agent", Truth),
    ("sender_address", "event.from", Text),
    ("sender__label", "event.from", Text),
    ("parent_ticket_id", "event.chat", Text),
];

/// Cerb gives the body as the text that came; in Tidings it is parsed where it is JSON.
const HTTP_BODY: &str =
    "event.body if event.body is string or event.body is none else event.body | json";

const HTTP_NAMES: Names = &[
    ("http_verb", "event.method", Text),
    ("http_path", "event.path", Text),
    ("http_params", "event.query", Map),
    ("http_headers", "event.headers", Map),
    ("http_body", HTTP_BODY, Text),
    ("http_client_ip", "event.client_ip", Text),
];

const ACTOR_NAMES: Names = &[
    ("actor__context", "meta.author.kind", Text),
    ("actor__label", "meta.author.id", Text),
    ("actor_id", "meta.author.id", Unknown),
    ("actor_url", "meta.author.id", Text),
];

/// An issue of JIRA, and a comment on it.
const JIRA_NAMES: Names = &[
    ("issue__label", "event.issue.summary", Text),
    ("issue_id", "event.issue.id", Unknown),
    ("issue_jira_id", "event.issue.id", Unknown),
    ("issue_jira_key", "event.issue.key", Text),
    ("issue_jira_type", "event.issue.type", Text),
    ("issue_jira_status", "event.issue.status", Text),
    ("issue_summary", "event.issue.summary", Text),
    ("issue_description", "event.issue.description", Text),
    ("issue_record_url", "event.issue.url", Text),
    ("issue_url", "event.issue.url", Text),
    ("issue_project__label", "event.issue.project", Text),
    ("issue_project_jira_key", "event.issue.project", Text),
    ("issue_comment_id", "event.comment.id", Unknown),
    ("issue_comment_author", "event.comment.author", Text),
    ("issue_comment_body", "event.comment.text", Text),
    ("issue_comment_created", "event.comment.created_at", Time),
];

/// Those of an issue without a comment.
const ISSUE_NAMES: Names = JIRA_NAMES.split_at(12).0;

/// What a comment says, on a chat as on another record.
const NOTE_NAMES: Names = &[
    ("ticket_has_owner", "chat.assignee is not empty", Truth),
    ("comment__label", "event.text", Text),
    ("comment_comment", "event.text", Text),
    ("comment_created", "meta.time", Time),
    ("comment_id", "meta.id", Text),
    ("comment_author__context", "meta.author.kind", Text),
    ("comment_author__label", "meta.author.id", Text),
    ("comment_author_id", "meta.author.id", Text),
];

const COMMENT_NAMES: Names = &[
    ("comment__label", "event.text", Text),
    ("comment_comment", "event.text", Text),
    ("comment_created", "meta.time", Time),
    ("comment_id", "event.comment", Text),
    ("comment_target__context", "event.record_type", Text),
    ("comment_target_id", "event.id", Text),
    ("comment_author__context", "meta.author.kind", Text),
    ("comment_author__label", "meta.author.id", Text),
    ("comment_author_id", "meta.author.id", Text),
];

const NOTIFICATION_NAMES: Names = &[
    ("_label", "event.text", Text),
    ("message", "event.text", Text),
    ("message_html", "event.text", Text),
    ("url", "event.link", Text),
    ("created", "meta.time", Time),
    ("id", "meta.id", Text),
];

const NOTHING: Event = Event { style: Style::Plain, names: &[], roots: &[] };

/// The macros: what their ids end with, the record type that they run on, and the prefix of its placeholders.
const MACROS: [(&str, &str, Roots); 23] = {
    macro_rules! on {
        ($id:literal, $record:literal, $prefix:literal) => {
            (
                $id,
                $record,
                &[($prefix, Root::Record { record_type: $record, path: "event.record" })] as Roots,
            )
        };
    }
    [
        ("bot", "bot", &[("va_", Root::Bot)]),
        on!("calendar_event", "calendar_event", "event_"),
        on!("calendar", "calendar", "calendar_"),
        on!("call", "call", "call_"),
        on!("contact", "contact", "contact_"),
        on!("domain", "domain", "domain_"),
        on!("address", "address", "email_"),
        on!("feeditem", "feed_item", "item_"),
        on!("group", "group", "group_"),
        on!("kb_article", "kb_article", "article_"),
        ("message", "message", STORED_ROOTS),
        on!("notification", "notification", "notification_"),
        on!("crm.opportunity", "opportunity", "opp_"),
        on!("org", "org", "org_"),
        on!("reminder", "reminder", "reminder_"),
        on!("sensor", "sensor", "sensor_"),
        on!("server", "server", "server_"),
        on!("task", "task", "task_"),
        ("ticket", "ticket", TICKET_ROOTS),
        on!("timetracking", "time_entry", "time_"),
        on!("worker", "worker", "worker_"),
        on!("jira_issue", "jira_issue", "issue_"),
        on!("jira_project", "jira_project", "project_"),
    ]
};

/// What is known of an event; `None` for one that Cerb's own releases do not have.
pub(crate) fn event(id: &str) -> Option<Event> {
    if let Some(name) = id.strip_prefix("event.macro.") {
        if name.starts_with("custom_record.") {
            let roots: Roots =
                &[("record_", Root::Record { record_type: "?", path: "event.record" })];
            return Some(Event { style: Style::Macro, names: &[], roots });
        }
        let (_, record, roots) = MACROS.into_iter().find(|(known, ..)| *known == name)?;
        return Some(Event { style: Style::Macro, names: macro_names(record), roots });
    }
    let plain = |names, roots| Event { style: Style::Plain, names, roots };
    let of = |style, names, roots| Event { style, names, roots };
    Some(match id {
        "event.interaction.chat.portal" => of(Style::Handler, HANDLER_NAMES, &[]),
        "event.interaction.chat.worker" => {
            of(Style::Handler, HANDLER_NAMES, &[("worker_", Root::Agent)])
        }
        "event.message.chat.portal" => of(Style::Conversation, CHAT_NAMES, &[]),
        "event.message.chat.worker" => {
            of(Style::Conversation, CHAT_NAMES, &[("worker_", Root::Agent)])
        }
        "event.form.interaction.worker" => of(Style::Form, FORM_NAMES, &[("worker_", Root::Agent)]),
        "event.interactions.get.worker" => of(
            Style::Interactions,
            &[("point", "event.point", Text), ("point_params", "event.with", Map)],
            &[
                ("worker_", Root::Agent),
                ("point_params_", Root::Record { record_type: "?", path: "event.with" }),
            ],
        ),
        "event.dashboard.widget.get_metric" => {
            of(Style::Metric, &[("widget", "event.widget", Map)], &[])
        }
        "event.dashboard.widget.render" => of(
            Style::Widget,
            WIDGET_NAMES,
            &[
                (
                    "widget_params_",
                    Root::Record { record_type: "?", path: "event.widget.parameters" },
                ),
                ("worker_", Root::Agent),
            ],
        ),
        "event.data.query.datasource" => {
            of(Style::Data, &[("query_format", "event.format", Text)], &[])
        }
        "event.api.custom_request" => of(Style::Api, &[], &[("va_", Root::Bot)]),
        "event.mail.after.sent" | "event.mail.after.sent.group" => plain(SENT_NAMES, SENT_ROOTS),
        "event.mail.received" | "event.mail.received.group" | "event.mail.received.watcher" => {
            plain(MESSAGE_NAMES, MESSAGE_ROOTS)
        }
        "event.mail.reply.pre.ui.worker" | "event.mail.reply.during.ui.worker" => {
            plain(REPLY_NAMES, REPLY_ROOTS)
        }
        "event.mail.compose.pre.ui.worker" => {
            plain(&[("scope.group_id", "event.group", Text)], &[("current_worker_", Root::Agent)])
        }
        "event.mail.before.sent" | "event.mail.sent.group" => of(
            Style::Sending,
            SENDING_NAMES,
            &[
                ("ticket_", Root::Chat),
                ("group_", Root::Record { record_type: "group", path: "event.group" }),
                ("worker_", Root::Agent),
            ],
        ),
        "event.mail.received.app" => of(
            Style::Accepting,
            ACCEPTING_NAMES,
            &[("routing_group_", Root::Record { record_type: "group", path: "event.group" })],
        ),
        "event.ticket.viewed.worker"
        | "event.mail.assigned.group"
        | "event.mail.closed.group"
        | "event.mail.moved.group" => plain(TICKET_NAMES, TICKET_ROOTS),
        "event.comment.ticket.group" => plain(NOTE_NAMES, TICKET_ROOTS),
        "event.notification.received.worker" => {
            plain(NOTIFICATION_NAMES, &[("assignee_", Root::Agent)])
        }
        "event.contact.registered.sc" => plain(
            &[
                ("contact_id", "event.customer", Text),
                ("contact_name", "event.name", Text),
                ("contact__label", "event.name", Text),
                ("contact_email_address", "event.email", Text),
                ("contact_email__label", "event.email", Text),
            ],
            &[("contact_", Root::Customer)],
        ),
        "event.comment.created.worker" => plain(COMMENT_NAMES, &[]),
        "event.record.changed" => plain(ACTOR_NAMES, &[]),
        "event.ui.card.editor.opened.worker" => plain(
            &[("record__context", "event.record_type", Text), ("record_id", "event.id", Unknown)],
            &[
                ("worker_", Root::Agent),
                ("record_", Root::Record { record_type: "?", path: "event.record" }),
            ],
        ),
        "event.ui.worklist.render.worker" => plain(
            &[("context", "event.record_type", Text), ("view_id", "event.worklist", Text)],
            &[("worker_", Root::Agent)],
        ),
        "event.task.created.worker" => {
            plain(&[], &[("task_", Root::Record { record_type: "task", path: "event.record" })])
        }
        "event.behavior.recurrent" => of(Style::Schedule, &[], &[]),
        "event.ajax.request" => {
            of(Style::Http, HTTP_NAMES, &[("current_worker_", Root::Agent), ("bot_", Root::Bot)])
        }
        "event.webhook.received" => of(Style::Http, HTTP_NAMES, &[("va_", Root::Bot)]),
        "wgmjira.event.issue.created" | "wgmjira.event.issue.status.changed" => {
            plain(ISSUE_NAMES, &[])
        }
        "wgmjira.event.issue.commented" => plain(JIRA_NAMES, &[]),
        _ => return None,
    })
}

/// What is known beside the record that a macro runs on.
fn macro_names(record: &str) -> Names {
    if ["ticket", "message"].contains(&record) { TICKET_NAMES } else { &[] }
}

/// An event of which nothing is known.
pub(crate) const UNKNOWN: Event = NOTHING;

/// A branch that does not say which event it is for: what stands in it is what it may stand for in any.
pub(crate) const ANY: Event = Event {
    style: Style::Conversation,
    names: CHAT_NAMES,
    roots: &[
        ("ticket_", Root::Chat),
        ("group_", Root::Record { record_type: "group", path: "chat.group" }),
        ("sender_", Root::Customer),
        ("worker_", Root::Agent),
        ("va_", Root::Bot),
        ("task_", Root::Record { record_type: "task", path: "event.record" }),
        ("org_", Root::Record { record_type: "org", path: "event.record" }),
        ("contact_", Root::Record { record_type: "contact", path: "event.record" }),
        ("email_", Root::Record { record_type: "address", path: "event.record" }),
        ("reminder_", Root::Record { record_type: "reminder", path: "event.record" }),
        ("opp_", Root::Record { record_type: "opportunity", path: "event.record" }),
    ],
};

/// The macro of a record type, by which a behavior on changed records names what it sees.
pub(crate) fn macro_of(record_type: &str) -> Option<(&'static str, Roots)> {
    let (_, record, roots) = MACROS.into_iter().find(|(_, known, _)| *known == record_type)?;
    Some((record, roots))
}

/// What a placeholder behind the prefix of a root is: a path or an expression.
pub(crate) fn chat_member(rest: &str, in_message: bool) -> Option<(&'static str, Kind)> {
    Some(match rest {
        "id" | "mask" => ("chat.id", Text),
        "subject" | "_label" if in_message => ("event.subject", Text),
        "subject" | "_label" => ("chat.subject", Text),
        "status" => ("chat.status", Text),
        "group_id" | "group_name" | "group__label" => ("chat.group", Text),
        "bucket_id" | "bucket_name" | "bucket__label" => ("chat.bucket", Text),
        "owner_id"
        | "owner__label"
        | "owner_full_name"
        | "owner_name"
        | "owner_address_address"
        | "owner_address"
        | "owner_at_mention_name" => ("chat.assignee", Text),
        "importance" => ("chat.importance", Number),
        "org_id" | "org_name" | "org__label" => ("chat.org", Text),
        "reopen_date" => ("chat.reopen_date", Time),
        "spam_score" => ("chat.spam_score", Number),
        "spam_training" => ("chat.spam_training", Text),
        "requester_emails" => ("customer.email", Text),
        "latest_message_content" | "initial_message_content" if in_message => ("event.text", Text),
        _ => return None,
    })
}

/// The same for the customer.
pub(crate) fn customer_member(rest: &str) -> Option<(&'static str, Kind)> {
    Some(match rest.strip_prefix("contact_").unwrap_or(rest) {
        "id" => ("customer.id", Text),
        "_label" | "name" | "full_name" => ("customer.name", Text),
        "first_name" => ("customer.name | split(' ', 1) | first", Text),
        "last_name" => ("customer.name | split(' ', 1) | last", Text),
        "language" => ("customer.language", Text),
        "address" | "email_address" | "email" => ("customer.email", Text),
        _ => return None,
    })
}

/// The same for a message.
pub(crate) fn message_member(rest: &str) -> Option<(&'static str, Kind)> {
    Some(match rest {
        "content" | "content_html" => ("event.text", Text),
        "id" | "_label" => ("meta.id", Text),
        "created" => ("meta.time", Time),
        "subject" => ("event.subject", Text),
        "worker_id" | "worker__label" | "worker_address_address" => ("meta.author.id", Text),
        _ => return None,
    })
}

/// The same for whoever raised the event.
pub(crate) fn author_member(rest: &str) -> Option<(&'static str, Kind)> {
    Some(match rest {
        "id" | "_label" | "full_name" | "address_address" | "address" | "at_mention_name"
        | "address__label" => ("meta.author.id", Text),
        "first_name" => {
            ("meta.author.id | split('@') | first | split('.') | first | capitalize", Text)
        }
        "_context" => ("meta.author.kind", Text),
        _ => return None,
    })
}

/// The same for the agent whom the event names, who is called by an address of mail.
pub(crate) fn agent_member(rest: &str) -> Option<(&'static str, Kind)> {
    Some(match rest {
        "id" | "_label" | "full_name" | "address_address" | "address" | "at_mention_name"
        | "address__label" => ("event.agent", Text),
        // Nothing tells the name itself.
        "first_name" => {
            ("event.agent | split('@') | first | split('.') | first | capitalize", Text)
        }
        _ => return None,
    })
}
