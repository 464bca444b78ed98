//! Changes of one chat, gathered until they are committed together: what is said, labels, notes, who holds the lease.
//!
//! Pure. Bots' effects ([`super::enact`]), agents and the API ([`crate::admin::chats`]) change a chat only through this,
//! so each change raises the same events whoever makes it. The batch expects every version that was seen.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_model::{
    AgentId, Author, AuthorKind, BotName, ChatStatus, Clock, Control, Draft, Event, EventId,
    GroupName, Holder, Member, NotInControl, Participant, ThreadId, Timestamp, TypeName,
    Visibility, WorkspaceId,
};
use tidings_store::{Batch, Delete, DocKey, Expect, Kind, TimerChange, TimerName};

use super::scene::{Scene, free};
use super::written::{left_behind, put_chat, put_customer, put_past_thread, to_value};
use crate::desk::snooze;

/// Changes of one chat that are not committed yet.
pub struct ChatChange<'a> {
    workspace: WorkspaceId,
    before: &'a Scene,
    after: Scene,
    author: Author,
    cause: Option<&'a Event>,
    now: Timestamp,
    clock: &'a dyn Clock,
    events: Vec<Draft>,
    spoke: bool,
    obeyed: bool,
}

/// The events beside speech by which words reach the customer. They take no lease, and obey it all the same.
const WORDS: [&str; 4] =
    ["chat.system_message", "chat.system", "chat.form_filled", "chat.event_edited"];

/// What beside speech says something to who reads along.
const SAID_OTHERWISE: [&str; 3] = ["chat.command", "chat.form_filled", "chat.unknown_message"];

/// Whether an event says something, whoever its author is.
pub(crate) fn are_words(event_type: &TypeName) -> bool {
    event_type.is_speech() || SAID_OTHERWISE.contains(&event_type.as_str())
}

impl<'a> ChatChange<'a> {
    /// Begins a change by somebody; `cause` is the event that led to it.
    pub fn begin(
        workspace: WorkspaceId,
        scene: &'a Scene,
        author: Author,
        cause: Option<&'a Event>,
        clock: &'a dyn Clock,
    ) -> Self {
        let now = clock.now();
        Self {
            workspace,
            before: scene,
            after: scene.clone(),
            author,
            cause,
            now,
            clock,
            events: Vec::new(),
            spoke: false,
            obeyed: false,
        }
    }

    /// The scene as it will be.
    pub fn after(&mut self) -> &mut Scene {
        &mut self.after
    }

    /// The author says something to the customer: they hold the lease, or it is free and they take it.
    pub fn speak(&mut self, event_type: &str, data: Value) -> Result<&mut Draft, NotInControl> {
        self.after.control.value.lets_speak(&self.author)?;
        self.spoke = true;
        if self.after.control.value.holder == Holder::Nobody
            && let Some(holder) = as_holder(&self.author)
        {
            self.move_control(holder, "spoke first".into());
        }
        Ok(self.raise(event_type, data))
    }

    /// The author raises an event that the customer may see, of whatever type: who speaks needs the lease or takes it, and
    /// other words than speech obey it.
    pub fn utter(
        &mut self,
        event_type: &TypeName,
        data: Value,
    ) -> Result<&mut Draft, NotInControl> {
        if event_type.is_speech() {
            return self.speak(event_type.as_str(), data);
        }
        if WORDS.contains(&event_type.as_str()) {
            self.obey_lease()?;
        }
        Ok(self.raise_by(self.author.clone(), event_type.clone(), data))
    }

    /// Refuses unless the author may speak to the customer now; the change stands only while that is so.
    pub fn obey_lease(&mut self) -> Result<(), NotInControl> {
        self.obeyed = true;
        let held = &self.after.control.value;
        let is_own = matches!(&held.holder, Holder::Agent { id } if id.as_str() == self.author.id);
        if is_own { Ok(()) } else { held.lets_speak(&self.author) }
    }

    /// An agent who is a person says something to the customer. They take the lease from a bot, a queue or nobody; with a
    /// colleague who holds it they speak beside them.
    pub fn speak_as_person(
        &mut self,
        agent: &AgentId,
        event_type: &str,
        data: Value,
    ) -> &mut Draft {
        self.spoke = true;
        match &self.after.control.value.holder {
            Holder::Agent { .. } => {}
            Holder::Bot { .. } | Holder::Queue { .. } | Holder::Nobody => {
                self.give_to_agent(agent.clone(), "spoke".into());
            }
        }
        self.raise(event_type, data)
    }

