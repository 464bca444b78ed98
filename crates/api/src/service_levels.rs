//! `/api/v1/service-levels`: what the workspace promises of time in its chats, and after what silence it is told.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::service_levels::{self, ServiceLevelChange};
use tidings_model::{
    AppliesTo, ChannelId, GroupName, OpenHours, OpenTime, PauseWhen, ServiceLevel, ServiceLevelId,
    Timestamp, Weekday,
};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller};
use crate::body::{JsonBody, given};
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(one, change, remove))
}

/// What the workspace promises of time in its chats. Lengths of time are null where nothing is promised or told.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceLevelView {
    /// Its id.
    id: Uuid,
    /// Its name: `event.service_level` in a behavior.
    name: String,
    /// Whether it counts.
    enabled: bool,
    /// Which comes first: the highest, and the oldest among equals. The first one that applies to a chat counts.
    priority: i64,
    /// In which chats it counts.
    applies_to: AppliesToBody,
    /// How soon a thread's first reply comes after the customer's first words.
    #[schema(example = "5m")]
    first_reply: Option<String>,
    /// How soon each reply after that comes.
    #[schema(example = "15m")]
    next_reply: Option<String>,
    /// How soon a thread is closed after it began.
    #[schema(example = "8h")]
    resolution: Option<String>,
    /// How long before one of these is missed it is told.
    #[schema(example = "1m")]
    due_soon: Option<String>,
    /// For how long a customer whose turn it is is silent until it is told.
    #[schema(example = "10m")]
    customer_idle: Option<String>,
    /// For how long an agent whose turn it is is silent until it is told.
    #[schema(example = "10m")]
    agent_idle: Option<String>,
    /// When time counts; null: always. A customer's silence is counted always.
    hours: Option<HoursBody>,
    /// When time stands still.
    pause_when: PauseWhenBody,
    /// Whether what bots say is a reply.
    bots_count: bool,
    /// When it was made: what was due before is not told.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// In which chats a service level counts: of each that is named, the chat has one. Nothing named: in all.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppliesToBody {
    /// The teams that own the chat, by their keys.
    #[serde(default)]
    groups: BTreeSet<String>,
    /// The connections that it runs over.
    #[serde(default)]
    channels: BTreeSet<Uuid>,
    /// Labels on it.
    #[serde(default)]
    labels: BTreeSet<String>,
}

/// When the time of a service level stands still.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseWhenBody {
    /// While the chat is put aside; so it is, unless given.
    #[serde(default = "yes")]
    snoozed: bool,
    /// While the chat has one of these labels.
    #[serde(default)]
    labels: BTreeSet<String>,
}

const fn yes() -> bool {
    true
}

/// When somebody is there.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoursBody {
    /// The time zone that all of it is read in.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// The times of the week; a day may have several, or none.
    schedule: Vec<TimeBody>,
    /// Dates on which nobody is there.
    #[serde(default)]
    #[schema(example = json!(["2026-12-25"]))]
    holidays: BTreeSet<String>,
}

/// A time of a day on which somebody is there.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeBody {
    /// Which day.
    day: DayBody,
    /// From when.
    #[schema(example = "09:00")]
    start: String,
    /// Until when; `24:00` is the end of the day.
    #[schema(example = "17:30")]
    end: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DayBody {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl From<DayBody> for Weekday {
    fn from(day: DayBody) -> Self {
        match day {
            DayBody::Monday => Self::Monday,
            DayBody::Tuesday => Self::Tuesday,
            DayBody::Wednesday => Self::Wednesday,
            DayBody::Thursday => Self::Thursday,
            DayBody::Friday => Self::Friday,
            DayBody::Saturday => Self::Saturday,
            DayBody::Sunday => Self::Sunday,
        }
    }
}

impl From<Weekday> for DayBody {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

impl From<HoursBody> for OpenHours {
    fn from(body: HoursBody) -> Self {
        let time =
            |time: TimeBody| OpenTime { day: time.day.into(), start: time.start, end: time.end };
        let schedule = body.schedule.into_iter().map(time).collect();
        Self { timezone: body.timezone, schedule, holidays: body.holidays }
    }
}

impl From<OpenHours> for HoursBody {
    fn from(hours: OpenHours) -> Self {
        let time =
            |time: OpenTime| TimeBody { day: time.day.into(), start: time.start, end: time.end };
        let schedule = hours.schedule.into_iter().map(time).collect();
        Self { timezone: hours.timezone, schedule, holidays: hours.holidays }
    }
}

impl AppliesToBody {
    fn checked(self) -> Result<AppliesTo, Problem> {
        let group = |name: String| {
            name.parse::<GroupName>().map_err(|error| {
                let pointer = "/applies_to/groups";
                Problem::new(Code::InvalidField, format!("{pointer}: {error}"))
                    .at(pointer, error.to_string())
            })
        };
        Ok(AppliesTo {
            groups: self.groups.into_iter().map(group).collect::<Result<_, _>>()?,
            channels: self.channels.into_iter().map(ChannelId::new).collect(),
            labels: self.labels,
        })
    }
}

fn view(level: ServiceLevel) -> ServiceLevelView {
    let time = |seconds: Option<u32>| seconds.map(service_levels::as_text);
    ServiceLevelView {
        id: level.id.uuid(),
        name: level.name,
        enabled: level.enabled,
        priority: level.priority,
        applies_to: AppliesToBody {
            groups: level.applies_to.groups.into_iter().map(String::from).collect(),
            channels: level.applies_to.channels.into_iter().map(ChannelId::uuid).collect(),
            labels: level.applies_to.labels,
        },
        first_reply: time(level.first_reply_s),
        next_reply: time(level.next_reply_s),
        resolution: time(level.resolution_s),
        due_soon: time(level.due_soon_s),
        customer_idle: time(level.customer_idle_s),
        agent_idle: time(level.agent_idle_s),
        hours: level.hours.map(HoursBody::from),
        pause_when: PauseWhenBody {
            snoozed: level.pause_when.snoozed,
            labels: level.pause_when.labels,
        },
        bots_count: level.bots_count,
        created_at: level.created_at,
    }
}

/// List service levels
#[utoipa::path(
    get, path = "/api/v1/service-levels", tag = "service levels", operation_id = "list_service_levels",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The service levels.", body = Page<ServiceLevelView>)),
    security(("token" = ["admin"])),
)]
async fn list(caller: Caller<Admin>, State(api): State<Api>, params: Params) -> Answer {
    let view = |level: ServiceLevel| Some(view(level));
    answer::documents(&api, &caller, params, Kind::ServiceLevel, Scan::All, view).await
}

