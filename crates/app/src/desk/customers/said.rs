//! What is said of a customer, by themselves or by an agent.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::{ChannelId, Customer, CustomerId};
use tidings_wire::livechat::show::{self, Lens};

use super::{By, Chats, decide, know_by};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::{Actor, ErrorType, Failure};

/// The most session fields of a customer: the vendor's figure.
pub const SESSION_FIELDS_MAX: usize = 100;

/// The longest text that is kept of a customer's own words, in bytes.
const TEXT_BYTES_MAX: usize = 2_048;

/// The largest of `session_fields`, `omnichannel` and `address`, in bytes of JSON.
const OBJECT_BYTES_MAX: usize = 64 << 10;

/// What is said of a customer. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    name: Option<String>,
    email: Option<String>,
    avatar: Option<String>,
    phone_number: Option<String>,
    session_fields: Option<Vec<Map<String, Value>>>,
    omnichannel: Option<Map<String, Value>>,
    address: Option<Map<String, Value>>,
    name_is_default: Option<bool>,
}

impl Said {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.email.is_none()
            && self.avatar.is_none()
            && self.phone_number.is_none()
            && self.session_fields.is_none()
            && self.omnichannel.is_none()
            && self.address.is_none()
            && self.name_is_default.is_none()
    }

    fn check(&self) -> Result<(), Failure> {
        let texts = [
            ("name", &self.name),
            ("email", &self.email),
            ("avatar", &self.avatar),
            ("phone_number", &self.phone_number),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
                return Err(Failure::field(
                    field,
                    format!("must have at most {TEXT_BYTES_MAX} bytes"),
                ));
            }
        }
        let is_address = |text: &str| {
            let parts = text.split_once('@');
            parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
                && !text.contains(char::is_whitespace)
        };
        if self.email.as_ref().is_some_and(|text| !text.is_empty() && !is_address(text)) {
            return Err(Failure::field("email", "must be a mail address, as alice@example.org"));
        }
        let objects = [
            ("session_fields", self.session_fields.as_ref().map(|fields| json!(fields))),
            ("omnichannel", self.omnichannel.as_ref().map(|map| json!(map))),
            ("address", self.address.as_ref().map(|map| json!(map))),
        ];
        for (field, value) in objects {
            if value.is_some_and(|value| value.to_string().len() > OBJECT_BYTES_MAX) {
                return Err(Failure::field(
                    field,
                    format!("must have at most {OBJECT_BYTES_MAX} bytes"),
                ));
            }
        }
        Ok(())
    }

    /// Writes it into a customer.
    pub fn apply(&self, customer: &mut Customer) -> Result<(), Failure> {
        self.check()?;
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        if let Some(name) = &self.name {
            customer.name = given(name);
        }
        if let Some(email) = &self.email {
            let email = given(email);
            if email != customer.email {
                customer.email_verified = false;
            }
            customer.email = email;
        }
        if let Some(avatar) = &self.avatar {
            customer.avatar = given(avatar);
        }
        if let Some(phone) = &self.phone_number {
            customer.phone_number = given(phone);
        }
        if let Some(fields) = &self.session_fields {
            merge_session_fields(customer, fields)?;
        }
        if let Some(address) = &self.address {
            customer.details.insert("address".into(), json!(address));
        }
        if let Some(omnichannel) = &self.omnichannel {
            let mut known = customer
                .details
                .get("omnichannel")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            known.extend(omnichannel.clone());
            customer.details.insert("omnichannel".into(), Value::Object(known));
        }
        if let Some(is_default) = self.name_is_default {
            customer.details.insert("name_is_default".into(), is_default.into());
        }
        Ok(())
    }
}

/// Session fields by their keys, in the order in which they first came.
fn merge_session_fields(
    customer: &mut Customer,
    said: &[Map<String, Value>],
) -> Result<(), Failure> {
    for (key, value) in said.iter().flatten() {
        let known = customer.session_fields.iter_mut().find_map(|field| field.get_mut(key));
        match known {
            Some(known) => *known = value.clone(),
            None => customer.session_fields.push(Map::from_iter([(key.clone(), value.clone())])),
        }
    }
    if customer.session_fields.len() > SESSION_FIELDS_MAX {
        return Err(Failure::new(
            ErrorType::CustomerSessionFieldsLimitReached,
            format!("a customer has at most {SESSION_FIELDS_MAX} session fields"),
        ));
    }
    Ok(())
}

/// What is answered: nothing but that it was done. The first version wants the customer.
fn done(customer: &Customer, lens: &Lens<'_>) -> Value {
    json!({ "_customer": show::customer(lens, customer, None, None) })
}

