//! An event that somebody wants to change: found by its name, with what became of it.

use tidings_model::{EventId, EventName, Order};
use tidings_wire::livechat::show;

use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::{self, unreadable};
use crate::desk::look::history::{self, Told};
use crate::desk::{Actor, ErrorType, Failure, Who};

/// Finds an event of a thread by `<thread>_<order>` or by its whole id, if the actor may see it.
pub(in crate::desk) async fn find(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    event: &str,
) -> Result<Told, Failure> {
    let missing = || Failure::new(ErrorType::NotFound, "the thread has no such event");
    let scene = find::chat(app, actor, chat).await?;
    let chat = &scene.chat.value;
    let thread = find::open_thread(app, actor, chat, thread).await?.thread().clone();
    let wanted = match (event.parse::<EventName>(), event.parse::<EventId>()) {
        (Ok(name), _) if name.thread == thread.id.code() => Wanted::Order(name.order),
        (_, Ok(id)) => Wanted::Id(id),
        (Ok(_) | Err(_), Err(_)) => return Err(missing()),
    };
    let told =
        history::of_thread(app, actor.workspace, chat.id, thread.id).await.map_err(unreadable)?;
    let is_it = |told: &Told| match wanted {
        Wanted::Order(order) => told.event.order == Some(order),
        Wanted::Id(id) => told.event.id == id,
    };
    let told = told.into_iter().find(is_it).ok_or_else(missing)?;
    let veil = opaque(app, actor.workspace);
    if !show::is_shown(&actor.lens(&veil), &told.event) {
        return Err(missing());
    }
    Ok(told)
}

enum Wanted {
    Order(Order),
    Id(EventId),
}

/// Who may edit an event or take it back: its author; an administrator any.
pub(super) fn may_change(actor: &Actor, told: &Told) -> Result<(), Failure> {
    let is_own = told.event.author == actor.author();
    let is_allowed = match &actor.who {
        Who::Customer(_) => is_own,
        Who::Agent(_) => is_own || actor.is_administrator(),
    };
    if is_allowed {
        return Ok(());
    }
    Err(Failure::new(ErrorType::Authorization, "you may change your own events only"))
}