/// A service level to make, or what is changed of one. Lengths of time are written as `30s`, `10m`, `1h 30m`, `2 days`;
/// null takes one away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceLevelBody {
    /// Its name: `event.service_level` in a behavior.
    #[serde(default)]
    name: Option<String>,
    /// Whether it counts.
    #[serde(default)]
    enabled: Option<bool>,
    /// Which comes first: the highest; 0, unless given.
    #[serde(default)]
    priority: Option<i64>,
    /// In which chats it counts; in all, unless given.
    #[serde(default)]
    applies_to: Option<AppliesToBody>,
    /// How soon a thread's first reply comes after the customer's first words.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "5m")]
    first_reply: Option<Option<String>>,
    /// How soon each reply after that comes.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "15m")]
    next_reply: Option<Option<String>>,
    /// How soon a thread is closed after it began.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "8h")]
    resolution: Option<Option<String>>,
    /// How long before one of these is missed it is told; one that is not longer than that is not.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "1m")]
    due_soon: Option<Option<String>>,
    /// For how long a customer whose turn it is is silent until it is told.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "10m")]
    customer_idle: Option<Option<String>>,
    /// For how long an agent whose turn it is is silent until it is told.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "10m")]
    agent_idle: Option<Option<String>>,
    /// When time counts; null: always.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<HoursBody>)]
    hours: Option<Option<HoursBody>>,
    /// When time stands still.
    #[serde(default)]
    pause_when: Option<PauseWhenBody>,
    /// Whether what bots say is a reply; it is not, unless given.
    #[serde(default)]
    bots_count: Option<bool>,
}

impl ServiceLevelBody {
    fn checked(self) -> Result<ServiceLevelChange, Problem> {
        Ok(ServiceLevelChange {
            name: self.name,
            enabled: self.enabled,
            priority: self.priority,
            applies_to: self.applies_to.map(AppliesToBody::checked).transpose()?,
            first_reply: self.first_reply,
            next_reply: self.next_reply,
            resolution: self.resolution,
            due_soon: self.due_soon,
            customer_idle: self.customer_idle,
            agent_idle: self.agent_idle,
            hours: self.hours.map(|hours| hours.map(OpenHours::from)),
            pause_when: self
                .pause_when
                .map(|PauseWhenBody { snoozed, labels }| PauseWhen { snoozed, labels }),
            bots_count: self.bots_count,
        })
    }
}

/// Make a service level
///
/// Open chats go by it at once; what was due before it was made is not told.
#[utoipa::path(
    post, path = "/api/v1/service-levels", tag = "service levels", operation_id = "create_service_level", request_body = ServiceLevelBody,
    responses((status = 201, description = "The service level.", body = ServiceLevelView)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<ServiceLevelBody>,
) -> Answer {
    let level = service_levels::create(&api.app, caller.workspace(), body.checked()?).await?;
    Ok(answer::json(StatusCode::CREATED, &view(level)))
}

/// Read a service level
#[utoipa::path(
    get, path = "/api/v1/service-levels/{id}", tag = "service levels", operation_id = "get_service_level",
    params(("id" = Uuid, Path, description = "The service level's id.")),
    responses((status = 200, description = "The service level.", body = ServiceLevelView)),
    security(("token" = ["admin"])),
)]
async fn one(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<ServiceLevelId>) -> Answer {
    let level: ServiceLevel =
        answer::document(&api, &caller, Kind::ServiceLevel, id, "service level").await?;
    Ok(answer::json(StatusCode::OK, &view(level)))
}

/// Change a service level
///
/// Open chats go by it at once.
#[utoipa::path(
    patch, path = "/api/v1/service-levels/{id}", tag = "service levels", operation_id = "change_service_level", request_body = ServiceLevelBody,
    params(("id" = Uuid, Path, description = "The service level's id.")),
    responses((status = 200, description = "The service level.", body = ServiceLevelView)),
    security(("token" = ["admin"])),
)]
async fn change(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<ServiceLevelId>,
    JsonBody(body): JsonBody<ServiceLevelBody>,
) -> Answer {
    let level = service_levels::change(&api.app, caller.workspace(), id, body.checked()?).await?;
    Ok(answer::json(StatusCode::OK, &view(level)))
}

/// Remove a service level
#[utoipa::path(
    delete, path = "/api/v1/service-levels/{id}", tag = "service levels", operation_id = "remove_service_level",
    params(("id" = Uuid, Path, description = "The service level's id.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<ServiceLevelId>,
) -> Answer {
    service_levels::remove(&api.app, caller.workspace(), id).await?;
    Ok(answer::done())
}
