//! What a table cannot say: parameters that exclude each other, that need each other, or that are counted together.
//!
//! These look at a payload that the table found good, in the names of 3.6.

use serde_json::{Map, Value};

use super::error::{ErrorType, Failure};
use super::methods::Method;
use super::version::Side;

/// How many session fields a customer may have: the published figure.
pub const SESSION_FIELDS_MAX: usize = 100;

/// How many agents `chat.users` may name: the published four further ones, and the requester.
pub const INITIAL_AGENTS_MAX: usize = 5;

/// How many customers a chat has: the published figure.
pub const INITIAL_CUSTOMERS_MAX: usize = 1;

/// What a `page_id` carries already, so that it cannot be given beside it.
const CARRIED_BY_PAGE_ID: [&str; 4] = ["filters", "sort_order", "limit", "min_events_count"];

/// The filters of `list_archives` that take one of `exists`, `values` and `exclude_values`.
const EITHER_OR_FILTERS: [&str; 8] = [
    "agents",
    "tags",
    "sales",
    "goals",
    "event_types",
    "greetings",
    "agent_response",
    "customer_countries",
];

/// Who may have answered, in the filter `agent_types`.
const AGENT_TYPES: [&str; 3] = ["human", "chatbot", "ai_agent"];

type Payload = Map<String, Value>;

/// Checks what the table cannot.
pub(super) fn check(method: &Method, payload: &Payload) -> Result<(), Failure> {
    if method.param("page_id").is_some() {
        page_id_goes_alone(payload)?;
    }
    match (method.side, method.action) {
        (side @ (Side::Agent | Side::Customer), "list_threads") => {
            if payload.contains_key("min_events_count") {
                excludes(payload, "min_events_count", "limit")?;
                if side == Side::Agent {
                    excludes(payload, "min_events_count", "filters")?;
                }
            }
        }
        (Side::Agent, "list_archives") => archives(payload)?,
        (Side::Agent, "start_chat" | "resume_chat") => {
            initial_users(payload)?;
            initial_properties(payload)?;
        }
        (Side::Customer, "start_chat" | "resume_chat") => initial_properties(payload)?,
        (Side::Agent, "transfer_chat") => transfer_target(payload)?,
        (Side::Agent, "add_user_to_chat") => {
            let is = |field: &str, word: &str| payload.get(field).is_some_and(|v| v == word);
            if is("user_type", "customer") && is("visibility", "agents") {
                return Err(Failure::field("visibility", "must be all for a customer"));
            }
        }
        (Side::Agent, "update_customer") => {
            let changes = payload.keys().any(|key| key != "id" && method.param(key).is_some());
            if !changes {
                return Err(Failure::field("id", "needs at least one field to change beside it"));
            }
            session_fields(payload, "")?;
        }
        (Side::Customer, "update_customer") => {
            if !payload.keys().any(|key| method.param(key).is_some()) {
                return Err(Failure::new(
                    ErrorType::Validation,
                    "at least one field to change is required",
                ));
            }
            session_fields(payload, "")?;
        }
        (Side::Customer, "set_customer_session_fields" | "check_goals")
        | (Side::Agent, "create_customer") => session_fields(payload, "")?,
        (Side::Customer, "login") => {
            if let Some(customer) = payload.get("customer").and_then(Value::as_object) {
                session_fields(customer, "customer.")?;
            }
        }
        (Side::Agent, "multicast") => multicast_recipients(payload)?,
        (Side::Customer, "list_group_statuses") => {
            let all = payload.get("all").and_then(Value::as_bool).unwrap_or(false);
            if !all && !payload.contains_key("group_ids") {
                return Err(Failure::field("group_ids", "is required when `all` is not true"));
            }
        }
        (
            _,
            "update_chat_properties"
            | "update_thread_properties"
            | "update_event_properties"
            | "update_license_properties"
            | "update_group_properties",
        ) => property_values(payload.get("properties"), "properties")?,
        (
            _,
            "delete_chat_properties"
            | "delete_thread_properties"
            | "delete_event_properties"
            | "delete_license_properties"
            | "delete_group_properties",
        ) => property_names(payload.get("properties"), "properties")?,
        (Side::Configuration, "unban_customer") => {
            if payload.contains_key("ip") == payload.contains_key("customer_id") {
                return Err(Failure::field("customer_id", "or `ip` is required, and not both"));
            }
        }
        (Side::Configuration, "register_webhook") => webhook_filters(payload)?,
        (Side::Configuration, "register_property") => property_configuration(payload)?,
        (Side::Agent | Side::Customer | Side::Configuration, _) => {}
    }
    Ok(())
}

