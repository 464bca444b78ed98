//! Signs a delivery, and verifies one, by Standard Webhooks 1.0.0 (standardwebhooks.com).
//!
//! The deliver reader signs each attempt anew, with the second of the attempt; the id stays that of the event, so a
//! receiver finds a repeated delivery by it. The demo's receiver verifies. What is signed is `id.timestamp.body`, the
//! body's bytes as they go out. A secret never appears in a log: keys print without their bytes.
//!
//! | version | by | sender has | receiver has |
//! | --- | --- | --- | --- |
//! | `v1` | HMAC-SHA256 | `whsec_...` ([`Secret`]) | the same |
//! | `v1a` | ed25519 | `whsk_...` ([`KeyPair`]) | `whpk_...` ([`PublicKey`]) |
//!
//! While a key is being changed an endpoint has several. Each signs, and each receiver finds its own signature: what it
//! does not know it passes over. Ed25519 comes from the library that does the hashes, so there is no second one.

mod key_pair;
mod message;
mod secret;
mod sign;
mod verify;

pub use key_pair::{InvalidKey, KeyPair, PublicKey};
pub use message::{InvalidMessageId, MESSAGE_ID_BYTES_MAX, MessageId};
pub use secret::{InvalidSecret, SECRET_BYTES_MAX, SECRET_BYTES_MIN, Secret};
pub use sign::{InvalidSigningKey, Signer, SigningKey, WrongNumberOfKeys, headers, sign};
pub use verify::{InvalidVerifyingKey, Received, Unverified, VerifyingKey, verify, verify_with};

/// The header with the message's id; the same on every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the attempt's time, in whole seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far a timestamp may lie from now, both ways: what the reference libraries allow.
pub const TOLERANCE_S: u64 = 5 * 60;

