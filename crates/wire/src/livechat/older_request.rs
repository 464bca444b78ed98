//! Requests of older versions: their names and shapes become those of 3.6.
//!
//! What a newer version asks for and an older one did not know is filled in so that nothing changes for the older
//! client: everybody could be addressed, and nobody had to be in the chat. What 3.6 cannot say goes to the handlers
//! under private keys (`_offset` and so on, told at the top of [`livechat`](super)).

use serde_json::{Map, Value, json};
use tidings_model::Timestamp;

use super::error::Failure;
use super::methods::Method;
use super::push::action_of;
use super::version::{Side, Version};

/// The private keys of a request; one that a client sends is taken out.
pub(super) const PRIVATE: [&str; 5] =
    ["_offset", "_thread_ids", "_opens_thread", "_from_outside", "_author_id"];

/// How many rows a page has in 3.0 and 3.1 when the client does not say.
const AGENT_CHATS_DEFAULT: u64 = 25;
const AGENT_THREADS_DEFAULT: u64 = 10;
const CUSTOMER_THREADS_DEFAULT: u64 = 25;

/// The most rows of a page, as in 3.6. Asking for more was no error then.
const ROWS_MAX: u64 = 100;

/// The last page that 3.0 and 3.1 give.
const PAGE_MAX: u64 = 1_000;

/// `seen_up_to` of a client that means everything: later than any event. The handler takes what is earlier, this or now.
pub const SEEN_EVERYTHING: &str = "9999-01-01T00:00:00.000000Z";

type Object = Map<String, Value>;

/// A field that was renamed: (what the client calls it, what 3.6 calls it).
pub(super) type Renamed = (&'static str, &'static str);

/// Changes a payload of an older version in place. Says what was renamed, for the messages.
pub(super) fn modernise(
    method: &Method,
    version: Version,
    payload: &mut Object,
) -> Result<Vec<Renamed>, Failure> {
    let mut request = Request { payload, renamed: Vec::new() };
    if version <= Version::V3_0 {
        request.of_3_0(method)?;
    }
    if version <= Version::V3_1 {
        request.until_3_1(method)?;
    }
    if version <= Version::V3_2 {
        request.until_3_2(method);
    }
    if version <= Version::V3_3 {
        request.until_3_3(method);
    }
    if version <= Version::V3_4 {
        request.until_3_4(method);
    }
    if version <= Version::V3_5 {
        request.until_3_5(method);
    }
    if method.action == "register_webhook" {
        request.webhook_action(version);
    }
    Ok(request.renamed)
}

/// Gives a field its newer name, unless something has that name already. A `null` is nothing.
pub(super) fn rename(object: &mut Object, older: &str, newer: &str) {
    if let Some(value) = object.shift_remove(older)
        && !value.is_null()
        && object.get(newer).is_none_or(Value::is_null)
    {
        object.insert(newer.to_owned(), value);
    }
}

struct Request<'a> {
    payload: &'a mut Object,
    renamed: Vec<Renamed>,
}

