//! What every delivery of an endpoint needs, made ready once for all of them: keys, headers, the form, the address.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tidings_behaviors::template::payload::{ContentType, PayloadTemplate, payload_as};
use tidings_brokers::Address;
use tidings_model::{Endpoint, Format, FormatKind, Timestamp, endpoint};
use tidings_outbound::{Identity, Target};
use tidings_wire::standard_webhooks::{MessageId, Signer, SigningKey};
use tidings_wire::wotnot;

use super::auth::{NoToken, TokenSource};
use crate::App;
use crate::seal::Sealer;

/// What every delivery of an endpoint needs.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) way: Way,
    pub(crate) headers: HeaderMap,
    /// Who we are to a receiver that asks for a certificate.
    pub(crate) identity: Option<Identity>,
    tokens: Option<TokenSource>,
    pub(super) form: Form,
    /// By the present key alone.
    alone: Signer,
    /// By the former keys as well, until then.
    with_former: Option<(Timestamp, Signer)>,
}

/// Where what goes out goes to.
#[derive(Debug)]
pub(super) enum Way {
    /// It is posted there.
    Post(Target),
    /// It is published by a broker of the settings.
    Publish {
        /// What they call it.
        broker: String,
        /// Where at it.
        to: Address,
    },
}

/// The form of what goes out.
#[derive(Debug)]
pub(super) enum Form {
    Cloudevents,
    CloudeventsBinary,
    CloudeventsBatched,
    Native,
    Wotnot {
        framing: wotnot::Framing,
        extensions: wotnot::Extensions,
    },
    Template(Box<PayloadTemplate>),
    /// A webhook of the Chat API.
    Push,
}

/// Why nothing can go out to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unready {
    /// The installation's key was changed, or is another node's.
    #[error("the endpoint's secrets do not open with this installation's key")]
    Sealed,
    /// The key was not written by this release or an older one.
    #[error("the endpoint's key is not a signing key")]
    NoKey,
    /// The address cannot be read any more.
    #[error("the endpoint's address cannot be read")]
    NoAddress,
    /// A header cannot be sent.
    #[error("a header of the endpoint cannot be sent")]
    WrongHeader,
    /// The template does not compile any more.
    #[error("the endpoint's template cannot be read")]
    WrongTemplate,
    /// The certificate and its key cannot be used any more.
    #[error("the endpoint's client certificate cannot be used")]
    WrongCertificate,
}

impl Form {
    /// Whether several events may go out in one body.
    const fn is_list(&self) -> bool {
        matches!(self, Self::CloudeventsBatched | Self::Native)
    }

    /// Whether it is a list of CloudEvents.
    pub(super) const fn is_cloudevents_list(&self) -> bool {
        matches!(self, Self::CloudeventsBatched)
    }
}

