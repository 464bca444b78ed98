//! Signed identities: a site that knows its user says so in a JWT (RFC 7519), signed by HS256 with the channel's identity
//! secret. Pure.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tidings_model::Timestamp;

/// The longest time that an identity may be good for: what leaks is of no use the next day.
pub const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest identity that is looked at, in bytes: four claims fit many times.
const BYTES_MAX: usize = 8_192;

/// The longest subject, in bytes, as RFC 7519's reader expects of a key.
const SUBJECT_BYTES_MAX: usize = 255;

/// How far the site's clock may differ from ours.
const LEEWAY: Duration = Duration::from_secs(60);

/// Who a site says that its user is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The user's id at the site.
    #[serde(rename = "sub")]
    pub subject: String,
    /// What agents see.
    #[serde(default)]
    pub name: Option<String>,
    /// The address; the site vouches for it.
    #[serde(default)]
    pub email: Option<String>,
    /// A picture.
    #[serde(default)]
    pub avatar: Option<String>,
    /// When the identity ends, in Unix seconds.
    #[serde(rename = "exp")]
    expires_at: i64,
    /// From when it is good, in Unix seconds.
    #[serde(default, rename = "nbf")]
    not_before: Option<i64>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// Why an identity is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is no JWT with the claims that are needed.
    #[error("the identity is not a JWT with the claims sub and exp")]
    Malformed,
    /// It was signed in another way.
    #[error("the identity must be signed by HS256")]
    Algorithm,
    /// The signature is wrong.
    #[error("the identity was not signed with this channel's identity secret")]
    Signature,
    /// It is over, or not yet good.
    #[error("the identity has expired, or is not good yet")]
    Expired,
    /// It would be good for too long.
    #[error("the identity must end within 24 hours (exp)")]
    TooLong,
}

/// Reads an identity and checks all of it.
pub fn read(jwt: &str, secret: &str, now: Timestamp) -> Result<Identity, NotTaken> {
    if jwt.len() > BYTES_MAX {
        return Err(NotTaken::Malformed);
    }
    let (signed, signature) = jwt.rsplit_once('.').ok_or(NotTaken::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(NotTaken::Malformed)?;
    let header: Header = part(header)?;
    if header.alg != "HS256" {
        return Err(NotTaken::Algorithm);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotTaken::Malformed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| NotTaken::Signature)?;
    let identity: Identity = part(claims)?;
    let (now, leeway) = (now.as_second(), seconds(LEEWAY));
    let begins_later = identity.not_before.is_some_and(|from| from > now.saturating_add(leeway));
    if identity.expires_at <= now || begins_later {
        return Err(NotTaken::Expired);
    }
    if identity.expires_at > now.saturating_add(seconds(LIFETIME_MAX)).saturating_add(leeway) {
        return Err(NotTaken::TooLong);
    }
    if identity.subject.is_empty() || identity.subject.len() > SUBJECT_BYTES_MAX {
        return Err(NotTaken::Malformed);
    }
    Ok(identity)
}

fn part<T: serde::de::DeserializeOwned>(encoded: &str) -> Result<T, NotTaken> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| NotTaken::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| NotTaken::Malformed)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two bytes";

    fn now() -> Timestamp {
        Timestamp::from_second(1_750_000_000).expect("a good time")
    }

    fn sign(header: &Value, claims: &Value, secret: &str) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn usual() -> Value {
        json!({ "alg": "HS256", "typ": "JWT" })
    }

    #[test]
    fn a_signed_identity_is_taken() {
        let claims =
            json!({ "sub": "42", "email": "alice@example.org", "exp": 1_750_003_600, "iat": 1 });
        let identity = read(&sign(&usual(), &claims, SECRET), SECRET, now()).expect("it is good");
        assert_eq!(identity.subject, "42");
        assert_eq!(identity.email.as_deref(), Some("alice@example.org"));
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        // RFC 7515, appendix A.1: its key and its bytes; its claims have no subject.
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .expect("the key is base64");
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let tag = URL_SAFE_NO_PAD
            .decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
            .expect("the tag is base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        assert!(hmac::verify(&key, signed.as_bytes(), &tag).is_ok());
    }

    #[test]
    fn what_is_forged_over_or_too_long_is_refused() {
        let good = json!({ "sub": "42", "exp": 1_750_003_600 });
        let signed = |claims: &Value| sign(&usual(), claims, SECRET);
        let refused = |jwt: &str| read(jwt, SECRET, now()).expect_err("it must be refused");
        assert_eq!(
            refused(&sign(&usual(), &good, "another secret of enough many bytes")),
            NotTaken::Signature
        );
        assert_eq!(refused(&sign(&json!({ "alg": "none" }), &good, SECRET)), NotTaken::Algorithm);
        assert_eq!(
            refused(&signed(&json!({ "sub": "42", "exp": 1_749_999_999 }))),
            NotTaken::Expired
        );
        assert_eq!(
            refused(&signed(&json!({ "sub": "42", "exp": 1_750_200_000 }))),
            NotTaken::TooLong
        );
        assert_eq!(refused(&signed(&json!({ "sub": "42" }))), NotTaken::Malformed);
        assert_eq!(
            refused(&signed(&json!({ "sub": "", "exp": 1_750_003_600 }))),
            NotTaken::Malformed
        );
        assert_eq!(refused("nonsense"), NotTaken::Malformed);
        let unsigned = sign(&json!({ "alg": "none" }), &good, SECRET);
        let cut =
            unsigned.rsplit_once('.').map(|(signed, _)| format!("{signed}.")).unwrap_or_default();
        assert_eq!(refused(&cut), NotTaken::Algorithm);
    }
}
