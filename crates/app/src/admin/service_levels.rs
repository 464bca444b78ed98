//! Service levels: what a workspace promises of time in its chats. Here they are made and changed; how time runs by them
//! is said in [`crate::desk::service_levels`].

use jiff::SignedDuration;
use tidings_behaviors::parse_duration;
use tidings_model::{AppliesTo, OpenHours, PauseWhen, ServiceLevel, ServiceLevelId, WorkspaceId};
use tidings_store::{Batch, DocKey, DocumentQuery, Kind, Scan};

use super::{AdminError, listed};
use crate::App;
use crate::desk::service_levels::business_time::BusinessTime;
use crate::desk::service_levels::look_at_all;
use crate::pipeline::scene::Seen;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// How many a workspace may have: each chat is held against them one by one.
pub const LEVELS_MAX: usize = 100;

/// How many teams, channels or labels one may name, and how long a label may be.
pub const NAMED_MAX: usize = 100;
pub const LABEL_BYTES_MAX: usize = 100;

/// What somebody says of a service level. Lengths of time are texts, as `10m`; `Some(None)` takes one away.
#[derive(Clone, Debug, Default)]
pub struct ServiceLevelChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether it counts.
    pub enabled: Option<bool>,
    /// Which comes first.
    pub priority: Option<i64>,
    /// In which chats it counts.
    pub applies_to: Option<AppliesTo>,
    /// How soon the first reply comes.
    pub first_reply: Option<Option<String>>,
    /// How soon each other reply comes.
    pub next_reply: Option<Option<String>>,
    /// How soon a thread is closed.
    pub resolution: Option<Option<String>>,
    /// How long before it is missed a target is told.
    pub due_soon: Option<Option<String>>,
    /// For how long a customer is silent.
    pub customer_idle: Option<Option<String>>,
    /// For how long an agent is silent.
    pub agent_idle: Option<Option<String>>,
    /// When time counts.
    pub hours: Option<Option<OpenHours>>,
    /// When time stands still.
    pub pause_when: Option<PauseWhen>,
    /// Whether what bots say is a reply.
    pub bots_count: Option<bool>,
}

/// Makes a service level.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    change: ServiceLevelChange,
) -> Result<ServiceLevel, AdminError> {
    if change.name.is_none() {
        return Err(AdminError::invalid("/name", "is missing"));
    }
    let query =
        DocumentQuery { kind: Kind::ServiceLevel, scan: Scan::All, after: None, limit: LEVELS_MAX };
    if app.store.documents(workspace, query).await?.documents.len() >= LEVELS_MAX {
        let problem = format!("is one too many: a workspace has at most {LEVELS_MAX}");
        return Err(AdminError::invalid("/name", problem));
    }
    let mut level = ServiceLevel {
        id: ServiceLevelId::new(app.clock.next_id()),
        name: String::new(),
        enabled: true,
        priority: 0,
        applies_to: AppliesTo::default(),
        first_reply_s: None,
        next_reply_s: None,
        resolution_s: None,
        due_soon_s: None,
        customer_idle_s: None,
        agent_idle_s: None,
        hours: None,
        pause_when: PauseWhen::default(),
        bots_count: false,
        created_at: app.now(),
    };
    apply(&mut level, change)?;
    let key = DocKey::new(Kind::ServiceLevel, level.id);
    write(app, workspace, key, &Seen::absent(level.clone())).await?;
    Ok(level)
}

/// Changes a service level.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: ServiceLevelId,
    change: ServiceLevelChange,
) -> Result<ServiceLevel, AdminError> {
    let key = DocKey::new(Kind::ServiceLevel, id);
    let mut found = listed::find::<ServiceLevel>(app, workspace, &key).await?;
    apply(&mut found.value, change)?;
    write(app, workspace, key, &found).await?;
    Ok(found.value)
}

/// Writes it, and has open chats looked at when it is known here.
async fn write(
    app: &App,
    workspace: WorkspaceId,
    key: DocKey,
    level: &Seen<ServiceLevel>,
) -> Result<(), AdminError> {
    listed::write(app, workspace, key, level).await?;
    have_all_looked_at(app, workspace, level.value.id).await
}

