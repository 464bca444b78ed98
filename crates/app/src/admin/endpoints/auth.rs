//! What somebody says of how Tidings proves who it is to an endpoint's receiver, checked.

use tidings_model::Endpoint;
use tidings_model::endpoint::{AuthKind, ClientAuthentication, ClientCertificate, EndpointAuth};
use tidings_outbound::{Certificate, Identity, InvalidPem};

use super::{AdminError, header_names};
use crate::App;
use crate::pipeline::reader::chain;

/// The longest client id, secret, scope and audience, in bytes: what common servers take in a header.
const TEXT_BYTES_MAX: usize = 2_048;

/// How deliveries are to be authorized; all of it at once.
#[derive(Clone, Debug, Default)]
pub struct AuthChange {
    /// Which way; `None` is none.
    pub kind: Option<AuthKind>,
    /// Where tokens come from.
    pub token_url: Option<String>,
    /// Who we are there.
    pub client_id: Option<String>,
    /// What proves it; left out, it stays if the address does.
    pub client_secret: Option<String>,
    /// How it is shown there; left out, by HTTP Basic.
    pub client_authentication: Option<ClientAuthentication>,
    /// What the token is to be good for.
    pub scope: Option<String>,
    /// For whom the token is to be.
    pub audience: Option<String>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct CertificateChange {
    /// The certificate, with those between it and its authority.
    pub certificate_pem: String,
    /// Its key.
    pub key_pem: String,
}

impl std::fmt::Debug for CertificateChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateChange")
    }
}

/// Applies what was said of tokens.
pub(super) fn apply_auth(
    app: &App,
    endpoint: &mut Endpoint,
    said: AuthChange,
) -> Result<(), AdminError> {
    let AuthChange {
        kind,
        token_url,
        client_id,
        client_secret,
        client_authentication,
        scope,
        audience,
    } = said;
    let Some(kind) = kind else {
        let texts = [&token_url, &client_id, &client_secret, &scope, &audience];
        if texts.into_iter().any(Option::is_some) || client_authentication.is_some() {
            return Err(AdminError::invalid("/auth", "`none` has nothing else"));
        }
        endpoint.auth = None;
        return Ok(());
    };
    let token_url = checked("token_url", token_url)?;
    app.guarded
        .check(&token_url)
        .map_err(|refused| AdminError::invalid("/auth/token_url", refused.to_string()))?;
    // A secret that is known already must not go to another address.
    let kept = endpoint.auth.take().filter(|before| before.token_url == token_url);
    let sealed_client_secret = match (client_secret, kept) {
        (Some(secret), _) => app.sealer.seal(&checked("client_secret", Some(secret))?),
        (None, Some(kept)) => kept.sealed_client_secret,
        (None, None) => return Err(AdminError::invalid("/auth/client_secret", "is missing")),
    };
    let optional = |name: &str, text: Option<String>| match text {
        Some(text) => checked(name, Some(text)).map(Some),
        None => Ok(None),
    };
    endpoint.auth = Some(EndpointAuth {
        kind,
        client_id: checked("client_id", client_id)?,
        sealed_client_secret,
        client_authentication: client_authentication.unwrap_or_default(),
        scope: optional("scope", scope)?,
        audience: optional("audience", audience)?,
        token_url,
    });
    Ok(())
}

fn checked(name: &str, text: Option<String>) -> Result<String, AdminError> {
    let wrong = |problem: String| Err(AdminError::invalid(format!("/auth/{name}"), problem));
    match text {
        None => wrong("is missing".into()),
        Some(text) if text.is_empty() || text.len() > TEXT_BYTES_MAX => {
            wrong(format!("must have 1 to {TEXT_BYTES_MAX} bytes"))
        }
        Some(text) => Ok(text),
    }
}

/// Applies what was said of the certificate; `None` takes it away.
pub(super) fn apply_certificate(
    app: &App,
    endpoint: &mut Endpoint,
    said: Option<CertificateChange>,
) -> Result<(), AdminError> {
    let Some(CertificateChange { certificate_pem, key_pem }) = said else {
        endpoint.client_certificate = None;
        return Ok(());
    };
    Identity::from_pem(certificate_pem.as_bytes(), key_pem.as_bytes()).map_err(|wrong| {
        let field = match wrong {
            InvalidPem::Key => "/client_certificate/key_pem",
            InvalidPem::TooLong | InvalidPem::Pair { .. } => "/client_certificate",
            InvalidPem::Certificate | InvalidPem::Authority { .. } => {
                "/client_certificate/certificate_pem"
            }
        };
        AdminError::invalid(field, chain(&wrong))
    })?;
    let sealed_key_pem = app.sealer.seal(&key_pem);
    endpoint.client_certificate = Some(ClientCertificate { certificate_pem, sealed_key_pem });
    Ok(())
}

/// Two ways to fill one header: nobody could say which one goes out.
pub(super) fn check_one_way(app: &App, endpoint: &Endpoint) -> Result<(), AdminError> {
    let has_header = || {
        let names = header_names(app, endpoint);
        names.iter().any(|name| name.eq_ignore_ascii_case("authorization"))
    };
    if endpoint.auth.is_some() && has_header() {
        let why = "fills the header Authorization, which `headers` has too: say one of them";
        return Err(AdminError::invalid("/auth", why));
    }
    Ok(())
}

/// What the certificate of an endpoint says of itself.
pub fn certificate(endpoint: &Endpoint) -> Option<Certificate> {
    let pem = &endpoint.client_certificate.as_ref()?.certificate_pem;
    Certificate::first_of(pem.as_bytes()).ok()
}
