//! The steps: one file each, which reads its step from a bot's text and takes it in a run. Called by `reader` and
//! `interpret`.
//!
//! A new step is a file, a line in [`WORDS`], a variant of [`Action`] and a line in [`take`].

pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod assign;
pub(crate) mod call;
pub(crate) mod change;
pub(crate) mod choose;
pub(crate) mod close;
pub(crate) mod emit;
pub(crate) mod form;
pub(crate) mod give_back;
pub(crate) mod hand_over;
pub(crate) mod label;
pub(crate) mod note;
pub(crate) mod notify;
pub(crate) mod repeat;
pub(crate) mod say;
pub(crate) mod set;
pub(crate) mod stop;
pub(crate) mod wait;
pub(crate) mod work;

use crate::nearest::nearest;
use crate::program::Step;
use crate::reader::{Fields, Reader};
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::{Entry, Node, Position};

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    Answer(answer::Answer),
    Ask(Box<ask::Ask>),
    Assign(assign::Assign),
    Call(call::Call),
    Change(change::Change),
    Choose(choose::Choose),
    Close(close::Close),
    Emit(emit::Emit),
    Form(Box<form::Form>),
    GiveBack,
    HandOver(hand_over::HandOver),
    Label(label::Label),
    Move(assign::Move),
    Note(note::Note),
    Notify(notify::Notification),
    Refuse(change::Refuse),
    Repeat(repeat::Repeat),
    Say(say::Words),
    Set(set::Set),
    Stop(stop::Stop),
    Wait(wait::Pause),
    Work(Box<work::Ordered>),
}

/// A step as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'n> {
    /// What stands behind the step's word.
    pub(crate) value: &'n Node,
    /// Where the word stands.
    pub(crate) at: Position,
    /// The keys of the step, among them those beside the word.
    pub(crate) beside: Fields<'n>,
    /// The path of the step, under which its own lists are kept.
    pub(crate) path: &'n str,
}

/// A word of the language.
pub(crate) struct Word {
    pub(crate) name: &'static str,
    /// The keys that may stand beside it.
    pub(crate) siblings: &'static [&'static str],
    pub(crate) read: fn(&mut Reader<'_>, Written<'_>) -> Option<Action>,
}

/// The steps that there are, as the how-to tells them.
pub(crate) const WORDS: [Word; 29] = [
    Word { name: "say", siblings: &["buttons", "image"], read: say::read },
    Word { name: "ask", siblings: &ask::KEYS, read: ask::read },
    Word { name: "form", siblings: &form::KEYS, read: form::read },
    Word { name: "choose", siblings: &["else"], read: choose::read },
    Word { name: "repeat", siblings: &[], read: repeat::read },
    Word { name: "set", siblings: &[], read: set::read },
    Word { name: "wait", siblings: &[], read: wait::read },
    Word { name: "label", siblings: &[], read: label::read },
    Word { name: "note", siblings: &[], read: note::read },
    Word { name: "emit", siblings: &[], read: emit::read },
    Word { name: "close", siblings: &[], read: close::read },
    Word { name: "hand_over", siblings: &["reason", "say"], read: hand_over::read },
    Word { name: "give_back", siblings: &[], read: give_back::read },
    Word { name: "call", siblings: &call::BESIDE, read: call::read },
    Word { name: "http", siblings: &work::BESIDE, read: work::read_http },
    Word { name: "mail", siblings: &work::BESIDE, read: work::read_mail },
    Word { name: "create", siblings: &work::BESIDE, read: work::read_create },
    Word { name: "update", siblings: &work::BESIDE, read: work::read_update },
    Word { name: "delete", siblings: &work::BESIDE, read: work::read_delete },
    Word { name: "find", siblings: &work::BESIDE, read: work::read_find },
    Word { name: "script", siblings: &work::BESIDE, read: work::read_script },
    Word { name: "classify", siblings: &work::BESIDE, read: work::read_classify },
    Word { name: "notify", siblings: &[], read: notify::read },
    Word { name: "assign", siblings: &[], read: assign::read_assign },
    Word { name: "move", siblings: &[], read: assign::read_move },
    Word { name: "change", siblings: &[], read: change::read_change },
    Word { name: "refuse", siblings: &[], read: change::read_refuse },
    Word { name: "answer", siblings: &[], read: answer::read },
    Word { name: "stop", siblings: &[], read: stop::read },
];

/// The steps of a behavior that is asked before something happens: it decides, and nothing else happens by it.
const BEFORE: [&str; 11] = [
    "choose", "repeat", "set", "call", "http", "find", "script", "classify", "change", "refuse",
    "stop",
];