fn page_id_goes_alone(payload: &Payload) -> Result<(), Failure> {
    if payload.contains_key("page_id") {
        for other in CARRIED_BY_PAGE_ID {
            excludes(payload, "page_id", other)?;
        }
    }
    Ok(())
}

fn excludes(payload: &Payload, given: &str, other: &str) -> Result<(), Failure> {
    if payload.contains_key(other) {
        return Err(Failure::field(other, format_args!("cannot be used together with `{given}`")));
    }
    Ok(())
}

fn archives(payload: &Payload) -> Result<(), Failure> {
    let Some(filters) = payload.get("filters").and_then(Value::as_object) else {
        return Ok(());
    };
    if filters.contains_key("thread_ids") {
        if let Some(other) = filters.keys().find(|key| *key != "thread_ids") {
            return Err(Failure::field(
                &format!("filters.{other}"),
                "cannot be used together with `filters.thread_ids`",
            ));
        }
        excludes(payload, "filters.thread_ids", "limit")?;
    }
    for name in EITHER_OR_FILTERS {
        if let Some(filter) = filters.get(name) {
            either_or(filter, &format!("filters.{name}"))?;
        }
    }
    agent_types(filters)?;
    let properties = filters.get("properties").and_then(Value::as_object);
    for (namespace, names) in properties.into_iter().flatten() {
        for (name, filter) in names.as_object().into_iter().flatten() {
            either_or(filter, &format!("filters.properties.{namespace}.{name}"))?;
        }
    }
    Ok(())
}

fn agent_types(filters: &Payload) -> Result<(), Failure> {
    let Some(filter) = filters.get("agent_types").and_then(Value::as_object) else {
        return Ok(());
    };
    for (key, values) in filter {
        let known = |value: &Value| value.as_str().is_some_and(|word| AGENT_TYPES.contains(&word));
        if !values.as_array().is_some_and(|values| values.iter().all(known)) {
            return Err(Failure::field(
                &format!("filters.agent_types.{key}"),
                format_args!("must be a list of {}", AGENT_TYPES.join(", ")),
            ));
        }
    }
    Ok(())
}

fn either_or(filter: &Value, field: &str) -> Result<(), Failure> {
    let Some(filter) = filter.as_object() else {
        return Err(Failure::field(field, "must be an object"));
    };
    let given = ["exists", "values", "exclude_values"]
        .into_iter()
        .filter(|key| filter.get(*key).is_some_and(|value| !value.is_null()))
        .count();
    if given > 1 {
        return Err(Failure::field(field, "must have one of exists, values and exclude_values"));
    }
    Ok(())
}

fn initial_users(payload: &Payload) -> Result<(), Failure> {
    let users = payload.get("chat").and_then(|chat| chat.get("users")).and_then(Value::as_array);
    let of_type = |kind: &str| {
        let mut count = 0;
        for user in users.into_iter().flatten() {
            if user.get("type").is_some_and(|is| is == kind) {
                count += 1;
            }
        }
        count
    };
    if of_type("customer") > INITIAL_CUSTOMERS_MAX {
        return Err(Failure::field(
            "chat.users",
            format_args!("must name at most {INITIAL_CUSTOMERS_MAX} customer"),
        ));
    }
    if of_type("agent") > INITIAL_AGENTS_MAX {
        return Err(Failure::field(
            "chat.users",
            format_args!("must name at most {INITIAL_AGENTS_MAX} agents"),
        ));
    }
    Ok(())
}

fn initial_properties(payload: &Payload) -> Result<(), Failure> {
    let Some(chat) = payload.get("chat") else { return Ok(()) };
    property_values(chat.get("properties"), "chat.properties")?;
    let thread = chat.get("thread");
    property_values(thread.and_then(|thread| thread.get("properties")), "chat.thread.properties")
}

fn transfer_target(payload: &Payload) -> Result<(), Failure> {
    let Some(target) = payload.get("target") else { return Ok(()) };
    let ids = target.get("ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if ids.is_empty() {
        return Err(Failure::field("target.ids", "must have at least one id"));
    }
    if target.get("type").is_some_and(|kind| kind == "group") {
        if !ids.iter().all(|id| id.is_i64() || id.is_u64()) {
            return Err(Failure::field(
                "target.ids",
                "must be a list of whole numbers for a group",
            ));
        }
    } else if !ids.iter().all(Value::is_string) {
        return Err(Failure::field("target.ids", "must be a list of texts for an agent"));
    }
    Ok(())
}

