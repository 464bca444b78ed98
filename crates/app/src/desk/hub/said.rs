//! What is said to open connections: the pushes of one event with their frames, each written once.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;
use tidings_model::Seq;
use tidings_wire::livechat::{self, Side, Version};

use super::RequestMark;
use crate::desk::push::{Agents, Push};
use crate::pipeline::scene::Scene;

/// The pushes of one event, or of one signal.
#[derive(Debug)]
pub(super) struct Said {
    /// The event's number; `None` for what is not kept.
    pub(super) seq: Option<Seq>,
    /// The request that caused it.
    pub(super) request: Option<RequestMark>,
    /// Whether nobody but the connection of the request hears it.
    pub(super) to_requester_only: bool,
    /// The pushes.
    pub(super) pushes: Vec<SaidPush>,
    /// About how many bytes this takes.
    pub(super) weight: usize,
}

/// One push with its frames.
#[derive(Debug)]
pub(super) struct SaidPush {
    pub(super) push: Push,
    /// The chat by which agents are chosen, as it was when this was made.
    pub(super) scene: Option<Arc<Scene>>,
    frames: [Frames; 2],
}

/// The frames of one side, one for each version.
type Frames = [OnceLock<Option<Frame>>; Version::ALL.len()];

/// A frame, without the name of a request.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// What the push is called in this version.
    pub(super) name: &'static str,
    /// The JSON text.
    pub(super) bytes: Bytes,
}

/// Since which version frames name their version.
const NAMES_VERSION_SINCE: Version = Version::V3_3;

impl SaidPush {
    pub(super) fn new(push: Push, scene: Option<Arc<Scene>>) -> Self {
        Self { push, scene, frames: Default::default() }
    }

    /// The chat whose people hear this.
    pub(super) const fn chat(push: &Push) -> Option<tidings_model::ChatId> {
        match &push.agents {
            Agents::OfChat { chat, .. } => Some(*chat),
            Agents::Nobody
            | Agents::All
            | Agents::OfPastThread(_)
            | Agents::These(_)
            | Agents::Watching(_) => None,
        }
    }

    /// What the push is called in 3.6.
    pub(super) fn action(&self) -> &'static str {
        let said = self.push.to_agents.as_ref().or(self.push.to_customer.as_ref());
        said.map_or("", |(action, _)| action)
    }

    /// The frame for a side and version; `None` where there is none.
    pub(super) fn frame(&self, side: Side, version: Version, seq: Option<Seq>) -> Option<&Frame> {
        let (place, said) = match side {
            Side::Agent => (0, self.push.to_agents.as_ref()),
            Side::Customer => (1, self.push.to_customer.as_ref()),
            Side::Configuration => return None,
        };
        let (action, payload) = said?;
        let kept = self.frames.get(place)?.get(version as usize)?;
        kept.get_or_init(|| write(side, version, action, payload, seq)).as_ref()
    }
}

/// Writes a push of 3.6 as a frame of a version.
fn write(
    side: Side,
    version: Version,
    action: &str,
    payload: &Value,
    seq: Option<Seq>,
) -> Option<Frame> {
    let (name, payload) = livechat::push(side, version, action, payload)?;
    Some(Frame { name, bytes: frame(version, name, &payload, seq) })
}

/// The text of a push.
pub fn frame(version: Version, name: &str, payload: &Value, seq: Option<Seq>) -> Bytes {
    use std::io::Write;
    let mut text = Vec::with_capacity(512);
    let written = (|| {
        text.write_all(b"{")?;
        if version >= NAMES_VERSION_SINCE {
            write!(text, "\"version\":\"{version}\",")?;
        }
        write!(text, "\"action\":\"{name}\",\"type\":\"push\",")?;
        if let Some(seq) = seq {
            write!(text, "\"seq\":{seq},")?;
        }
        text.write_all(b"\"payload\":")?;
        serde_json::to_writer(&mut text, payload).map_err(std::io::Error::other)?;
        text.write_all(b"}")
    })();
    written.expect("writing JSON to memory cannot fail");
    text.into()
}

/// The same frame, with the name of the request that caused it.
pub(super) fn with_request(frame: &Bytes, request_id: &str) -> Bytes {
    let name = Value::from(request_id).to_string();
    let rest = frame.strip_prefix(b"{").unwrap_or(frame);
    let mut text = Vec::with_capacity(frame.len() + name.len() + 16);
    text.extend_from_slice(b"{\"request_id\":");
    text.extend_from_slice(name.as_bytes());
    text.push(b',');
    text.extend_from_slice(rest);
    text.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frame_is_written_once_for_each_version_and_names_the_request_of_who_caused_it() {
        let push = Push {
            to_agents: Some(("chat_deactivated", json!({ "chat_id": "A", "_order": 1 }))),
            ..Push::default()
        };
        let said = SaidPush::new(push, None);
        let first = said.frame(Side::Agent, Version::V3_6, Some(Seq(7))).expect("a frame");
        let again = said.frame(Side::Agent, Version::V3_6, Some(Seq(7))).expect("a frame");
        assert!(std::ptr::eq(first, again));
        let read = |bytes: &Bytes| -> Value { serde_json::from_slice(bytes).expect("JSON") };
        assert_eq!(
            read(&first.bytes),
            json!({ "version": "3.6", "action": "chat_deactivated", "type": "push", "seq": 7,
                    "payload": { "chat_id": "A" } })
        );
        assert_eq!(
            read(&with_request(&first.bytes, "a\"b")).get("request_id"),
            Some(&json!("a\"b"))
        );
        assert!(said.frame(Side::Customer, Version::V3_6, None).is_none());
        let old = said.frame(Side::Agent, Version::V3_0, None).expect("a frame");
        assert!(read(&old.bytes).get("version").is_none());
    }
}
