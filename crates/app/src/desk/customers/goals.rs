//! What a site wants its visitors to come to: a page, or something noted about their session. The rules are a web channel's
//! setting `goals`, and are those of greetings.
//!
//! A goal that is reached is noted in the visit, once, and on the threads of that visit; a thread that begins later in it
//! begins with what was reached. So the archive finds threads by goals, and a sale after the chat counts for the chat.

use serde::Deserialize;
use tidings_model::{ChannelId, Customer, Timestamp};

use super::deciding::CustomerChange;
use super::rules::{self, Looker, Rule};
use crate::App;
use crate::admin::web_settings::WebSettings;

/// A goal of a site.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Its name in filters and events.
    pub id: String,
    /// When it is reached.
    pub rules: Vec<Rule>,
}

/// The goals of the channel that a customer came by.
pub(super) fn of(
    app: &App,
    workspace: tidings_model::WorkspaceId,
    channel: Option<ChannelId>,
) -> Vec<Goal> {
    let directory = app.directory(workspace);
    let channel = channel.and_then(|id| directory?.channel(id));
    channel.map(|channel| WebSettings::of(&channel).goals).unwrap_or_default()
}

/// Those that a customer reached by the page that they are on now, and not before in this visit.
pub(super) fn reached(goals: &[Goal], customer: &Customer, now: Timestamp) -> Vec<String> {
    let Some((visit, looker)) = Looker::of(customer, now) else { return Vec::new() };
    let is_new = |goal: &&Goal| {
        !visit.goals.contains(&goal.id) && rules::hold_in(&goal.rules, &looker) == Some(0)
    };
    goals.iter().filter(is_new).map(|goal| goal.id.clone()).collect()
}

/// Notes what the customer reached.
pub(super) fn note(change: &mut CustomerChange<'_>, goals: &[Goal], now: Timestamp) {
    for goal in reached(goals, &change.customer, now) {
        let Some(visit) = &mut change.customer.visit else { return };
        visit.goals.insert(goal.clone());
        let (number, since) = (visit.id, visit.started_at);
        change.reach(&goal, number, since);
    }
}