    /// A program that speaks our API says something to the customer: as [`ChatChange::speak`], also where the lease is
    /// its own as an agent.
    pub fn speak_as_program(
        &mut self,
        event_type: &str,
        data: Value,
    ) -> Result<&mut Draft, NotInControl> {
        let holder = &self.after.control.value.holder;
        if matches!(holder, Holder::Agent { id } if id.as_str() == self.author.id) {
            self.spoke = true;
            return Ok(self.raise(event_type, data));
        }
        self.speak(event_type, data)
    }

    /// Raises an event in the chat, by the author.
    pub fn raise(&mut self, event_type: &str, data: Value) -> &mut Draft {
        let name = event_type
            .parse()
            .expect("the types raised here are written in this crate, and are good names");
        let author = self.author.clone();
        self.raise_by(author, name, data)
    }

    /// Raises an event in the chat, by another author.
    pub fn raise_by(&mut self, author: Author, event_type: TypeName, data: Value) -> &mut Draft {
        let id = EventId::new(self.clock.next_id());
        let mut draft = Draft::new(id, event_type, self.workspace, self.now, data);
        let chat = &self.after.chat.value;
        draft.channel = Some(chat.channel);
        draft.chat = Some(chat.id);
        draft.thread = Some(chat.thread.id);
        draft.author = author;
        if let Some(cause) = self.cause {
            draft = draft.caused_by(cause);
        }
        self.events.push(draft);
        self.events.last_mut().expect("it was pushed just now")
    }

    /// Puts labels on and takes others off.
    pub fn label(&mut self, add: &[String], remove: &[String]) {
        let labels = &mut self.after.chat.value.labels;
        let added: Vec<_> =
            add.iter().filter(|label| labels.insert((*label).clone())).cloned().collect();
        let removed: Vec<_> =
            remove.iter().filter(|label| labels.remove(*label)).cloned().collect();
        if added.is_empty() && removed.is_empty() {
            return;
        }
        let labels = labels.clone();
        self.raise(
            "chat.labels_changed",
            json!({ "added": added, "removed": removed, "labels": labels }),
        )
        .visibility = Visibility::Agents;
    }

    /// Sets variables; null removes one.
    pub fn set_variables(&mut self, variables: BTreeMap<String, Value>) {
        let kept = &mut self.after.chat.value.variables;
        let mut changed = BTreeMap::new();
        for (name, value) in variables {
            let before = if value.is_null() {
                kept.remove(&name)
            } else {
                kept.insert(name.clone(), value.clone())
            };
            if before.as_ref() != Some(&value) && !(before.is_none() && value.is_null()) {
                changed.insert(name, value);
            }
        }
        if !changed.is_empty() {
            self.raise("chat.variables_changed", json!({ "changed": changed })).visibility =
                Visibility::Agents;
        }
    }

    /// Writes a note that only agents see.
    pub fn note(&mut self, text: &str) {
        self.raise("note.added", json!({ "text": text })).visibility = Visibility::Agents;
    }

    /// Changes who owns the chat.
    pub fn assign(&mut self, assignee: Option<AgentId>, group: Option<GroupName>) {
        let chat = &mut self.after.chat.value;
        if chat.assignee == assignee && chat.group == group {
            return;
        }
        let before_assignee = std::mem::replace(&mut chat.assignee, assignee.clone());
        let before_group = std::mem::replace(&mut chat.group, group.clone());
        let data = json!({
            "assignee": assignee, "group": group,
            "previous_assignee": before_assignee, "previous_group": before_group,
        });
        self.raise("chat.assigned", without_nulls(data)).visibility = Visibility::Agents;
        if let Some(group) = group.filter(|group| before_group.as_ref() != Some(group)) {
            let data = json!({ "group": group, "previous_group": before_group });
            self.raise("chat.moved", without_nulls(data)).visibility = Visibility::Agents;
        }
    }

    /// Gives the lease to a queue.
    pub fn queue(&mut self, group: Option<GroupName>, reason: String) {
        self.assign(None, group.clone().or_else(|| self.after.chat.value.group.clone()));
        self.move_control(Holder::Queue { group }, reason);
    }