/// Open chats go by another level now, or by none: then what was counted is forgotten.
async fn have_all_looked_at(
    app: &App,
    workspace: WorkspaceId,
    level: ServiceLevelId,
) -> Result<(), AdminError> {
    let mut batch = Batch::new(workspace);
    batch.timers.push(look_at_all(level, app.now()));
    app.commit(batch).await?;
    Ok(())
}

/// Removes a service level.
pub async fn remove(
    app: &App,
    workspace: WorkspaceId,
    id: ServiceLevelId,
) -> Result<(), AdminError> {
    listed::remove(app, workspace, DocKey::new(Kind::ServiceLevel, id)).await?;
    have_all_looked_at(app, workspace, id).await
}

fn apply(level: &mut ServiceLevel, change: ServiceLevelChange) -> Result<(), AdminError> {
    if let Some(name) = change.name {
        let good = |c: char| !c.is_control();
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(good) {
            let problem = format!("has 1 to {NAME_BYTES_MAX} bytes");
            return Err(AdminError::invalid("/name", problem));
        }
        level.name = name;
    }
    let times = [
        ("/first_reply", change.first_reply, &mut level.first_reply_s),
        ("/next_reply", change.next_reply, &mut level.next_reply_s),
        ("/resolution", change.resolution, &mut level.resolution_s),
        ("/due_soon", change.due_soon, &mut level.due_soon_s),
        ("/customer_idle", change.customer_idle, &mut level.customer_idle_s),
        ("/agent_idle", change.agent_idle, &mut level.agent_idle_s),
    ];
    for (pointer, text, kept) in times {
        if let Some(text) = text {
            *kept = text.map(|text| seconds(pointer, &text)).transpose()?;
        }
    }
    if let Some(applies_to) = change.applies_to {
        check_named("/applies_to/groups", applies_to.groups.len())?;
        check_named("/applies_to/channels", applies_to.channels.len())?;
        check_labels("/applies_to/labels", &applies_to.labels)?;
        level.applies_to = applies_to;
    }
    if let Some(pause_when) = change.pause_when {
        check_labels("/pause_when/labels", &pause_when.labels)?;
        level.pause_when = pause_when;
    }
    if let Some(hours) = change.hours {
        BusinessTime::of(hours.as_ref()).map(drop).map_err(|wrong| {
            AdminError::invalid(format!("/hours{}", wrong.pointer), wrong.problem)
        })?;
        level.hours = hours;
    }
    level.enabled = change.enabled.unwrap_or(level.enabled);
    level.priority = change.priority.unwrap_or(level.priority);
    level.bots_count = change.bots_count.unwrap_or(level.bots_count);
    Ok(())
}

/// A length of time as it is written: `1h 30m`.
pub fn as_text(seconds: u32) -> String {
    format!("{:#}", SignedDuration::from_secs(seconds.into()))
}

/// A length of time in whole seconds.
fn seconds(pointer: &str, text: &str) -> Result<u32, AdminError> {
    let time: SignedDuration =
        parse_duration(text).map_err(|problem| AdminError::invalid(pointer, problem))?;
    let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    if seconds == 0 {
        return Err(AdminError::invalid(pointer, "is at least a second"));
    }
    Ok(seconds)
}

fn check_named(pointer: &str, count: usize) -> Result<(), AdminError> {
    if count > NAMED_MAX {
        return Err(AdminError::invalid(pointer, format!("names at most {NAMED_MAX}")));
    }
    Ok(())
}

fn check_labels(
    pointer: &str,
    labels: &std::collections::BTreeSet<String>,
) -> Result<(), AdminError> {
    check_named(pointer, labels.len())?;
    if labels.iter().any(|label| label.is_empty() || label.len() > LABEL_BYTES_MAX) {
        let problem = format!("has labels of 1 to {LABEL_BYTES_MAX} bytes");
        return Err(AdminError::invalid(pointer, problem));
    }
    Ok(())
}