/// `{namespace: {name: value}}`, a value being text, a whole number or a truth.
pub(super) fn property_values(properties: Option<&Value>, field: &str) -> Result<(), Failure> {
    let Some(properties) = properties else { return Ok(()) };
    let Some(namespaces) = properties.as_object() else {
        return Err(Failure::field(field, "must be an object"));
    };
    for (namespace, names) in namespaces {
        let field = format!("{field}.{namespace}");
        let Some(names) = names.as_object() else {
            return Err(Failure::field(&field, "must be an object"));
        };
        for (name, value) in names {
            if !(value.is_string() || value.is_boolean() || value.is_i64() || value.is_u64()) {
                return Err(Failure::field(
                    &format!("{field}.{name}"),
                    "must be text, a whole number, true or false",
                ));
            }
        }
    }
    Ok(())
}

/// `{namespace: [name]}`.
fn property_names(properties: Option<&Value>, field: &str) -> Result<(), Failure> {
    for (namespace, names) in properties.and_then(Value::as_object).into_iter().flatten() {
        if !names.as_array().is_some_and(|names| names.iter().all(Value::is_string)) {
            return Err(Failure::field(&format!("{field}.{namespace}"), "must be a list of texts"));
        }
    }
    Ok(())
}

fn session_fields(payload: &Payload, prefix: &str) -> Result<(), Failure> {
    let field = format!("{prefix}session_fields");
    let mut count = 0;
    let fields = payload.get("session_fields").and_then(Value::as_array);
    for object in fields.into_iter().flatten() {
        for (key, value) in object.as_object().into_iter().flatten() {
            if !value.is_string() {
                return Err(Failure::field(&format!("{field}.{key}"), "must be text"));
            }
            count += 1;
        }
    }
    if count > SESSION_FIELDS_MAX {
        let mut failure = Failure::field(
            &field,
            format_args!("must have at most {SESSION_FIELDS_MAX} keys, not {count}"),
        );
        failure.error_type = ErrorType::CustomerSessionFieldsLimitReached;
        return Err(failure);
    }
    Ok(())
}

fn multicast_recipients(payload: &Payload) -> Result<(), Failure> {
    let recipients = payload.get("recipients").and_then(Value::as_object);
    let mut kinds = 0;
    for kind in ["agents", "customers"] {
        let Some(who) = recipients.and_then(|recipients| recipients.get(kind)) else { continue };
        let field = format!("recipients.{kind}");
        let Some(who) = who.as_object() else {
            return Err(Failure::field(&field, "must be an object"));
        };
        if let Some(all) = who.get("all")
            && !all.is_boolean()
        {
            return Err(Failure::field(&format!("{field}.all"), "must be true or false"));
        }
        if let Some(ids) = who.get("ids")
            && !ids.as_array().is_some_and(|ids| ids.iter().all(Value::is_string))
        {
            return Err(Failure::field(&format!("{field}.ids"), "must be a list of texts"));
        }
        if let Some(groups) = who.get("groups")
            && !groups.as_array().is_some_and(|ids| ids.iter().all(Value::is_i64))
        {
            return Err(Failure::field(
                &format!("{field}.groups"),
                "must be a list of whole numbers",
            ));
        }
        kinds += 1;
    }
    if kinds == 0 {
        return Err(Failure::field("recipients", "must have agents or customers"));
    }
    Ok(())
}

/// The values are a list or a range, a range of whole numbers, and readers and writers are agents and customers.
fn property_configuration(payload: &Payload) -> Result<(), Failure> {
    if payload.contains_key("range") {
        excludes(payload, "range", "domain")?;
        if payload.get("type").is_some_and(|kind| kind != "int") {
            return Err(Failure::field("range", "can be used for the type int only"));
        }
    }
    let access = payload.get("access").and_then(Value::as_object);
    for (location, users) in access.into_iter().flatten() {
        for (user, _) in users.as_object().into_iter().flatten() {
            if !matches!(user.as_str(), "agent" | "customer") {
                return Err(Failure::field(
                    &format!("access.{location}.{user}"),
                    "is none of agent, customer",
                ));
            }
        }
    }
    Ok(())
}

fn webhook_filters(payload: &Payload) -> Result<(), Failure> {
    let Some(filters) = payload.get("filters").and_then(Value::as_object) else {
        return Ok(());
    };
    let action = payload.get("action").and_then(Value::as_str).unwrap_or_default();
    if filters.contains_key("author_type") && !matches!(action, "incoming_event" | "event_updated")
    {
        return Err(Failure::field(
            "filters.author_type",
            "can be used for incoming_event and event_updated only",
        ));
    }
    let users = filters.get("chat_presence").and_then(|presence| presence.get("user_ids"));
    if let Some(users) = users
        && users.get("values").is_some()
        && users.get("exclude_values").is_some()
    {
        return Err(Failure::field(
            "filters.chat_presence.user_ids",
            "must have one of values and exclude_values",
        ));
    }
    Ok(())
}