impl Prepared {
    /// Makes ready.
    pub(crate) fn of(
        sealer: &Sealer,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<Self, Unready> {
        let key = |sealed: &str| -> Result<SigningKey, Unready> {
            let text = sealer.open(sealed).map_err(|_| Unready::Sealed)?;
            text.parse().map_err(|_| Unready::NoKey)
        };
        let present = key(&endpoint.sealed_secret)?;
        let former: Vec<_> = endpoint.former_keys.iter().filter(|key| key.until > now).collect();
        let with_former = match former.iter().map(|key| key.until).min() {
            None => None,
            Some(until) => {
                let mut keys = vec![present.clone()];
                for former in &former {
                    keys.push(key(&former.sealed)?);
                }
                Some((until, Signer::new(keys).map_err(|_| Unready::NoKey)?))
            }
        };
        Ok(Self {
            way: way(endpoint)?,
            headers: own_headers(sealer, endpoint)?,
            identity: identity(sealer, endpoint)?,
            tokens: TokenSource::of(sealer, endpoint)?,
            form: match &endpoint.chat_webhook {
                Some(_) => Form::Push,
                None => form(&endpoint.format)?,
            },
            alone: Signer::new(vec![present]).map_err(|_| Unready::NoKey)?,
            with_former,
        })
    }

    /// The header with an access token, if the endpoint is to have one.
    pub(crate) async fn authorization(
        &self,
        app: &App,
        deadline: Duration,
    ) -> Result<Option<HeaderValue>, NoToken> {
        match &self.tokens {
            Some(tokens) => tokens.authorization(app, deadline).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether several events may go out in one request.
    pub(super) const fn takes_several(&self) -> bool {
        matches!(self.way, Way::Post(_)) && self.form.is_list()
    }

    /// Whether deliveries carry an access token.
    pub(super) const fn has_token(&self) -> bool {
        self.tokens.is_some()
    }

    /// The receiver did not let in a request with this header.
    pub(super) async fn forget_token(&self, authorization: &HeaderValue) {
        if let Some(tokens) = &self.tokens {
            tokens.forget(authorization).await;
        }
    }

    /// The signature of a body, by all keys that are good now.
    pub(super) fn sign(&self, id: &MessageId, now: Timestamp, body: &[u8]) -> String {
        let signer = match &self.with_former {
            Some((until, signer)) if *until > now => signer,
            Some(_) | None => &self.alone,
        };
        signer.sign(id, now.as_second(), body)
    }

    /// Whether what goes out must be written down before the first try: it is made of more than the event.
    pub(crate) const fn is_decided(&self) -> bool {
        matches!(self.form, Form::Push | Form::Wotnot { .. })
    }

    /// Until when it is as it should be: a former key ends then.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.with_former.as_ref().map(|(until, _)| *until)
    }
}

fn identity(sealer: &Sealer, endpoint: &Endpoint) -> Result<Option<Identity>, Unready> {
    let Some(own) = &endpoint.client_certificate else { return Ok(None) };
    let key = sealer.open(&own.sealed_key_pem).map_err(|_| Unready::Sealed)?;
    let identity = Identity::from_pem(own.certificate_pem.as_bytes(), key.as_bytes());
    identity.map(Some).map_err(|_| Unready::WrongCertificate)
}

fn way(endpoint: &Endpoint) -> Result<Way, Unready> {
    Ok(match &endpoint.broker {
        Some(place) => Way::Publish {
            broker: place.name.clone(),
            to: place.address.parse().map_err(|_| Unready::NoAddress)?,
        },
        None => Way::Post(Target::parse(&endpoint.url).map_err(|_| Unready::NoAddress)?),
    })
}

/// The headers of one's own that go out with whatever an endpoint's receiver is sent.
pub(crate) fn own_headers(sealer: &Sealer, endpoint: &Endpoint) -> Result<HeaderMap, Unready> {
    let Some(sealed) = &endpoint.sealed_headers else { return Ok(HeaderMap::new()) };
    let text = sealer.open(sealed).map_err(|_| Unready::Sealed)?;
    let named: BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|_| Unready::WrongHeader)?;
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unready::WrongHeader)?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| Unready::WrongHeader)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn form(format: &Format) -> Result<Form, Unready> {
    Ok(match format.kind {
        FormatKind::Cloudevents => Form::Cloudevents,
        FormatKind::CloudeventsBinary => Form::CloudeventsBinary,
        FormatKind::CloudeventsBatched => Form::CloudeventsBatched,
        FormatKind::Native => Form::Native,
        FormatKind::Wotnot => Form::Wotnot {
            framing: match format.framing.unwrap_or_default() {
                endpoint::Framing::AsDocumented => wotnot::Framing::AsDocumented,
                endpoint::Framing::Envelope => wotnot::Framing::Envelope,
                endpoint::Framing::Bare => wotnot::Framing::Bare,
            },
            extensions: match format.extensions {
                true => wotnot::Extensions::On,
                false => wotnot::Extensions::Off,
            },
        },
        FormatKind::Template => {
            let source = format.template.as_deref().ok_or(Unready::WrongTemplate)?;
            let content_type = match &format.content_type {
                Some(named) => named.parse().map_err(|_| Unready::WrongTemplate)?,
                None => ContentType::json(),
            };
            let template = payload_as(source, content_type).map_err(|_| Unready::WrongTemplate)?;
            Form::Template(Box::new(template))
        }
    })
}
