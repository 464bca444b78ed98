//! What is delivered, and what every broker can carry of it.

use bytes::Bytes;

use crate::failed::Failed;

/// The longest id, in bytes: AMQP's short strings end there.
pub const ID_BYTES_MAX: usize = 255;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 512;

/// How many headers a parcel may have.
pub const HEADERS_MAX: usize = 64;

/// The longest name of a header, in bytes.
const HEADER_NAME_BYTES_MAX: usize = 128;

/// The longest value of a header, in bytes: what servers of HTTP take.
const HEADER_VALUE_BYTES_MAX: usize = 8 << 10;

/// What names of headers begin with that a broker or this crate goes by.
const OWN_PREFIXES: [&str; 2] = ["nats-", "tidings-"];

/// The header that holds a parcel's id, where the broker has no other place for it.
pub(crate) const ID_HEADER: &str = "Tidings-Id";

/// The header that holds a parcel's key, where the broker has no other place for it.
pub(crate) const KEY_HEADER: &str = "Tidings-Key";

/// What is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Always the same for one delivery, so that who gets it twice notices.
    pub id: String,
    /// What is to stay in order has the same key: a conversation.
    pub key: String,
    /// Names and values; each name once.
    pub headers: Vec<(String, String)>,
    /// What it is about.
    pub body: Bytes,
}

impl Parcel {
    /// Whether every broker can carry it, with a body of at most so many bytes.
    pub(crate) fn check(&self, body_bytes_max: usize) -> Result<(), Failed> {
        let is_good_id = (1..=ID_BYTES_MAX).contains(&self.id.len())
            && self.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_good_id {
            return Err(Failed::unfit(format!(
                "id: must have 1 to {ID_BYTES_MAX} visible ASCII characters"
            )));
        }
        if self.key.len() > KEY_BYTES_MAX || self.key.chars().any(char::is_control) {
            return Err(Failed::unfit(format!(
                "key: must have at most {KEY_BYTES_MAX} bytes and no control characters"
            )));
        }
        if self.body.len() > body_bytes_max {
            let length = self.body.len();
            return Err(Failed::unfit(format!(
                "body: has {length} bytes, and {body_bytes_max} may be sent there"
            )));
        }
        self.check_headers()
    }

    fn check_headers(&self) -> Result<(), Failed> {
        if self.headers.len() > HEADERS_MAX {
            return Err(Failed::unfit(format!("headers: there may be {HEADERS_MAX}")));
        }
        for (at, (name, value)) in self.headers.iter().enumerate() {
            check_header_name(name)
                .map_err(|why| Failed::unfit(format!("headers: the name {name:?} {why}")))?;
            if value.len() > HEADER_VALUE_BYTES_MAX || value.chars().any(char::is_control) {
                return Err(Failed::unfit(format!(
                    "headers: the value of {name} must have at most {HEADER_VALUE_BYTES_MAX} bytes and no control characters"
                )));
            }
            let mut before = self.headers.iter().take(at).map(|(other, _)| other);
            if before.any(|other| other.eq_ignore_ascii_case(name)) {
                return Err(Failed::unfit(format!("headers: {name} is there twice")));
            }
        }
        Ok(())
    }
}

/// Whether every broker carries a header of this name.
///
/// # Errors
/// With what is wrong with it.
pub fn check_header_name(name: &str) -> Result<(), String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(1..=HEADER_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_token) {
        return Err(format!("must have 1 to {HEADER_NAME_BYTES_MAX} letters, digits, `-` or `_`"));
    }
    // Some of NATS's own are commands: one empties a stream.
    let lower = name.to_ascii_lowercase();
    if OWN_PREFIXES.iter().any(|own| lower.starts_with(own)) {
        return Err("must not begin with `nats-` or `tidings-`: those have a meaning".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failed::Why;

    #[test]
    fn what_no_broker_carries_is_refused_with_its_field() {
        let good = Parcel {
            id: "event-1".into(),
            key: "chat 7 ü".into(),
            headers: vec![("Content-Type".into(), "application/json; ü".into())],
            body: Bytes::from_static(b"1234"),
        };
        good.check(4).expect("it is good");
        let header = |name: &str, value: &str| Parcel {
            headers: vec![("a".into(), "b".into()), (name.into(), value.into())],
            ..good.clone()
        };
        let wrong = [
            (Parcel { id: String::new(), ..good.clone() }, "id:"),
            (Parcel { id: "a\nb".into(), ..good.clone() }, "id:"),
            (Parcel { id: "a".repeat(256), ..good.clone() }, "id:"),
            (Parcel { key: "a\0".into(), ..good.clone() }, "key:"),
            (Parcel { body: Bytes::from_static(b"12345"), ..good.clone() }, "body: has 5"),
            (Parcel { headers: vec![("a".into(), "b".into()); 65], ..good.clone() }, "may be 64"),
            (header("a b", ""), "the name \"a b\""),
            (header("x", "a\r\nb"), "the value of x"),
            (header("A", ""), "A is there twice"),
            (header("nats-msg-id", "1"), "must not begin with `nats-`"),
            (header("Nats-Rollup", "all"), "must not begin with `nats-`"),
            (header("tidings-key", "1"), "must not begin with"),
        ];
        for (parcel, told) in wrong {
            let failed = parcel.check(4).expect_err(told);
            assert_eq!(failed.why, Why::Unfit);
            assert!(failed.text.contains(told), "{failed}");
        }
    }
}