/// Tells of a step that something about to happen does not let.
pub(crate) fn warn_of_before(reader: &mut Reader<'_>, word: &Word, at: Position) {
    let before = reader.heard.iter().find(|heard| heard.is_before());
    let Some(event_type) = before.map(|heard| heard.event_type.clone()) else { return };
    if !BEFORE.contains(&word.name) {
        let message = format!(
            "`{}` cannot be done while {event_type} is about to happen; there are {}",
            word.name,
            BEFORE.join(", ")
        );
        reader.error(at, "not_while_before", message);
    }
}

/// Takes a step.
pub(crate) fn take(action: &Action, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
    match action {
        Action::Answer(answer) => answer.take(stage),
        Action::Ask(ask) => ask.take(stage),
        Action::Assign(assign) => assign.take(stage),
        Action::Call(call) => call.take(stage),
        Action::Change(change) => change.take(stage),
        Action::Choose(choose) => choose.take(stage),
        Action::Close(close) => close.take(stage),
        Action::Emit(emit) => emit.take(stage),
        Action::Form(form) => form.take(stage),
        Action::GiveBack => give_back::take(stage),
        Action::HandOver(hand_over) => hand_over.take(stage),
        Action::Label(label) => label.take(stage),
        Action::Move(group) => group.take(stage),
        Action::Note(note) => note.take(stage),
        Action::Notify(notification) => notification.take(stage),
        Action::Refuse(refuse) => refuse.take(stage),
        Action::Repeat(repeat) => repeat.take(stage),
        Action::Say(words) => words.take(stage),
        Action::Set(set) => set.take(stage),
        Action::Stop(stop) => stop.take(stage),
        Action::Wait(pause) => pause.take(stage),
        Action::Work(ordered) => ordered.take(stage),
    }
}

/// Whether a key is a step's word.
pub(crate) fn is_word(key: &str) -> bool {
    WORDS.iter().any(|word| word.name == key)
}

/// The word among the keys of a step: `hand_over` with its own `say`, or the first that is one.
pub(crate) fn find_word<'e>(
    reader: &mut Reader<'_>,
    entries: &'e [Entry],
    at: Position,
) -> Option<(&'static Word, &'e Entry)> {
    let found = |entry: &'e Entry| {
        WORDS.iter().find(|word| word.name == entry.key).map(|word| (word, entry))
    };
    let handing_over = entries.iter().filter(|entry| entry.key == "hand_over").find_map(found);
    if let Some(found) = handing_over.or_else(|| entries.iter().find_map(found)) {
        return Some(found);
    }
    let Some(first) = entries.first() else {
        reader.error(at, "unknown_step", "this step is empty");
        return None;
    };
    let names = WORDS.iter().map(|word| word.name);
    let near = entries.iter().find_map(|entry| nearest(&entry.key, names.clone()));
    let known = names.clone().collect::<Vec<_>>().join(", ");
    reader.unknown(
        first.at,
        "unknown_step",
        format!("there is no step {:?}; there are {known}", first.key),
        near,
    );
    None
}

/// Warns of steps that are never taken, or that the control lease will not let happen.
pub(crate) fn warn_of_unreachable(reader: &mut Reader<'_>, nodes: &[Node], steps: &[Step]) {
    if steps.len() != nodes.len() {
        return;
    }
    let mut handed_over = false;
    for (index, (step, node)) in steps.iter().zip(nodes).enumerate() {
        if handed_over && matches!(step.action, Action::Say(_) | Action::Ask(_) | Action::Form(_)) {
            let message = "the chat was handed over above, so this will not be said: put it into the `say` of `hand_over`";
            reader.warning(node.at, "said_after_hand_over", message);
            return;
        }
        match step.action {
            Action::HandOver(_) => handed_over = true,
            Action::GiveBack => handed_over = false,
            Action::Stop(_) | Action::Refuse(_) if index + 1 < steps.len() => {
                let message = format!("the steps behind `{}` are never taken", step.word);
                reader.warning(node.at, "unreachable", message);
                return;
            }
            Action::Answer(_)
            | Action::Ask(_)
            | Action::Assign(_)
            | Action::Call(_)
            | Action::Change(_)
            | Action::Choose(_)
            | Action::Close(_)
            | Action::Emit(_)
            | Action::Form(_)
            | Action::Label(_)
            | Action::Move(_)
            | Action::Note(_)
            | Action::Notify(_)
            | Action::Refuse(_)
            | Action::Repeat(_)
            | Action::Say(_)
            | Action::Set(_)
            | Action::Stop(_)
            | Action::Wait(_)
            | Action::Work(_) => {}
        }
    }
}