    /// Gives the lease to an agent.
    pub fn give_to_agent(&mut self, agent: AgentId, reason: String) {
        self.assign(Some(agent.clone()), self.after.chat.value.group.clone());
        self.move_control(Holder::Agent { id: agent }, reason);
    }

    /// Moves the lease, and tells of it. Telling also of the end of an agent's part.
    pub fn move_control(&mut self, to: Holder, reason: String) {
        let from = self.after.control.value.holder.clone();
        if from == to {
            return;
        }
        self.note_waiting(&from, &to);
        match &to {
            Holder::Agent { id } => {
                let member = Member::new(Participant::Agent { id: id.clone() });
                self.after.chat.value.enter(member);
            }
            Holder::Bot { id } if !self.is_program(id) => {
                let member = Member::new(Participant::Bot { id: id.clone() });
                self.after.chat.value.enter(member);
            }
            Holder::Bot { .. } | Holder::Queue { .. } | Holder::Nobody => {}
        }
        self.after.control.value = Control { holder: to.clone(), reason: reason.clone() };
        let epoch = self.before.control.version.next().0;
        let data = json!({ "from": from, "to": to, "reason": reason, "epoch": epoch });
        self.raise("control.changed", data).visibility = Visibility::Agents;
        if let Holder::Agent { id } = from
            && !matches!(to, Holder::Agent { .. })
        {
            self.raise("handoff.finished", json!({ "agent": id })).visibility = Visibility::Agents;
        }
    }

