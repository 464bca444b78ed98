//! What happens in a chat goes first to the run that waits for an answer there.
//!
//! The run says whether it is an answer, what its question handles itself, or not its business. A wrong answer is first
//! offered to the bot's asides, and a press of another message's button to all of its behaviors; whether one would react
//! is asked without doing it. What makes a second time harmless: the resumption claims (bot, event) and expects the run's
//! version, an aside's start claims its own name beside the one of every start.

use std::sync::Arc;

use tidings_behaviors::{Happened, Took, hear, may_answer};
use tidings_model::{Author, BotName, Event, RunId};
use tidings_store::{Claim, CommitError, ReadError};

use super::super::reader::StepFailed;
use super::super::scene::Scene;
use super::super::view::facts;
use super::{CONFLICT_TRIES_MAX, React, Sight, answered, is_paused, restore_start};
use crate::directory::Listener;

/// Whose an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Whoever hears it has it.
    Nobody,
    /// The question of this bot has it.
    By(BotName),
    /// Of this bot only asides have it: its question goes on waiting.
    UnlessAside(BotName),
}

impl Taken {
    /// The bot whose question it came to.
    pub(super) fn bot(&self) -> Option<&BotName> {
        match self {
            Self::Nobody => None,
            Self::By(bot) | Self::UnlessAside(bot) => Some(bot),
        }
    }
}

/// The claim of an aside that answered while a question waited.
pub(super) fn aside(bot: &BotName, behavior: &str, event: &Event) -> String {
    format!("aside:{bot}/{behavior}:{}", event.id)
}

impl React {
    /// Whether a run that waits could have to do with this event. A run that began with an earlier version of its bot is
    /// told of what the live version's questions handle, and of what customers do.
    pub(super) fn may_be_waited_for(&self, event: &Event) -> bool {
        let bots = self.directory.bots();
        event.chat.is_some()
            && !bots.bots().is_empty()
            && (may_answer(event) || bots.handles_locally(&event.event_type))
    }

    /// Gives the event to the run that waits for an answer.
    pub(super) async fn ask(
        &self,
        event: &Arc<Event>,
        sight: &mut Sight,
    ) -> Result<Taken, StepFailed> {
        let mut last = None;
        for _ in 0..CONFLICT_TRIES_MAX {
            let Some(scene) = self.look(event, sight).await? else { return Ok(Taken::Nobody) };
            if event.seq.0 <= scene.session.value.handled {
                // Done before: the run that waits may be the one that this event started.
                return Ok(Taken::Nobody);
            }
            let Some(waiting) = scene.session.value.waiting else {
                *sight = Sight::Fresh(Box::new(Some(scene)));
                return Ok(Taken::Nobody);
            };
            match self.ask_run(waiting, event, &scene).await {
                Ok(Taken::Nobody) => {
                    *sight = Sight::Fresh(Box::new(Some(scene)));
                    return Ok(Taken::Nobody);
                }
                Err(StepFailed::Commit(error @ CommitError::Conflict { .. })) => last = Some(error),
                other => return other,
            }
        }
        last.map_or(Ok(Taken::Nobody), |error| Err(error.into()))
    }

    async fn ask_run(
        &self,
        waiting: RunId,
        event: &Arc<Event>,
        scene: &Scene,
    ) -> Result<Taken, StepFailed> {
        let Some(run) = self.run(waiting).await? else { return Ok(Taken::Nobody) };
        let bot = run.value.bot.clone();
        if scene.control.value.lets_speak(&Author::bot(&bot)).is_err() {
            return Ok(Taken::Nobody);
        }
        let Some(program) = self.program(&bot, &run.value.bot_version).await? else {
            return Ok(Taken::Nobody);
        };
        let channel_kind = self.directory.channel_kind(event);
        let Some(happened) = Happened::of(event, channel_kind, &bot) else {
            return Ok(Taken::Nobody);
        };
        let (run, before) = run.apart();
        let mut facts = facts(event, &self.directory, Some(scene), &bot);
        restore_start(&mut facts, &run);
        let watch = || self.app.clock.now();
        let (took, turn) = hear(&program, run, &happened, &facts, self.seeds(), Some(&watch));
        match took {
            Took::Nothing => return Ok(Taken::Nobody),
            Took::UnlessAside if self.would_react(&bot, event, scene, true) => {
                return Ok(Taken::UnlessAside(bot));
            }
            Took::UnlessAnybody if self.would_react(&bot, event, scene, false) => {
                return Ok(Taken::Nobody);
            }
            Took::Taken | Took::UnlessAside | Took::UnlessAnybody => {}
        }
        let claim = Claim { name: answered(&bot, event), outcome: Some(event.id) };
        match self.put(turn, before, event, (Some(scene), vec![claim], Vec::new())).await {
            Ok(()) | Err(StepFailed::Commit(CommitError::Claimed { .. })) => Ok(Taken::By(bot)),
            Err(other) => Err(other),
        }
    }

    /// Whether a behavior of a bot, or an aside of it, would react to an event now.
    fn would_react(&self, bot: &BotName, event: &Event, scene: &Scene, asides_only: bool) -> bool {
        let (bots, paused) = (self.directory.bots(), self.directory.paused());
        let channel_kind = self.directory.channel_kind(event);
        let facts = facts(event, &self.directory, Some(scene), bot);
        bots.listeners(&event.event_type).iter().any(|listener| {
            listener.bot.name == *bot
                && (!asides_only || is_aside(listener))
                && !is_paused(&paused, listener)
                && listener.heard.matches(channel_kind, event.author.kind, &event.data)
                && tidings_behaviors::start(
                    &listener.bot,
                    listener.behavior,
                    &facts,
                    event,
                    self.seeds(),
                )
                .is_some()
        })
    }

    /// Whether an earlier try gave the event to an aside of a bot whose question waited.
    pub(super) async fn was_aside(
        &self,
        listeners: &[Listener],
        bot: &BotName,
        event: &Event,
    ) -> Result<bool, ReadError> {
        for listener in listeners.iter().filter(|listener| listener.bot.name == *bot) {
            let Some(behavior) = listener.bot.behaviors().get(listener.behavior) else { continue };
            if !behavior.aside {
                continue;
            }
            let claim = aside(bot, &behavior.name, event);
            if self.app.store.claim(self.workspace(), &claim).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a behavior answers beside a question that waits.
pub(super) fn is_aside(listener: &Listener) -> bool {
    listener.bot.behaviors().get(listener.behavior).is_some_and(|behavior| behavior.aside)
}
