//! `send_event`: something is said in a chat.
//!
//! What makes a second call harmless: the author's `custom_id` is a claim of the same commit; who comes again with the
//! same is told of the first event, and who comes with other content under it is refused.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{
    Author, ChatId, ChatStatus, Customer, Draft, Event, EventId, Holder, NotInControl, Visibility,
};
use tidings_store::Claim;
use tidings_wire::livechat::show;

use super::compose::PRESSED;
use super::{Composed, postback};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::change::{Deciding, Outcome, in_chat_once, turns_move_too_fast, unwritable};
use crate::desk::find::{self, unreadable};
use crate::desk::look::history::Told;
use crate::desk::{Actor, ErrorType, Failure, Who};
use crate::pipeline::before::{self, BeforeError};
use crate::pipeline::scene::Scene;

/// An event that is in its chat.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The event.
    pub event: Arc<Event>,
    /// Whether an earlier call brought it.
    pub replayed: bool,
}

impl Sent {
    /// The answer of `send_event`: the event's name, its thread, and for older versions the whole event.
    pub fn answer(&self, app: &App, actor: &Actor) -> Value {
        let veil = opaque(app, actor.workspace);
        let lens = actor.lens(&veil);
        let name = show::event_name(&self.event);
        json!({
            "event_id": name.map(|name| name.to_string()),
            "thread_id": name.map(|name| name.thread.to_string()),
            "_event": Told::of(&self.event).show(&lens),
        })
    }
}

/// What to do where the chat has no active thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfClosed {
    /// Refuse it.
    #[default]
    Refuse,
    /// Put it into the last thread, which stays closed.
    Attach,
    /// Begin a new thread with it, as version 3.0 does.
    Reopen,
}

/// Says something in a chat.
pub async fn send(
    app: &App,
    actor: &Actor,
    chat: &str,
    composed: &Composed,
    if_closed: IfClosed,
) -> Result<Sent, Failure> {
    let id = find::chat(app, actor, chat).await?.chat.value.id;
    let author = actor.author();
    let claim = composed.custom_id.as_ref().map(|custom_id| custom_claim(id, &author, custom_id));
    let composed = &mark_if_pressed(app, actor, chat, composed).await?;
    let composed = &ask_before(app, actor, chat, composed).await?;
    let decided = in_chat_once(app, actor, chat, None, |deciding| {
        let event = decide(deciding, composed, if_closed)?;
        if let Some(name) = &claim {
            deciding.batch.claims.push(Claim { name: name.clone(), outcome: Some(event) });
        }
        Ok(event)
    })
    .await;
    let refused = match decided {
        Ok(Outcome::Now(done)) => {
            let event = done.events.into_iter().find(|event| event.id == done.value);
            let event = event.ok_or_else(|| Failure::from(ErrorType::Internal))?;
            return Ok(Sent { event, replayed: false });
        }
        Ok(Outcome::Before(first)) => return replay(app, actor, composed, first).await,
        Ok(Outcome::TurnTaken) => turns_move_too_fast(),
        Err(refused) => refused,
    };
    // What was said before stays said, though it might not be allowed any more.
    let before = match &claim {
        Some(claim) => app.store.claim(actor.workspace, claim).await.map_err(unreadable)?,
        None => None,
    };
    match before {
        Some(first) => replay(app, actor, composed, first).await,
        None => Err(refused),
    }
}

/// Behaviors may change or refuse what an agent is about to say.
async fn ask_before(
    app: &App,
    actor: &Actor,
    chat: &str,
    composed: &Composed,
) -> Result<Composed, Failure> {
    let mut asked = composed.clone();
    let author = actor.author();
    let is_seen = composed.visibility == Visibility::All;
    if !is_seen || !before::is_asked(app, actor.workspace, &composed.event_type, &author) {
        return Ok(asked);
    }
    let scene = find::chat(app, actor, chat).await?;
    let words = before::Words { author: &author, scene: &scene };
    let decided = before::of_words(app, actor.workspace, words, &mut asked.data).await;
    match decided {
        Err(BeforeError::Read(error)) => Err(unreadable(error)),
        Err(BeforeError::Commit(error)) => Err(unwritable(app, actor, error).await),
        Ok(Ok(())) => Ok(asked),
        Ok(Err(refused)) => Err(Failure::new(ErrorType::Authorization, refused.reason)
            .with_data(json!({ "reason": "refused_by_behavior" }))),
    }
}

