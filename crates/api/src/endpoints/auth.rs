//! How Tidings proves who it is to an endpoint's receiver, as it is said and shown. Secrets and keys are never shown.

use serde::{Deserialize, Serialize};
use tidings_app::admin::endpoints::{self, AuthChange, CertificateChange};
use tidings_model::endpoint::{AuthKind, ClientAuthentication, EndpointAuth};
use tidings_model::{Endpoint, Timestamp};
use utoipa::ToSchema;

/// A kind, or none.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthWord {
    None,
    Oauth2ClientCredentials,
}

/// How deliveries are authorized.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuthView {
    /// `none` or `oauth2_client_credentials`.
    #[schema(value_type = String, example = "oauth2_client_credentials")]
    kind: AuthWord,
    /// Where tokens come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<String>,
    /// Who we are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// How we show it there: `basic` or `post`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "basic")]
    client_authentication: Option<ClientAuthentication>,
    /// What the token is to be good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// For whom the token is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
}

impl From<Option<EndpointAuth>> for AuthView {
    fn from(auth: Option<EndpointAuth>) -> Self {
        let kind = match auth.as_ref().map(|auth| auth.kind) {
            None => AuthWord::None,
            Some(AuthKind::Oauth2ClientCredentials) => AuthWord::Oauth2ClientCredentials,
        };
        match auth {
            None => Self {
                kind,
                token_url: None,
                client_id: None,
                client_authentication: None,
                scope: None,
                audience: None,
            },
            Some(auth) => Self {
                kind,
                token_url: Some(auth.token_url),
                client_id: Some(auth.client_id),
                client_authentication: Some(auth.client_authentication),
                scope: auth.scope,
                audience: auth.audience,
            },
        }
    }
}

/// How deliveries are to be authorized; all of it at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidAuth {
    /// `none`, or `oauth2_client_credentials`: deliveries bear an access token (RFC 6749, 4.4) as `Authorization: Bearer`.
    #[schema(value_type = String, example = "oauth2_client_credentials")]
    kind: AuthWord,
    /// Where tokens come from; called as receivers are.
    #[serde(default)]
    #[schema(example = "https://login.example.com/oauth/token")]
    token_url: Option<String>,
    /// Who we are there.
    #[serde(default)]
    client_id: Option<String>,
    /// What proves it. It is never shown again; left out in a change, it stays if `token_url` does.
    #[serde(default)]
    client_secret: Option<String>,
    /// How both are shown there (RFC 6749, 2.3.1): `basic`, as HTTP Basic, unless it is `post`, in the form.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "basic")]
    client_authentication: Option<ClientAuthentication>,
    /// What the token is to be good for.
    #[serde(default)]
    scope: Option<String>,
    /// For whom the token is to be.
    #[serde(default)]
    audience: Option<String>,
}

impl From<SaidAuth> for AuthChange {
    fn from(said: SaidAuth) -> Self {
        let SaidAuth {
            kind,
            token_url,
            client_id,
            client_secret,
            client_authentication,
            scope,
            audience,
        } = said;
        let kind = match kind {
            AuthWord::None => None,
            AuthWord::Oauth2ClientCredentials => Some(AuthKind::Oauth2ClientCredentials),
        };
        Self { kind, token_url, client_id, client_secret, client_authentication, scope, audience }
    }
}

/// The certificate that we show to a receiver that asks for one.
#[derive(Serialize, ToSchema)]
pub(crate) struct CertificateView {
    /// Whose it is (RFC 4514).
    #[schema(example = "CN=tidings")]
    subject: String,
    /// The SHA-256 of its bytes.
    sha256: String,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl CertificateView {
    pub(super) fn of(endpoint: &Endpoint) -> Option<Self> {
        let of = endpoints::certificate(endpoint)?;
        let seconds = i64::try_from(of.expires_at_s).ok();
        let expires_at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        Some(Self { subject: of.subject, sha256: of.sha256, expires_at })
    }
}

/// A certificate to show to a receiver that asks for one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidCertificate {
    /// The certificate in PEM, with those between it and its authority behind it.
    certificate_pem: String,
    /// Its key in PEM, not encrypted. It is never shown again.
    key_pem: String,
}

impl From<SaidCertificate> for CertificateChange {
    fn from(said: SaidCertificate) -> Self {
        Self { certificate_pem: said.certificate_pem, key_pem: said.key_pem }
    }
}