    /// The thread notes since when it waits for an agent, and how long it waited before.
    fn note_waiting(&mut self, from: &Holder, to: &Holder) {
        let thread = &mut self.after.chat.value.thread;
        let waits = |holder: &Holder| matches!(holder, Holder::Queue { .. });
        match (waits(from), waits(to)) {
            (false, true) => thread.queued_at = Some(self.now),
            (true, false) => {
                if let Some(since) = thread.queued_at.take() {
                    thread.queued_s += self.now.duration_since(since).as_secs().max(0);
                }
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Whether a bot is a program that speaks our API: it is in the chat as an agent, under the same name.
    fn is_program(&self, bot: &BotName) -> bool {
        self.after.chat.value.members.iter().any(|member| {
            matches!(&member.who, Participant::Agent { id } if id.as_str() == bot.as_str())
        })
    }

    /// Puts the chat aside until a time.
    pub fn snooze(&mut self, until: Timestamp) {
        let before = self.after.chat.value.snoozed_until.replace(until);
        if before != Some(until) {
            let data = without_nulls(json!({ "until": until, "previous": before }));
            self.raise("chat.snoozed", data).visibility = Visibility::Agents;
        }
    }

    /// A chat that was put aside comes back. Does nothing where it was not.
    pub fn end_snooze(&mut self, reason: &str) {
        if let Some(until) = self.after.chat.value.snoozed_until.take() {
            let data = json!({ "until": until, "reason": reason });
            self.raise("chat.snooze_ended", data).visibility = Visibility::Agents;
        }
    }

    /// The customer's words bring a chat back that was put aside. It is told before them: who follows sees the chat come
    /// back, and then why.
    fn bring_back(&mut self) {
        let of_customer = |draft: &Draft| {
            draft.author.kind == AuthorKind::Customer
                && draft.visibility == Visibility::All
                && are_words(&draft.event_type)
        };
        let Some(place) = self.events.iter().position(of_customer) else { return };
        let count = self.events.len();
        let author = std::mem::replace(&mut self.author, Author::system());
        self.end_snooze("customer_wrote");
        self.author = author;
        if self.events.len() > count
            && let Some(ended) = self.events.pop()
        {
            self.events.insert(place, ended);
        }
    }

    /// The timer of a chat that is put aside is that of its document.
    fn set_snooze_timer(&self, batch: &mut Batch) {
        let (before, after) = (&self.before.chat.value, &self.after.chat.value);
        if before.snoozed_until == after.snoozed_until {
            return;
        }
        batch.timers.push(match after.snoozed_until {
            Some(until) => snooze::set(after.id, until),
            None => snooze::cancel(after.id),
        });
    }

    /// Closes the chat: nobody holds the lease, no run waits any more.
    pub fn close(&mut self, reason: &str) {
        if self.after.chat.value.status == ChatStatus::Closed {
            return;
        }
        self.end_snooze("closed");
        self.after.chat.value.status = ChatStatus::Closed;
        self.after.chat.value.thread.closed_at = Some(self.now);
        self.raise("chat.closed", json!({ "reason": reason }));
        self.move_control(free().holder, "the chat was closed".into());
        self.after.session.value.data.clear();
        self.after.session.value.waiting = None;
    }

    /// Opens a closed chat again: with a new thread, held by the channel's bot, if it has one.
    pub fn reopen(&mut self, bot: Option<BotName>) {
        self.begin_thread();
        let reopened = "chat.reopened".parse().expect("a good name");
        let data = json!({
            "thread": self.after.chat.value.thread.id, "users": self.present_users(),
        });
        self.raise_by(Author::system(), reopened, data);
        if let Some(id) = bot {
            self.move_control(Holder::Bot { id }, "the chat was reopened".into());
        }
    }

    /// A new thread begins with the customer alone: agents and bots of the last one have gone, and who watched it does
    /// so no more. Whoever calls this tells of it.
    pub fn begin_thread(&mut self) {
        let thread = ThreadId::new(self.clock.next_id());
        let chat = &mut self.after.chat.value;
        for member in &mut chat.members {
            member.present &= matches!(member.who, Participant::Customer { .. });
        }
        chat.followers.clear();
        chat.begin_thread(thread, self.now);
        if let Some(customer) = &mut self.after.customer {
            customer.value.statistics.threads_count += 1;
        }
        self.after.session.value = self.after.session.value.anew(thread);
    }

    /// Who is in the chat, as `users` of `chat.started` and `chat.reopened`.
    pub fn present_users(&self) -> Vec<Value> {
        let present = self.after.chat.value.members.iter().filter(|member| member.present);
        present.map(|member| to_value(&member.who)).collect()
    }

    /// Whether the author spoke to the customer.
    pub fn spoke(&self) -> bool {
        self.spoke
    }

    /// Writes all of it into a batch.
    pub fn finish(mut self, batch: &mut Batch) {
        if self.after.chat.value.snoozed_until.is_some() {
            self.bring_back();
        }
        self.set_snooze_timer(batch);
        let id = self.before.chat.value.id;
        if self.after.chat.value != self.before.chat.value {
            batch.puts.push(put_chat(&self.after));
        }
        let now = self.after.chat.value.thread.id;
        if self.before.chat.value.thread.id != now {
            batch.puts.push(put_past_thread(&left_behind(&self.before.chat, now)));
        }
        let control = DocKey::new(Kind::Control, id);
        if self.after.control.value != self.before.control.value {
            batch.puts.push(self.after.control.put(control, Vec::new()));
        } else if self.spoke || self.obeyed {
            batch.expects.push(Expect { key: control, version: self.before.control.version });
        }
        if self.after.session.value != self.before.session.value {
            let key = DocKey::new(Kind::Session, id);
            let session = &self.after.session.value;
            if session.data.is_empty() && session.waiting.is_none() && session.handled == 0 {
                let expected = Some(self.before.session.version);
                batch.deletes.push(Delete { key, expected });
            } else {
                batch.puts.push(self.after.session.put(key, Vec::new()));
            }
        }
        if let Some(waited) = self.before.session.value.waiting
            && self.after.session.value.waiting != Some(waited)
        {
            batch.timers.push(TimerChange::Cancel { name: TimerName(format!("run:{waited}")) });
        }
        if let (Some(before), Some(after)) = (&self.before.customer, &self.after.customer)
            && before.value != after.value
        {
            batch.puts.push(put_customer(after));
        }
        batch.events.extend(self.events);
    }
}

fn as_holder(author: &Author) -> Option<Holder> {
    match author.kind {
        AuthorKind::Bot => author.id.parse().ok().map(|id| Holder::Bot { id }),
        AuthorKind::Agent => author.id.parse().ok().map(|id| Holder::Agent { id }),
        AuthorKind::Customer | AuthorKind::Integration | AuthorKind::System => None,
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, value)| !value.is_null()).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value
        }
    }
}