impl Request<'_> {
    fn rename(&mut self, older: &'static str, newer: &'static str) {
        rename(self.payload, older, newer);
        self.renamed.push((older, newer));
    }

    fn default(&mut self, name: &str, value: Value) {
        if self.payload.get(name).is_none_or(Value::is_null) {
            self.payload.insert(name.to_owned(), value);
        }
    }

    fn is_true(&self, name: &str) -> bool {
        self.payload.get(name) == Some(&Value::Bool(true))
    }

    fn object(&mut self, name: &str) -> Option<&mut Object> {
        self.payload.get_mut(name)?.as_object_mut()
    }

    fn of_3_0(&mut self, method: &Method) -> Result<(), Failure> {
        match method.action {
            "mark_events_as_seen" => {
                let up_to = match self.payload.shift_remove("timestamp") {
                    None | Some(Value::Null) => SEEN_EVERYTHING.to_owned(),
                    Some(seconds) => end_of_second(&seconds).ok_or_else(|| {
                        Failure::field("timestamp", "must be a time in seconds since 1970")
                    })?,
                };
                self.default("seen_up_to", up_to.into());
            }
            "send_event" => {
                let stays =
                    self.is_true("attach_to_last_thread") || self.is_true("require_active_thread");
                self.payload.shift_remove("require_active_thread");
                if !stays {
                    self.payload.insert("_opens_thread".to_owned(), true.into());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn until_3_1(&mut self, method: &Method) -> Result<(), Failure> {
        match (method.side, method.action) {
            (Side::Agent, "list_chats") => self.pagination(AGENT_CHATS_DEFAULT),
            (Side::Agent, "list_archives") => {
                self.archive_filters()?;
                self.pagination(AGENT_CHATS_DEFAULT);
            }
            (Side::Agent, "list_threads") => {
                self.rename("order", "sort_order");
                self.page_id_alone();
                if !self.payload.contains_key("page_id") {
                    self.default("limit", AGENT_THREADS_DEFAULT.into());
                }
            }
            (Side::Customer, "list_threads") => {
                self.offset();
                self.default("limit", CUSTOMER_THREADS_DEFAULT.into());
            }
            (Side::Customer, "list_chats") => self.offset(),
            (Side::Agent, "list_customers") => {
                self.rename("order", "sort_order");
                self.page_id_alone();
            }
            (_, "get_chat") => {
                if let Some(ids @ Value::Array(_)) = self.payload.shift_remove("thread_ids") {
                    if let Some(first) = ids.get(0) {
                        self.default("thread_id", first.clone());
                    }
                    self.payload.insert("_thread_ids".to_owned(), ids);
                }
            }
            (_, "start_chat" | "resume_chat") => {
                if let Some(chat) = self.object("chat") {
                    bare_values(chat);
                    if let Some(Value::Object(thread)) = chat.get_mut("thread") {
                        bare_values(thread);
                        let events = thread.get_mut("events").and_then(Value::as_array_mut);
                        for event in events.into_iter().flatten() {
                            if let Value::Object(event) = event {
                                bare_values(event);
                            }
                        }
                    }
                }
            }
            (_, "send_event") => {
                if let Some(event) = self.object("event") {
                    bare_values(event);
                }
            }
            (
                _,
                "update_chat_properties" | "update_thread_properties" | "update_event_properties",
            ) => bare_values(self.payload),
            (_, "grant_chat_access" | "revoke_chat_access" | "set_access") => self.access()?,
            (_, "set_routing_status") => self.rename("routing_status", "status"),
            (_, "multicast") => self.rename("scopes", "recipients"),
            (_, "list_group_statuses") => {
                self.rename("groups", "group_ids");
                if self.payload.get("group_ids").is_none_or(Value::is_null) {
                    self.default("all", true.into());
                }
            }
            (Side::Customer, "update_customer") => {
                self.payload.shift_remove("customer_id");
                self.fields("fields");
            }
            (Side::Agent, "update_customer" | "create_customer")
            | (Side::Customer, "set_customer_session_fields") => self.fields("fields"),
            (Side::Customer, "check_goals") => self.fields("customer_fields"),
            (Side::Customer, "login") => {
                if let Some(customer) = self.object("customer") {
                    ordered_fields(customer, "fields");
                    self.renamed.push(("customer.fields", "customer.session_fields"));
                }
            }
            (Side::Agent | Side::Customer | Side::Configuration, _) => {}
        }
        Ok(())
    }

    fn until_3_2(&mut self, method: &Method) {
        match (method.side, method.action) {
            (
                Side::Agent | Side::Customer,
                "deactivate_chat"
                | "follow_chat"
                | "unfollow_chat"
                | "transfer_chat"
                | "update_chat_properties"
                | "delete_chat_properties",
            ) => self.rename("chat_id", "id"),
            (Side::Agent, "get_customer" | "update_customer" | "ban_customer") => {
                self.rename("customer_id", "id");
            }
            (Side::Agent | Side::Customer | Side::Configuration, _) => {}
        }
    }

    fn until_3_3(&mut self, method: &Method) {
        if method.side != Side::Agent {
            return;
        }
        match method.action {
            "transfer_chat" => self.rename("force", "ignore_agents_availability"),
            "add_user_to_chat" => self.default("visibility", "all".into()),
            "send_typing_indicator" => self.rename("recipients", "visibility"),
            "send_event" => {
                self.payload.insert("_from_outside".to_owned(), true.into());
            }
            _ => {}
        }
        if method.param("ignore_requester_presence").is_some() {
            self.payload.insert("ignore_requester_presence".to_owned(), true.into());
        }
    }

    fn until_3_4(&mut self, method: &Method) {
        if method.side != Side::Configuration {
            return;
        }
        match method.action {
            "enable_license_webhooks"
            | "disable_license_webhooks"
            | "get_license_webhooks_state" => {
                self.rename("client_id", "owner_client_id");
            }
            "list_license_properties" => self.rename("namespace_prefix", "namespace"),
            "list_groups_properties" => {
                self.rename("namespace_prefix", "namespace");
                // One group was asked for; a number in an address is text.
                if let Some(id) = self.payload.shift_remove("id") {
                    let number = id.as_str().and_then(|id| id.parse::<u64>().ok());
                    let id = number.map_or(id, Value::from);
                    self.payload.insert("group_ids".to_owned(), json!([id]));
                    self.renamed.push(("id", "group_ids"));
                }
            }
            _ => {}
        }
    }

    fn until_3_5(&mut self, method: &Method) {
        if (method.side, method.action) == (Side::Agent, "list_chats")
            && let Some(filters) = self.object("filters")
            && let Some(include) = filters.shift_remove("include_active")
        {
            // `include_active: true` is what happens anyway; anything but a truth is refused as it was.
            if include != Value::Bool(true) {
                filters.insert("active".to_owned(), include);
                self.renamed.push(("filters.include_active", "filters.active"));
            }
        }
    }

    /// `pagination{page, limit}`, in `get_chats_summary` with the limit under `total`.
    fn pagination(&mut self, default: u64) {
        let pagination = self.payload.shift_remove("pagination").unwrap_or_default();
        let number = |name: &str| pagination.get(name).and_then(Value::as_u64);
        let limit = number("limit").or_else(|| number("total")).unwrap_or(default);
        let limit = limit.clamp(1, ROWS_MAX);
        let page = number("page").unwrap_or(1).clamp(1, PAGE_MAX);
        self.default("limit", limit.into());
        self.pass_over((page - 1) * limit);
    }

    fn offset(&mut self) {
        let offset = self.payload.shift_remove("offset").unwrap_or_default();
        self.pass_over(offset.as_u64().unwrap_or(0));
    }

    fn pass_over(&mut self, rows: u64) {
        if rows > 0 {
            self.payload.insert("_offset".to_owned(), rows.into());
        }
    }

    /// Beside a `page_id` the rest was no error then.
    fn page_id_alone(&mut self) {
        if self.payload.get("page_id").is_some_and(|page_id| !page_id.is_null()) {
            for carried in ["limit", "sort_order", "filters"] {
                self.payload.shift_remove(carried);
            }
        }
    }

    fn archive_filters(&mut self) -> Result<(), Failure> {
        let Some(filters) = self.object("filters") else { return Ok(()) };
        for (older, newer, time) in
            [("date_from", "from", "T00:00:00.000000Z"), ("date_to", "to", "T23:59:59.999999Z")]
        {
            let Some(date) = filters.shift_remove(older).filter(|date| !date.is_null()) else {
                continue;
            };
            let time = date.as_str().map(|date| format!("{date}{time}"));
            let time = time.filter(|time| time.parse::<Timestamp>().is_ok());
            let time = time.ok_or_else(|| {
                Failure::field(&format!("filters.{older}"), "must be a date such as 2026-06-12")
            })?;
            filters.insert(newer.to_owned(), time.into());
        }
        if let Some(ids) = filters.shift_remove("agent_ids").filter(|ids| !ids.is_null()) {
            filters.insert("agents".to_owned(), json!({ "values": ids }));
        }
        Ok(())
    }

    /// `{resource, id, access{type, id}}` is about one chat and one group.
    fn access(&mut self) -> Result<(), Failure> {
        if self.payload.get("resource").is_some_and(|resource| resource != "chat") {
            return Err(Failure::field("resource", "must be chat"));
        }
        let Some(access) = self.object("access") else { return Ok(()) };
        if let Some(kind) = access.get("type") {
            if kind != "group" {
                return Err(Failure::field("access.type", "must be group"));
            }
            let id = access.get("id").cloned().unwrap_or_default();
            *access = Object::new();
            access.insert("group_ids".to_owned(), json!([id]));
        }
        Ok(())
    }

    fn fields(&mut self, older: &'static str) {
        ordered_fields(self.payload, older);
        self.renamed.push((older, "session_fields"));
    }

    fn webhook_action(&mut self, version: Version) {
        let action = self.payload.get("action").and_then(Value::as_str);
        if let Some(newer) = action.and_then(|name| action_of(Side::Agent, version, name)) {
            self.payload.insert("action".to_owned(), newer.into());
        }
    }
}

/// `{k: v}` becomes `[{k: v}]`, in the same order.
fn ordered_fields(object: &mut Object, older: &str) {
    if let Some(Value::Object(fields)) = object.get(older) {
        let listed: Vec<Value> =
            fields.iter().map(|(key, value)| json!({ key.as_str(): value })).collect();
        object.insert("session_fields".to_owned(), listed.into());
        object.shift_remove(older);
    } else {
        rename(object, older, "session_fields");
    }
}

/// `{"value": v}` of a property becomes `v`: some clients sent back what they got.
fn bare_values(object: &mut Object) {
    let namespaces = object.get_mut("properties").and_then(Value::as_object_mut);
    for (_, names) in namespaces.into_iter().flatten() {
        for (_, value) in names.as_object_mut().into_iter().flatten() {
            if let Value::Object(wrapped) = value
                && wrapped.len() == 1
                && let Some(bare) = wrapped.get_mut("value")
            {
                *value = bare.take();
            }
        }
    }
}

/// The last moment of a second: what was seen in that second was seen whole.
fn end_of_second(seconds: &Value) -> Option<String> {
    let seconds = Timestamp::from_second(seconds.as_i64()?).ok()?;
    let text = format!("{seconds:.6}");
    Some(format!("{}.999999Z", text.strip_suffix(".000000Z")?))
}

#[cfg(test)]
mod tests;
