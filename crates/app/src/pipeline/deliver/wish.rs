//! Which events of the types that it wants an endpoint wants: by channel, by author, by team, by a condition.

use std::sync::Arc;

use tidings_catalogue::expression::Group;
use tidings_catalogue::{Expression, ExpressionError, Facts};
use tidings_model::endpoint::Only;
use tidings_model::{Event, GroupNumber};
use tidings_store::ReadError;

use crate::App;
use crate::directory::Directory;

/// Which events of the types that it wants an endpoint wants, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    only: Only,
    condition: Option<Expression>,
}

impl Wish {
    /// Makes ready.
    pub(crate) fn of(only: &Only) -> Result<Self, ExpressionError> {
        let condition = only.expression.as_deref().map(Expression::parse).transpose()?;
        Ok(Self { only: only.clone(), condition })
    }

    /// Whether an event may be wanted: `false` is sure. What is asked of teams is known by [`Wish::is_for`] only.
    pub(crate) fn may_be_for(&self, directory: &Directory, event: &Event) -> bool {
        let kind = directory.channel_kind(event);
        let channels = &self.only.channels;
        let by_channel = channels.is_empty()
            || channels.iter().any(|channel| {
                kind == Some(channel.as_str())
                    || event.channel.is_some_and(|id| id.to_string() == *channel)
            });
        let authors = &self.only.authors;
        let by_author = authors.is_empty() || authors.contains(&event.author.kind);
        let by_team = self.only.groups.is_empty() || event.chat.is_some();
        by_channel && by_author && by_team && self.evaluate(event, kind, &[]) != Some(false)
    }

    /// Whether an event is wanted. The teams are those that see its chat when this is asked, which is before its first
    /// try: events do not say who saw their chat, and a team is told no more than it may read.
    pub(crate) async fn is_for(
        &self,
        app: &App,
        directory: &Directory,
        event: &Arc<Event>,
    ) -> Result<bool, ReadError> {
        let kind = directory.channel_kind(event);
        let sure = self.evaluate(event, kind, &[]);
        if sure == Some(false) || (sure == Some(true) && self.only.groups.is_empty()) {
            return Ok(sure == Some(true));
        }
        let Some(chat) = event.chat else { return Ok(false) };
        // The scene of a chat in which something happens is at hand: mostly this reads nothing.
        let Some(scene) = app.recent_scene(event.workspace, chat).await? else { return Ok(false) };
        let numbers = GroupNumber::named_in(&scene.chat.value.access);
        if !self.only.groups.is_empty() && self.only.groups.is_disjoint(&numbers) {
            return Ok(false);
        }
        let teams: Vec<(GroupNumber, String)> = (numbers.iter())
            .filter_map(|number| {
                directory.group(*number).map(|group| (*number, group.key.to_string()))
            })
            .collect();
        let groups: Vec<Group<'_>> =
            teams.iter().map(|(number, key)| Group { number: *number, key }).collect();
        Ok(self.evaluate(event, kind, &groups) == Some(true))
    }

    fn evaluate(
        &self,
        event: &Event,
        channel_kind: Option<&str>,
        groups: &[Group<'_>],
    ) -> Option<bool> {
        match &self.condition {
            None => Some(true),
            Some(condition) => condition.evaluate(&Facts { event, channel_kind, groups }),
        }
    }
}
