//! The files of the vocabulary that the binary carries, in the order of their names.
//!
//! Written out instead of found, so that a new file cannot be forgotten by an incremental build; a test compares this
//! list with the folder.

/// Each file by name, with its text.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("agent.toml", include_str!("../../../catalogue/agent.toml")),
    ("auto_access.toml", include_str!("../../../catalogue/auto_access.toml")),
    ("behavior.toml", include_str!("../../../catalogue/behavior.toml")),
    ("bot.toml", include_str!("../../../catalogue/bot.toml")),
    ("call.toml", include_str!("../../../catalogue/call.toml")),
    ("canned_response.toml", include_str!("../../../catalogue/canned_response.toml")),
    ("channel.toml", include_str!("../../../catalogue/channel.toml")),
    ("chat.toml", include_str!("../../../catalogue/chat.toml")),
    ("client.toml", include_str!("../../../catalogue/client.toml")),
    ("control.toml", include_str!("../../../catalogue/control.toml")),
    ("customer.toml", include_str!("../../../catalogue/customer.toml")),
    ("endpoint.toml", include_str!("../../../catalogue/endpoint.toml")),
    ("greeting.toml", include_str!("../../../catalogue/greeting.toml")),
    ("group.toml", include_str!("../../../catalogue/group.toml")),
    ("handoff.toml", include_str!("../../../catalogue/handoff.toml")),
    ("message.toml", include_str!("../../../catalogue/message.toml")),
    ("nlu.toml", include_str!("../../../catalogue/nlu.toml")),
    ("note.toml", include_str!("../../../catalogue/note.toml")),
    ("payment.toml", include_str!("../../../catalogue/payment.toml")),
    ("property.toml", include_str!("../../../catalogue/property.toml")),
    ("routing.toml", include_str!("../../../catalogue/routing.toml")),
    ("schedule.toml", include_str!("../../../catalogue/schedule.toml")),
    ("session.toml", include_str!("../../../catalogue/session.toml")),
    ("tag.toml", include_str!("../../../catalogue/tag.toml")),
    ("webhook.toml", include_str!("../../../catalogue/webhook.toml")),
    ("workspace.toml", include_str!("../../../catalogue/workspace.toml")),
];