fn nothing_said() -> Failure {
    Failure::new(ErrorType::Validation, "at least one field must be given")
}

/// A customer says something of themselves.
pub async fn by_customer(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    said: &Said,
) -> Result<Value, Failure> {
    if said.is_empty() {
        return Err(nothing_said());
    }
    of_oneself(app, actor, channel, |customer| said.apply(customer)).await
}

/// A customer says all their session fields; those that are not named go.
pub async fn set_session_fields(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    fields: &[Map<String, Value>],
) -> Result<Value, Failure> {
    let said = Said { session_fields: Some(fields.to_vec()), ..Said::default() };
    of_oneself(app, actor, channel, |customer| {
        customer.session_fields.clear();
        said.apply(customer)
    })
    .await
}

async fn of_oneself(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    apply: impl Fn(&mut Customer) -> Result<(), Failure> + Send + Sync,
) -> Result<Value, Failure> {
    let id = actor.needs_customer()?;
    let by = By::actor(actor);
    let decided = decide(app, &by, id, Chats::Active, |change| {
        if let Some(channel) = channel {
            know_by(&mut change.customer, channel);
        }
        apply(&mut change.customer)
    })
    .await?;
    let veil = opaque(app, actor.workspace);
    Ok(done(&decided.customer, &actor.lens(&veil)))
}

/// An agent says something of a customer; whoever is in an active chat with them is told.
pub async fn by_agent(app: &App, actor: &Actor, id: &str, said: &Said) -> Result<Value, Failure> {
    let agent = actor.needs_agent()?.name.clone();
    if said.is_empty() {
        return Err(nothing_said());
    }
    let id = read_id(id)?;
    let by = By::actor(actor);
    let decided = decide(app, &by, id, Chats::Active, |change| {
        change.needs_known()?;
        said.apply(&mut change.customer)?;
        let now = change.customer.clone();
        let differs = change.before.is_some_and(|before| *before != now);
        if !differs {
            return Ok(());
        }
        let mut vars = vec![("initiator", agent.as_str())];
        if said.name.is_some() {
            vars.extend(now.name.as_deref().map(|name| ("customer_name", name)));
        }
        if said.email.is_some() {
            vars.extend(now.email.as_deref().map(|email| ("customer_email", email)));
        }
        let text = format!("{agent} updated the customer's details");
        change.tell_chats("customer_updated", &text, &vars);
        Ok(())
    })
    .await?;
    Ok(done(&decided.customer, &Lens::Agent))
}

/// The id that a client names.
pub(super) fn read_id(id: &str) -> Result<CustomerId, Failure> {
    id.parse().map_err(|_| Failure::new(ErrorType::NotFound, "there is no such customer"))
}

/// An agent enters a customer by hand (until 3.5).
pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    actor.needs_agent()?;
    let id = CustomerId::new(app.clock.next_id());
    let by = By::actor(actor);
    let decided =
        decide(app, &by, id, Chats::None, |change| said.apply(&mut change.customer)).await?;
    let mut answer = done(&decided.customer, &Lens::Agent);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("customer_id".into(), json!(id));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Customer {
        let id = CustomerId::new(uuid::Uuid::from_u128(1));
        Customer::new(id, tidings_model::Timestamp::UNIX_EPOCH)
    }

    fn said(value: Value) -> Said {
        serde_json::from_value(value).expect("it reads")
    }

    #[test]
    fn session_fields_keep_their_order_and_have_an_end() {
        let mut alice = alice();
        said(json!({ "session_fields": [{ "a": 1 }, { "b": 2 }] }))
            .apply(&mut alice)
            .expect("good");
        said(json!({ "session_fields": [{ "c": 3 }, { "a": 9 }] }))
            .apply(&mut alice)
            .expect("good");
        assert_eq!(json!(alice.session_fields), json!([{ "a": 9 }, { "b": 2 }, { "c": 3 }]));
        let many: Vec<Value> = (0..98).map(|n| json!({ format!("k{n}"): n })).collect();
        let refused = said(json!({ "session_fields": many })).apply(&mut alice);
        let kind = refused.map_err(|failure| failure.error_type);
        assert_eq!(kind, Err(ErrorType::CustomerSessionFieldsLimitReached));
    }

    #[test]
    fn another_address_is_not_proved() {
        let mut alice = alice();
        (alice.email, alice.email_verified) = (Some("alice@example.org".into()), true);
        said(json!({ "email": "alice@example.org" })).apply(&mut alice).expect("good");
        assert!(alice.email_verified);
        said(json!({ "email": "carol@example.org" })).apply(&mut alice).expect("good");
        assert!(!alice.email_verified);
    }
}
