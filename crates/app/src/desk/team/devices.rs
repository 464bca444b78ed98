//! The mobile devices on which agents want to be told of chats (until 3.4). We send nothing there: who does reads them from
//! the agent's document.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change;
use crate::App;
use crate::desk::{Actor, Failure};

/// The detail of an agent that holds their devices.
const DEVICES: &str = "push_devices";

/// The most devices of an agent; the oldest goes.
const DEVICES_MAX: usize = 20;

/// The longest name of a device, in bytes: Firebase's have some two hundred.
const TOKEN_BYTES_MAX: usize = 4_096;

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its name at Firebase.
    pub firebase_token: String,
    /// `ios` or `android`.
    pub platform: String,
    /// Whether the agent wants to be told there.
    pub enabled: bool,
}

/// Notes a device of the agent who calls. Doing it again changes nothing.
pub async fn set(app: &App, actor: &Actor, device: &Device) -> Result<(), Failure> {
    let id = actor.needs_agent()?.id.to_string();
    if device.firebase_token.is_empty() || device.firebase_token.len() > TOKEN_BYTES_MAX {
        let why = format!("must have 1 to {TOKEN_BYTES_MAX} bytes");
        return Err(Failure::field("firebase_token", why));
    }
    change(app, actor, |team| {
        let details = &mut team.agent_mut(&id)?.details;
        let known = details.get(DEVICES).and_then(Value::as_array).cloned().unwrap_or_default();
        let token = Value::from(device.firebase_token.as_str());
        let mut devices = known;
        let place = devices.iter().position(|known| known.get("firebase_token") == Some(&token));
        match place.and_then(|place| devices.get_mut(place)) {
            Some(known) => *known = json!(device),
            None => devices.push(json!(device)),
        }
        let surplus = devices.len().saturating_sub(DEVICES_MAX);
        devices.drain(..surplus);
        details.insert(DEVICES.into(), devices.into());
        Ok(())
    })
    .await
}