/// The claim of what somebody said in a chat under an id of their own. The same name as where events come in by our own
/// API: the two count as one.
pub fn custom_claim(chat: ChatId, author: &Author, custom_id: &str) -> String {
    format!("custom:{chat}:{}:{}:{custom_id}", author.kind.as_str(), author.id)
}

/// A message that a button wrote after it was pressed is marked: the press has said it already.
async fn mark_if_pressed(
    app: &App,
    actor: &Actor,
    chat: &str,
    composed: &Composed,
) -> Result<Composed, Failure> {
    let mut marked = composed.clone();
    let Some(Value::Object(postback)) = marked.data.get_mut("postback") else { return Ok(marked) };
    let named = |name: &str| postback.get(name).and_then(Value::as_str);
    if let (Who::Customer(_), Some(id), Some(thread), Some(event)) =
        (&actor.who, named("id"), named("thread_id"), named("event_id"))
        && postback::is_pressed(app, actor, chat, thread, event, id).await?
    {
        postback.insert(PRESSED.into(), true.into());
    }
    Ok(marked)
}

fn unmarked(data: &Value) -> Value {
    let mut data = data.clone();
    if let Some(Value::Object(postback)) = data.get_mut("postback") {
        postback.shift_remove(PRESSED);
    }
    data
}

async fn replay(
    app: &App,
    actor: &Actor,
    composed: &Composed,
    first: EventId,
) -> Result<Sent, Failure> {
    let found = app.store.event(actor.workspace, first).await.map_err(unreadable)?;
    let same = found.filter(|event| {
        event.event_type == composed.event_type
            && unmarked(&event.data) == unmarked(&composed.data)
            && event.visibility == composed.visibility
            && event.properties == composed.envelope_properties()
    });
    same.map(|event| Sent { event, replayed: true })
        .ok_or_else(|| Failure::field("event.custom_id", "was used in this chat for another event"))
}

/// Decides one event into the chat; gives its id.
pub fn decide(
    deciding: &mut Deciding<'_>,
    composed: &Composed,
    if_closed: IfClosed,
) -> Result<EventId, Failure> {
    let is_closed = deciding.scene.chat.value.status == ChatStatus::Closed;
    if is_closed && if_closed == IfClosed::Refuse {
        return Err(Failure::from(ErrorType::ChatInactive));
    }
    may_send_in(deciding.actor, deciding.scene, composed.visibility)?;
    if is_closed && if_closed == IfClosed::Reopen {
        let channel = deciding.directory.channel(deciding.scene.chat.value.channel);
        deciding.chat.reopen(channel.and_then(|channel| channel.bot.clone()));
    }
    if let Some(named) = names_of(deciding.actor, composed) {
        introduce(deciding, &named);
    }
    let (event_type, data) = (composed.event_type.as_str(), composed.data.clone());
    let files = tell_files(deciding, composed)?;
    let draft = if composed.is_speech() {
        speak(deciding, event_type, data)?
    } else {
        if composed.visibility == Visibility::All {
            program_obeys(deciding)?;
        }
        deciding.chat.raise(event_type, data)
    };
    draft.visibility = composed.visibility;
    draft.custom_id.clone_from(&composed.custom_id);
    draft.properties = composed.envelope_properties();
    let event = draft.id;
    let chat = deciding.scene.chat.value.id;
    composed.keep_uploads(&mut deciding.batch, files.unwrap_or(event), chat);
    Ok(event)
}

/// Tells of the files of a filled form, in front of the form itself: a file came in, whatever asked for it.
fn tell_files(
    deciding: &mut Deciding<'_>,
    composed: &Composed,
) -> Result<Option<EventId>, Failure> {
    if composed.files.is_empty() {
        return Ok(None);
    }
    let draft = speak(deciding, "chat.file", json!({ "files": composed.files, "source": "form" }))?;
    draft.visibility = composed.visibility;
    Ok(Some(draft.id))
}

