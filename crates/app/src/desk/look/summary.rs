//! What a thread was about, in a few sentences, and the whole of it as text: `request_thread_summary`,
//! `get_thread_transcript`.
//!
//! A summary quotes: who wrote how much and when, how it began and how it ended. It is the same for the same thread.

use std::collections::HashMap;

use serde_json::{Value, json};
use tidings_model::{Author, AuthorKind, Chat, Customer, Summary, Visibility};
use tidings_wire::livechat::show::{self, Lens};

use super::history::{self, Told};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::change::in_thread;
use crate::desk::find::{self, unreadable};
use crate::desk::{Actor, ErrorType, Failure, look};
use crate::directory::Directory;

/// How many characters of a text a summary quotes: about two lines.
const QUOTED_CHARS: usize = 160;

/// Writes a summary of a thread. Of a thread that is over there is one; of an active one the last counts.
pub async fn request(app: &App, actor: &Actor, chat: &str, thread: &str) -> Result<(), Failure> {
    let told = Thread::read(app, actor, chat, thread).await?;
    let text = told.digest();
    in_thread(app, actor, chat, thread, |deciding| {
        let is_active = deciding.is_active();
        let now = deciding.clock.now();
        let known = deciding.thread_mut();
        if !is_active && known.summary.is_some() {
            return Err(Failure::new(
                ErrorType::Validation,
                "the thread is over and has its summary",
            ));
        }
        known.summary = Some(Summary { text: text.clone(), updated_at: now });
        let data = json!({ "text": text, "updated_at": now });
        deciding.raise("chat.summarised", data).visibility = Visibility::Agents;
        let details = json!({
            "summary": { "text": text, "status": "ok" }, "requested_by": actor.id(),
        });
        let data = json!({
            "source": "messaging", "subtype": "summary", "version": "1",
            "details": details.to_string(),
        });
        deciding.raise_by_system("chat.system", data).visibility = Visibility::Agents;
        Ok(())
    })
    .await
    .map(drop)
}

/// A thread as text, a line for each event.
pub async fn transcript(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
) -> Result<Value, Failure> {
    let thread = Thread::read(app, actor, chat, thread).await?;
    let veil = opaque(app, actor.workspace);
    let lens = actor.lens(&veil);
    let lines: Vec<String> =
        thread.told.iter().filter_map(|told| thread.line(&lens, told)).collect();
    Ok(json!({
        "chat_id": thread.chat.id.code().as_str(),
        "thread_id": thread.id,
        "transcript": lines.join("\n"),
    }))
}

/// A thread with the names of those who spoke.
struct Thread {
    chat: Chat,
    id: String,
    told: Vec<Told>,
    customer: Option<Customer>,
    directory: std::sync::Arc<Directory>,
}

impl Thread {
    async fn read(app: &App, actor: &Actor, chat: &str, thread: &str) -> Result<Self, Failure> {
        let directory = app
            .directory(actor.workspace)
            .ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
        let scene = find::chat(app, actor, chat).await?;
        let chat = scene.chat.value.clone();
        let thread = find::open_thread(app, actor, &chat, thread).await?.thread().id;
        let told = history::of_thread(app, actor.workspace, chat.id, thread);
        let told = told.await.map_err(unreadable)?;
        let customer = look::customer(app, actor.workspace, &chat).await?;
        Ok(Self { chat, id: thread.code().to_string(), told, customer, directory })
    }

    fn name(&self, author: &Author) -> String {
        match author.kind {
            AuthorKind::Customer => {
                let customer = self.customer.as_ref();
                customer.and_then(|one| one.name.clone()).unwrap_or_else(|| "Customer".into())
            }
            AuthorKind::Agent | AuthorKind::Bot => {
                let agent = author.id.parse().ok().and_then(|id| self.directory.agent_name(&id));
                agent.unwrap_or_else(|| author.id.clone())
            }
            AuthorKind::Integration => author.id.clone(),
            AuthorKind::System => "System".into(),
        }
    }

    /// `2026-11-21 10:00:05 Bob: Hello`; nothing for what was taken back.
    fn line(&self, lens: &Lens<'_>, told: &Told) -> Option<String> {
        if told.deleted {
            return None;
        }
        let shown = told.show(lens)?;
        let time = told.event.received_at.strftime("%Y-%m-%d %H:%M:%S");
        let name = self.name(&told.event.author);
        Some(format!("{time} {name}: {}", text_of(&shown)))
    }

    fn digest(&self) -> String {
        let said: Vec<(&Told, Value)> = self
            .told
            .iter()
            .filter(|told| !told.deleted && told.event.author.kind != AuthorKind::System)
            .filter_map(|told| Some((told, told.show(&Lens::Agent)?)))
            .collect();
        let (Some((first, begin)), Some((last, end))) = (said.first(), said.last()) else {
            return "Nobody wrote anything.".into();
        };
        let mut counts: Vec<(String, usize)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (told, _) in &said {
            let name = self.name(&told.event.author);
            let place = *places.entry(name.clone()).or_insert_with(|| {
                counts.push((name, 0));
                counts.len() - 1
            });
            if let Some((_, count)) = counts.get_mut(place) {
                *count += 1;
            }
        }
        let who: Vec<String> = counts.iter().map(|(name, n)| format!("{name} ({n})")).collect();
        let minutes = last.event.received_at.duration_since(first.event.received_at).as_secs() / 60;
        let span = if minutes > 0 { format!(" in {minutes} min") } else { String::new() };
        let mut text = format!(
            "{} wrote{span}. It began: {}: “{}”",
            who.join(", "),
            self.name(&first.event.author),
            quoted(&text_of(begin)),
        );
        if said.len() > 1 {
            let name = self.name(&last.event.author);
            text.push_str(&format!(" It ended: {name}: “{}”", quoted(&text_of(end))));
        }
        text
    }
}

/// An event as it is shown, in words.
fn text_of(shown: &Value) -> String {
    let text = |name: &str| shown.get(name).and_then(Value::as_str);
    let kind = text("type").unwrap_or_default();
    match kind {
        "message" | "system_message" => text("text").unwrap_or_default().to_owned(),
        "file" => format!("[file {}]", text("name").or_else(|| text("url")).unwrap_or_default()),
        "rich_message" => {
            let elements = shown.get("elements").and_then(Value::as_array);
            let titles =
                elements.into_iter().flatten().filter_map(|one| one.get("title")?.as_str());
            let titles: Vec<&str> = titles.collect();
            format!("[{}]", titles.join(", "))
        }
        _ => format!("[{}]", kind.replace('_', " ")),
    }
}

fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The summary of a thread as its push has it.
pub(in crate::desk) fn shown(text: &str, updated_at: &Value) -> Value {
    let at = updated_at.as_str().and_then(|at| at.parse().ok());
    json!({ "status": "ok", "text": text, "updated_at": at.map_or(Value::Null, show::time) })
}
