//! What a mail about an endpoint says, in plain words: which one, how it is, since when, what its last try said, what to do.

use tidings_mail::Mail;
use tidings_model::{Attempt, Endpoint, HealthState, Timestamp, WorkspaceId};
use url::Url;

use super::Told;

/// How much of an endpoint's description and of an answer is told, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// The mail.
pub(super) fn mail(
    workspace: WorkspaceId,
    endpoint: &Endpoint,
    told: &Told,
    last: Option<&Attempt>,
) -> Mail {
    let host = host(endpoint);
    let (headline, what_to_do) = words(told.state);
    let mut lines = vec![format!("The receiver at {host} {headline}."), String::new()];
    lines.push(format!("Endpoint:  {}", endpoint.id));
    if !endpoint.description.is_empty() {
        lines.push(format!("           {}", one_line(&endpoint.description)));
    }
    lines.push(format!("Host:      {host}"));
    lines.push(format!("Workspace: {workspace}"));
    lines.push(format!("State:     {}, since {}", told.state.as_str(), second(told.since)));
    if let Some(reason) = &told.reason {
        lines.push(format!("Reason:    {}", one_line(reason)));
    }
    lines.push(format!("Last try:  {}", last.map_or_else(|| "none".into(), said)));
    lines.extend([String::new(), what_to_do.into(), String::new()]);
    lines.push("See every try, and what was answered:".into());
    lines.push(format!("  tidings deliveries --endpoint {}", endpoint.id));
    lines.push(String::new());
    Mail {
        id: told.id.to_string(),
        subject: format!("Tidings: the endpoint at {host} is {}", told.state.as_str()),
        text: lines.join("\n"),
    }
}

/// What a state means, and what is to be done.
const fn words(state: HealthState) -> (&'static str, &'static str) {
    match state {
        HealthState::Healthy => (
            "takes deliveries again",
            "Nothing is to be done. What was held meanwhile goes out in order.",
        ),
        HealthState::Degraded => (
            "fails often",
            "Deliveries go on, fewer at a time; what failed is tried again. Look at the receiver if\n\
             this goes on.",
        ),
        HealthState::Paused => (
            "takes nothing",
            "Deliveries are held, and it is only looked whether it is back: nothing is lost. Mend the\n\
             receiver, or its address in the endpoint. What takes nothing for five days is switched\n\
             off.",
        ),
        HealthState::Disabled => (
            "was switched off",
            "Nothing is sent there any more, and what was owed is shown as failed. Mend the receiver,\n\
             then enable the endpoint again (PATCH /api/v1/endpoints/ID with \"enabled\": true); what it\n\
             missed can be sent again by hand.",
        ),
    }
}

/// How a try went.
fn said(attempt: &Attempt) -> String {
    let mut said = format!("{}, ", second(attempt.at));
    match (attempt.status, &attempt.error) {
        (Some(status), _) => said.push_str(&format!("answered {status}")),
        (None, Some(error)) => said.push_str(&one_line(error)),
        (None, None) => said.push_str("no answer"),
    }
    if let Some(code) = &attempt.code {
        said.push_str(&format!(" ({code}"));
        if let Some(part) = &attempt.failed_in {
            said.push_str(&format!(" in {part}"));
        }
        said.push(')');
    }
    said.push_str(&format!(", after {} ms", attempt.duration_ms));
    if let Some(answer) = &attempt.answer {
        said.push_str(&format!("\n           {}", one_line(answer)));
    }
    said
}

/// The host only: the rest of an address may hold a secret.
fn host(endpoint: &Endpoint) -> String {
    let url = Url::parse(&endpoint.url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "an address".into())
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A text of others in one line: it must not look like ours.
fn one_line(text: &str) -> String {
    let plain = |each: char| if each.is_control() { ' ' } else { each };
    text.chars().take(TEXT_CHARS_MAX).map(plain).collect()
}
