//! Deliveries as a receiver may see them, genuine and not, each with the status that it must answer. Signed by what signs
//! our webhooks. The receivers of `docs/receivers` are held to them, and `docs/receivers/cases.json` has them for others.

use std::slice;

use serde::Serialize;
use tidings_wire::standard_webhooks::{
    ID_HEADER, KeyPair, MessageId, SIGNATURE_HEADER, Secret, Signer, SigningKey, TIMESTAMP_HEADER,
};

/// A delivery, and how it must be answered.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// What is special about it.
    pub name: String,
    /// The headers that matter, as UTF-8.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The status of the answer.
    pub status: u16,
}

impl Case {
    fn is(mut self, name: &str, status: u16) -> Self {
        name.clone_into(&mut self.name);
        self.status = status;
        self
    }

    /// Another value of a header, or none.
    fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    fn with_body(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

fn new_secret() -> Secret {
    Secret::generate([1; Secret::NEW_BYTES])
}

fn old_secret() -> Secret {
    Secret::generate([2; Secret::NEW_BYTES])
}

fn pair() -> KeyPair {
    KeyPair::generate([3; KeyPair::NEW_BYTES])
}

/// What the receiver has: the current secret, the one before it, and a public key.
pub fn keys() -> [String; 3] {
    [new_secret().expose(), old_secret().expose(), pair().public_key().to_string()]
}

/// A delivery that is signed with the current secret.
pub fn signed(id: &str, body: &str, now_s: i64) -> Case {
    signed_with(&[new_secret().into()], id, body, now_s)
}

fn signed_with(keys: &[SigningKey], id: &str, body: &str, now_s: i64) -> Case {
    let signer = Signer::new(keys.to_vec()).expect("a good number of keys");
    let id = MessageId::new(id).expect("an id");
    let headers = signer.headers(&id, now_s, body.as_bytes());
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Case { name: String::new(), headers, body: body.to_owned(), status: 204 }
}

/// All cases, at a time. Each is about another event.
pub fn cases(now_s: i64) -> Vec<Case> {
    let mut maker = Maker { now_s, made: 0 };
    let parts = [genuine, forged, out_of_time, malformed, odd_bodies];
    parts.into_iter().flat_map(|part| part(&mut maker)).collect()
}

/// Makes events with ids of their own.
struct Maker {
    now_s: i64,
    made: u32,
}

impl Maker {
    fn event(&mut self) -> (String, String) {
        self.made += 1;
        let id = format!("01890000-0000-7000-8000-{:012}", self.made);
        let body = format!(
            r#"{{"specversion":"1.0","id":"{id}","type":"chat.custom","source":"/workspaces/1","seq":"{}","data":{{}}}}"#,
            self.made
        );
        (id, body)
    }

    fn by(&mut self, keys: &[SigningKey]) -> Case {
        let (id, body) = self.event();
        signed_with(keys, &id, &body, self.now_s)
    }

    fn good(&mut self) -> Case {
        self.by(&[new_secret().into()])
    }

    fn at(&mut self, now_s: i64) -> Case {
        let (id, body) = self.event();
        signed(&id, &body, now_s)
    }
}

fn genuine(maker: &mut Maker) -> Vec<Case> {
    let (new, old, pair): (SigningKey, SigningKey, SigningKey) =
        (new_secret().into(), old_secret().into(), pair().into());
    let unknown: SigningKey = Secret::generate([9; Secret::NEW_BYTES]).into();
    let others = maker.good();
    let signature = format!("v2,AAAA v1a,AAAA v1,short {}", others.header(SIGNATURE_HEADER));
    vec![
        maker.by(slice::from_ref(&new)).is("signed with the current secret", 204),
        maker.by(slice::from_ref(&old)).is("signed with the former secret", 204),
        maker.by(&[new.clone(), old]).is("signed with both, while a secret changes", 204),
        maker
            .by(&[unknown, new])
            .is("signed with a secret that the receiver does not have, and with its own", 204),
        maker.by(&[pair]).is("signed with ed25519", 204),
        others.with(SIGNATURE_HEADER, Some(&signature)).is("other signatures before its own", 204),
    ]
}

fn forged(maker: &mut Maker) -> Vec<Case> {
    let unknown: SigningKey = Secret::generate([9; Secret::NEW_BYTES]).into();
    let stranger: SigningKey = KeyPair::generate([9; KeyPair::NEW_BYTES]).into();
    let (changed, cut, longer, renamed, redated) =
        (maker.good(), maker.good(), maker.good(), maker.good(), maker.good());
    let changed_body = changed.body.replace("chat.custom", "chat.cuztom");
    let cut_body = cut.body.chars().take(40).collect();
    let longer_body = format!("{} ", longer.body);
    let (other_id, _) = maker.event();
    let later = (maker.now_s + 1).to_string();
    let by_pair = maker.by(&[pair().into()]);
    let as_secret = by_pair.header(SIGNATURE_HEADER).replacen("v1a,", "v1,", 1);
    vec![
        maker.by(&[unknown]).is("signed with a secret of somebody else", 401),
        maker.by(&[stranger]).is("signed with a key pair of somebody else", 401),
        changed.with_body(changed_body).is("a letter of the body changed", 401),
        cut.with_body(cut_body).is("the body cut", 401),
        longer.with_body(longer_body).is("a space after the body", 401),
        renamed.with(ID_HEADER, Some(&other_id)).is("another id than was signed", 401),
        redated.with(TIMESTAMP_HEADER, Some(&later)).is("another time than was signed", 401),
        by_pair.with(SIGNATURE_HEADER, Some(&as_secret)).is("a signature of another version", 401),
    ]
}

/// The receivers' clocks go on while a test runs, so nothing here is close to five minutes.
fn out_of_time(maker: &mut Maker) -> Vec<Case> {
    let now_s = maker.now_s;
    vec![
        maker.at(now_s - 200).is("signed 200 seconds ago", 204),
        maker.at(now_s + 200).is("signed 200 seconds ahead", 204),
        maker.at(now_s - 400).is("signed 400 seconds ago", 401),
        maker.at(now_s + 400).is("signed 400 seconds ahead", 401),
        maker.at(0).is("signed in 1970", 401),
    ]
}

fn malformed(maker: &mut Maker) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        cases.push(maker.good().with(name, None).is(&format!("no {name}"), 401));
        cases.push(
            maker
                .good()
                .with(name, Some("é, ü, 😀"))
                .is(&format!("a {name} that is not ASCII"), 401),
        );
    }
    for time in ["soon", "1e9", "-1", "+1", "0x10", "99999999999999999999999", "1.5"] {
        cases.push(
            maker.good().with(TIMESTAMP_HEADER, Some(time)).is(&format!("the time {time}"), 401),
        );
    }
    for signature in
        ["v1", "v1,", ",", ",,,", "v1,%%%", "v1,AAAA", "v1a,AAAA", "v1a,%%%", "v1 , v1", "AAAA"]
    {
        cases.push(
            maker
                .good()
                .with(SIGNATURE_HEADER, Some(signature))
                .is(&format!("the signature {signature}"), 401),
        );
    }
    let half = maker.good();
    let signature: String = half.header(SIGNATURE_HEADER).chars().take(25).collect();
    cases.push(half.with(SIGNATURE_HEADER, Some(&signature)).is("half a signature", 401));
    let many = maker.good();
    let signature = format!("{}{}", "v1,AAAA ".repeat(8), many.header(SIGNATURE_HEADER));
    cases.push(many.with(SIGNATURE_HEADER, Some(&signature)).is("a ninth signature", 401));
    cases
}

fn odd_bodies(maker: &mut Maker) -> Vec<Case> {
    let now_s = maker.now_s;
    let mut odd = |name: &str, status: u16, body: &str| {
        let (id, _) = maker.event();
        signed(&id, &body.replace("ID", &id), now_s).is(name, status)
    };
    vec![
        odd(
            "a body that no serialiser would write so",
            204,
            "{ \"id\"\t: \"ID\",\r\n \"n\": 1.0, \"e\": \"\\u00e9\" }\n",
        ),
        odd(
            "a body with letters of many scripts",
            204,
            r#"{"id":"ID","text":"héllo, Привет, 你好, 😀"}"#,
        ),
        odd("an empty body", 400, ""),
        odd("a body that is not JSON", 400, "hello"),
        odd("a body that is no object", 400, r#"["ID"]"#),
        odd("a body without an id", 400, r#"{"type":"chat.custom"}"#),
        odd("a body with an id that is no text", 400, r#"{"id":7}"#),
    ]
}
