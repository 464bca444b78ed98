//! Requests and answers as they stand in frames.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::hub::{Cut, frame};
use tidings_model::{NESTING_MAX, nesting};
use tidings_wire::livechat::{ErrorType, Failure, Side, Version};

/// The longest name of a request, in bytes: SDKs take some twenty.
const REQUEST_ID_BYTES_MAX: usize = 256;

/// After how long a client may come back that the server sent away, in milliseconds.
const COME_BACK_AFTER_MS: u64 = 1_000;

/// A request.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    /// The version that it is of; the connection's, unless it is said.
    #[serde(default)]
    pub(super) version: Option<String>,
    /// The client's name for it.
    #[serde(default)]
    pub(super) request_id: Option<String>,
    /// The method.
    pub(super) action: String,
    /// The bot that an agent speaks for.
    #[serde(default)]
    pub(super) author_id: Option<String>,
    /// The parameters.
    #[serde(default)]
    pub(super) payload: Option<Value>,
}

/// Reads a request; what cannot be read is answered as well as it can be.
pub(super) fn read(text: &str) -> Result<Request, Bytes> {
    let refused = |request_id: Option<&str>, action: Option<&str>, why: String| {
        let failure = Failure::new(ErrorType::Validation, why);
        answer(request_id, action.unwrap_or_default(), Err(failure))
    };
    if nesting(text.as_bytes()) > NESTING_MAX {
        let why = format!("the frame is nested deeper than {NESTING_MAX} levels");
        return Err(refused(None, None, why));
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| refused(None, None, format!("the frame is not JSON: {error}")))?;
    let (request_id, action) = (
        value.get("request_id").and_then(Value::as_str),
        value.get("action").and_then(Value::as_str),
    );
    if request_id.is_some_and(|id| id.len() > REQUEST_ID_BYTES_MAX) {
        let why = format!("`request_id` must have at most {REQUEST_ID_BYTES_MAX} bytes");
        return Err(refused(None, action, why));
    }
    Request::deserialize(&value).map_err(|error| {
        refused(request_id, action, format!("the frame is not a request: {error}"))
    })
}

/// An answer.
pub(super) fn answer(
    request_id: Option<&str>,
    action: &str,
    result: Result<Value, Failure>,
) -> Bytes {
    let (success, payload) = match result {
        Ok(payload) => (true, payload),
        Err(failure) => (false, json!({ "error": failure.to_json() })),
    };
    let mut answer = json!({ "action": action, "type": "response", "success": success });
    if let Some(request_id) = request_id {
        put(&mut answer, "request_id", request_id.into());
    }
    put(&mut answer, "payload", payload);
    Bytes::from(answer.to_string())
}

/// The last push of a connection that we close.
pub(super) fn disconnected(side: Side, version: Version, cut: Cut) -> Bytes {
    let name = match side {
        Side::Customer => "customer_disconnected",
        Side::Agent | Side::Configuration => "agent_disconnected",
    };
    let mut payload = json!({ "reason": cut.reason(side) });
    if cut == Cut::Stopping && side == Side::Customer {
        put(&mut payload, "data", json!({ "timeout": COME_BACK_AFTER_MS }));
    }
    frame(version, name, &payload, None)
}

fn put(of: &mut Value, name: &str, value: Value) {
    if let Value::Object(of) = of {
        of.insert(name.to_owned(), value);
    }
}

/// The version of a request: never lower than the connection's.
pub(super) fn version_of(request: &Request, connection: Version) -> Result<Version, Failure> {
    let Some(text) = &request.version else { return Ok(connection) };
    let version: Version = text
        .parse()
        .map_err(|error| Failure::new(ErrorType::UnsupportedVersion, format!("{error}")))?;
    if version < connection {
        return Err(Failure::new(
            ErrorType::UnsupportedVersion,
            format!(
                "the connection speaks {connection}: a request may be of that version or a higher one"
            ),
        ));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Value {
        let refused = read(text).expect_err("it is no request");
        serde_json::from_slice(&refused).expect("JSON")
    }

    #[test]
    fn what_is_no_request_is_answered() {
        for (text, request_id) in [
            ("{", None),
            ("[]", None),
            ("{\"request_id\": \"a\"}", Some("a")),
            ("{\"request_id\": \"a\", \"action\": 1}", Some("a")),
            ("{\"request_id\": 1, \"action\": \"ping\"}", None),
        ] {
            let refusal = refusal(text);
            assert_eq!(refusal["payload"]["error"]["type"], "validation", "{refusal}");
            assert_eq!(refusal.get("request_id").and_then(Value::as_str), request_id);
            assert_eq!(refusal["success"], false);
        }
    }

    #[test]
    fn a_request_may_be_of_a_higher_version_and_not_of_a_lower_one() {
        let of = |version: &str| {
            let text = json!({ "action": "ping", "version": version }).to_string();
            version_of(&read(&text).expect("a request"), Version::V3_6)
        };
        assert_eq!(of("3.7"), Ok(Version::V3_7));
        assert_eq!(of("3.6"), Ok(Version::V3_6));
        for wrong in ["3.5", "4", ""] {
            let failure = of(wrong).expect_err("not spoken here");
            assert_eq!(failure.error_type, ErrorType::UnsupportedVersion);
        }
        assert_eq!(
            version_of(&read("{\"action\":\"ping\"}").expect("a request"), Version::V3_5),
            Ok(Version::V3_5)
        );
    }
}