/// Who sends must be in the chat, and who only looks on may speak to agents only.
pub(super) fn may_send_in(
    actor: &Actor,
    scene: &Scene,
    visibility: Visibility,
) -> Result<(), Failure> {
    match &actor.who {
        Who::Customer(_) => Ok(()),
        Who::Agent(_) => {
            let member = scene.chat.value.member(&actor.participant());
            let Some(member) = member.filter(|member| member.present) else {
                return Err(Failure::new(ErrorType::Authorization, "you are not in this chat"));
            };
            if member.visibility == Visibility::Agents && visibility == Visibility::All {
                return Err(Failure::new(
                    ErrorType::Authorization,
                    "you only look on in this chat: send with visibility agents",
                ));
            }
            Ok(())
        }
    }
}

/// Speech obeys the lease: a person takes it from bots and queues, or speaks beside the colleague who holds it; a program
/// needs to hold it, or takes it when it is free.
fn speak<'a>(
    deciding: &'a mut Deciding<'_>,
    event_type: &str,
    data: Value,
) -> Result<&'a mut Draft, Failure> {
    match &deciding.actor.who {
        Who::Customer(_) => Ok(deciding.chat.raise(event_type, data)),
        Who::Agent(agent) if agent.bot.is_none() => {
            Ok(deciding.chat.speak_as_person(&agent.id, event_type, data))
        }
        Who::Agent(_) => {
            may_program_speak_in(deciding.actor, deciding.scene)?;
            deciding.chat.speak_as_program(event_type, data).map_err(not_in_control)
        }
    }
}

/// A program's words to the customer obey the lease, also where they are no speech: a system message, an edited text.
/// A person's need not, as a person may take it at any time.
pub(super) fn program_obeys(deciding: &mut Deciding<'_>) -> Result<(), Failure> {
    let is_program = deciding.actor.agent().is_some_and(|agent| agent.bot.is_some());
    if is_program { deciding.chat.obey_lease().map_err(not_in_control) } else { Ok(()) }
}

/// Whether a program that speaks our API may speak to the customer now.
pub(super) fn may_program_speak_in(actor: &Actor, scene: &Scene) -> Result<(), Failure> {
    let Some(agent) = actor.agent().filter(|agent| agent.bot.is_some()) else {
        return Ok(());
    };
    let control = &scene.control.value;
    if matches!(&control.holder, Holder::Agent { id } if *id == agent.id) {
        return Ok(());
    }
    control.lets_speak(&actor.author()).map_err(not_in_control)
}

fn not_in_control(refused: NotInControl) -> Failure {
    Failure::new(ErrorType::Authorization, refused.to_string())
        .with_data(json!({ "reason": "not_in_control", "holder": refused.holder }))
}

/// A name and a mail address that the customer gave in a form before the chat.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    name: Option<String>,
    email: Option<String>,
}

fn names_of(actor: &Actor, composed: &Composed) -> Option<Named> {
    let is_form = composed.event_type.as_str() == "chat.form_filled";
    let form_type = composed.data.get("form_type").and_then(Value::as_str);
    let property = composed.properties.get("lc2", "form_type").and_then(Value::as_str);
    let is_prechat = form_type.or(property) == Some("prechat");
    if !is_form || !is_prechat || !matches!(actor.who, Who::Customer(_)) {
        return None;
    }
    let answer = |kind: &str| {
        let fields = composed.data.get("fields").and_then(Value::as_array)?;
        let field = fields.iter().find(|field| field.get("type").is_some_and(|is| is == kind))?;
        let answer = field.get("answer").and_then(Value::as_str)?.trim();
        (!answer.is_empty()).then(|| answer.to_owned())
    };
    Some(Named { name: answer("name"), email: answer("email") })
}

/// The customer is called from now on what they say.
fn introduce(deciding: &mut Deciding<'_>, named: &Named) {
    let Some(customer) = deciding.chat.after().customer.as_mut() else { return };
    let mut changed: Vec<&str> = Vec::new();
    let Customer { id, name, email, email_verified, .. } = &mut customer.value;
    if let Some(given) = &named.name
        && name.as_ref() != Some(given)
    {
        *name = Some(given.clone());
        changed.push("name");
    }
    if let Some(given) = &named.email
        && email.as_ref() != Some(given)
    {
        *email = Some(given.clone());
        *email_verified = false;
        changed.push("email");
    }
    if changed.is_empty() {
        return;
    }
    let data = json!({ "customer": *id, "changed": changed });
    let draft = deciding.chat.raise("customer.updated", data);
    // It is told of the customer, not in the chat.
    (draft.chat, draft.thread) = (None, None);
    draft.visibility = Visibility::Agents;
}