/// How many keys sign one delivery, and how many signatures of a header are looked at. A sender has two while it changes
/// them; more than this is an attempt to keep a receiver busy.
pub const SIGNATURES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;
    use tidings_model::EventId;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::generate([byte; Secret::NEW_BYTES])
    }

    fn event() -> EventId {
        "0197c5a0-0000-7000-8000-000000000001".parse().expect("a UUID")
    }

    fn verified(
        signature: &str,
        timestamp: &str,
        body: &[u8],
        secrets: &[Secret],
        now_s: i64,
    ) -> Result<(), Unverified> {
        let id = event().to_string();
        verify(Received { id: &id, timestamp, signature }, body, secrets, now_s, TOLERANCE_S)
    }

    proptest! {
        #[test]
        fn the_reference_library_signs_the_same(
            id in any::<[u8; 16]>(),
            at in 0i64..10_000_000_000,
            body in "[ -~ä€😀]{0,200}",
            bytes in prop::collection::vec(any::<u8>(), SECRET_BYTES_MIN..=SECRET_BYTES_MAX),
        ) {
            let id = EventId::new(uuid::Uuid::from_bytes(id));
            let secret = Secret::from_bytes(&bytes).expect("a good length");
            let reference = Webhook::new(&secret.expose()).expect("a secret");
            let expected = reference.sign(&id.to_string(), at, body.as_bytes()).expect("text");
            prop_assert_eq!(sign(id, at, body.as_bytes(), &[secret]), expected);
        }

        #[test]
        fn what_we_sign_verifies_and_any_change_does_not(
            at in 0i64..10_000_000_000,
            mut body in prop::collection::vec(any::<u8>(), 1..200),
            changed in any::<prop::sample::Index>(),
        ) {
            let secrets = [secret(1)];
            let signature = sign(event(), at, &body, &secrets);
            let timestamp = at.to_string();
            prop_assert_eq!(verified(&signature, &timestamp, &body, &secrets, at), Ok(()));
            let index = changed.index(body.len());
            body[index] ^= 1;
            prop_assert_eq!(verified(&signature, &timestamp, &body, &secrets, at), Err(Unverified::Signature));
        }

        #[test]
        fn nothing_that_strangers_send_breaks_it(id in ".*", timestamp in ".*", signature in ".*", body in any::<Vec<u8>>()) {
            let received = Received { id: &id, timestamp: &timestamp, signature: &signature };
            prop_assert!(verify(received, &body, &[secret(1)], 0, TOLERANCE_S).is_err());
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the reference library reads the system clock, so this test has to"
    )]
    fn the_reference_library_accepts_our_headers() {
        let now_s = tidings_model::Timestamp::now().as_second();
        let body = br#"{"type":"chat.message"}"#;
        let mut received = http::HeaderMap::new();
        for (name, value) in headers(event(), now_s, body, &[secret(1), secret(2)]) {
            received.insert(name, value.parse().expect("a header value"));
        }
        for byte in [1, 2] {
            let reference = Webhook::new(&secret(byte).expose()).expect("a secret");
            reference.verify(body, &received).expect("one of the two signatures fits");
        }
        let other = Webhook::new(&secret(3).expose()).expect("a secret");
        assert!(other.verify(body, &received).is_err());
    }

    #[test]
    fn while_a_secret_changes_both_work() {
        let (old, new) = (secret(1), secret(2));
        let signature = sign(event(), 1000, b"hello", &[new.clone(), old.clone()]);
        assert_eq!(signature.split(' ').count(), 2);
        assert_eq!(verified(&signature, "1000", b"hello", &[old], 1000), Ok(()));
        assert_eq!(verified(&signature, "1000", b"hello", &[new], 1000), Ok(()));
        assert_eq!(
            verified(&signature, "1000", b"hello", &[secret(3)], 1000),
            Err(Unverified::Signature)
        );
        assert_eq!(verified(&signature, "1000", b"hello", &[], 1000), Err(Unverified::Signature));
    }

    #[test]
    fn a_delivery_is_good_for_five_minutes_both_ways() {
        let secrets = [secret(1)];
        let signature = sign(event(), 1000, b"hello", &secrets);
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 1300), Ok(()));
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 1301), Err(Unverified::TooOld));
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 700), Ok(()));
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 699), Err(Unverified::TooNew));
        assert_eq!(
            verified(&signature, "soon", b"hello", &secrets, 1000),
            Err(Unverified::Timestamp)
        );
        // Not even an extreme time gets through by overflow.
        assert_eq!(
            verified(&signature, "-9223372036854775808", b"hello", &secrets, i64::MAX),
            Err(Unverified::TooOld)
        );
    }

    #[test]
    fn other_signatures_are_passed_over_up_to_a_limit() {
        let secrets = [secret(1)];
        let good = sign(event(), 1000, b"hello", &secrets);
        let after = |others: usize| format!("{}{good}", "v1a,AAAA v1,short ".repeat(others));
        assert_eq!(verified(&after(1), "1000", b"hello", &secrets, 1000), Ok(()));
        assert_eq!(
            verified(&after(SIGNATURES_MAX), "1000", b"hello", &secrets, 1000),
            Err(Unverified::Signature)
        );
    }

    /// The reference vector of `v1a`: Svix's server, `test_asymmetric_key_signing`.
    mod reference {
        pub(super) const KEY_PAIR: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        pub(super) const PUBLIC_KEY: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        pub(super) const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        pub(super) const TIMESTAMP_S: i64 = 1_614_265_330;
        pub(super) const BODY: &[u8] = br#"{"test": 2432232314}"#;
        pub(super) const SIGNATURE: &str = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    }

    fn signer(keys: &[SigningKey]) -> Signer {
        Signer::new(keys.to_vec()).expect("a good number of keys")
    }

    fn verified_by(
        signature: &str,
        body: &[u8],
        keys: &[VerifyingKey],
        now_s: i64,
    ) -> Result<(), Unverified> {
        let timestamp = reference::TIMESTAMP_S.to_string();
        let received = Received { id: reference::ID, timestamp: &timestamp, signature };
        verify_with(received, body, keys, now_s, TOLERANCE_S)
    }

    #[test]
    fn the_reference_vector_of_ed25519_is_made_and_accepted() {
        let id = MessageId::new(reference::ID).expect("an id");
        let at = reference::TIMESTAMP_S;
        let pair: SigningKey = reference::KEY_PAIR.parse().expect("a pair");
        let signature = signer(&[pair]).sign(&id, at, reference::BODY);
        assert_eq!(signature, reference::SIGNATURE);

        let public = [reference::PUBLIC_KEY.parse().expect("a public key")];
        assert_eq!(verified_by(&signature, reference::BODY, &public, at), Ok(()));
        let changed = verified_by(&signature, b"{}", &public, at);
        assert_eq!(changed, Err(Unverified::Signature));
        let late = verified_by(&signature, reference::BODY, &public, at + 301);
        assert_eq!(late, Err(Unverified::TooOld));
        let early = verified_by(&signature, reference::BODY, &public, at - 301);
        assert_eq!(early, Err(Unverified::TooNew));
        let other = [KeyPair::generate([9; 32]).public_key().into()];
        let forged = verified_by(&signature, reference::BODY, &other, at);
        assert_eq!(forged, Err(Unverified::Signature));
    }

    #[test]
    fn every_key_of_a_change_signs_and_every_receiver_finds_its_own() {
        let id = MessageId::new(reference::ID).expect("an id");
        let at = reference::TIMESTAMP_S;
        let pairs = [KeyPair::generate([3; 32]), KeyPair::generate([4; 32])];
        let keys: Vec<SigningKey> = [secret(1).into(), secret(2).into()]
            .into_iter()
            .chain(pairs.iter().cloned().map(SigningKey::from))
            .collect();
        let signature = signer(&keys).sign(&id, at, b"hello");
        let versions: Vec<&str> =
            signature.split(' ').filter_map(|each| each.split(',').next()).collect();
        assert_eq!(versions, ["v1", "v1", "v1a", "v1a"]);

        let receivers: [VerifyingKey; 4] = [
            secret(1).into(),
            secret(2).into(),
            pairs[0].public_key().into(),
            pairs[1].public_key().into(),
        ];
        for receiver in receivers {
            assert_eq!(verified_by(&signature, b"hello", &[receiver], at), Ok(()));
        }
        let none = verified_by(&signature, b"hello", &[], at);
        assert_eq!(none, Err(Unverified::Signature));
    }

    #[test]
    fn a_signature_of_one_version_is_no_signature_of_another() {
        let id = MessageId::new(reference::ID).expect("an id");
        let at = reference::TIMESTAMP_S;
        let pair = KeyPair::generate([3; 32]);
        let by_pair = signer(&[pair.clone().into()]).sign(&id, at, b"hello");
        let by_secret = signer(&[secret(1).into()]).sign(&id, at, b"hello");
        let keys = [secret(1).into(), pair.public_key().into()];
        for wrong in [
            by_pair.replacen("v1a,", "v1,", 1),
            by_secret.replacen("v1,", "v1a,", 1),
            by_secret.replacen("v1,", "v2,", 1),
            by_secret.replacen("v1,", "V1,", 1),
            by_secret.replace(',', "="),
        ] {
            let outcome = verified_by(&wrong, b"hello", &keys, at);
            assert_eq!(outcome, Err(Unverified::Signature), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_known_by_how_it_begins() {
        let signing = |text: &str| text.parse::<SigningKey>();
        assert!(matches!(signing(&secret(1).expose()), Ok(SigningKey::Secret(_))));
        assert!(matches!(signing(reference::KEY_PAIR), Ok(SigningKey::KeyPair(_))));
        let error = |text: &str| signing(text).expect_err("not a signing key").to_string();
        assert_eq!(
            error("hello"),
            "a signing key begins with whsec_ (a secret) or whsk_ (a key pair)"
        );
        assert_eq!(
            error(reference::PUBLIC_KEY),
            "whpk_ is a public key: it verifies, and signing needs whsec_ or whsk_"
        );
        assert_eq!(error("whsec_AQEB"), "a signing secret has 24 to 64 bytes");

        let verifying = |text: &str| text.parse::<VerifyingKey>();
        assert!(matches!(verifying(&secret(1).expose()), Ok(VerifyingKey::Secret(_))));
        assert!(matches!(verifying(reference::PUBLIC_KEY), Ok(VerifyingKey::PublicKey(_))));
        let error = verifying(reference::KEY_PAIR).expect_err("nobody verifies by a pair");
        assert_eq!(
            error.to_string(),
            "whsk_ is the sender's key pair: a receiver verifies by its public key, whpk_"
        );
        assert!(!format!("{error:?}").contains("6Xb"));
    }

    #[test]
    fn one_to_eight_keys_sign() {
        assert_eq!(Signer::new(Vec::new()).err(), Some(WrongNumberOfKeys { given: 0 }));
        assert!(Signer::new(vec![secret(1).into(); SIGNATURES_MAX]).is_ok());
        let given = SIGNATURES_MAX + 1;
        let error = Signer::new(vec![secret(1).into(); given]).err();
        assert_eq!(error, Some(WrongNumberOfKeys { given }));
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the reference library reads the system clock, so this test has to"
    )]
    fn the_reference_library_passes_over_ed25519() {
        let now_s = tidings_model::Timestamp::now().as_second();
        let keys = [KeyPair::generate([3; 32]).into(), secret(1).into()];
        let mut received = http::HeaderMap::new();
        for (name, value) in signer(&keys).headers(&event().into(), now_s, b"{}") {
            received.insert(name, value.parse().expect("a header value"));
        }
        let reference = Webhook::new(&secret(1).expose()).expect("a secret");
        reference.verify(b"{}", &received).expect("the second signature fits");
    }
}
