//! What somebody says of a broker, checked against the settings: only what the operator named there can be used, so that
//! nobody makes the server connect anywhere by the API.

use tidings_brokers::{Address, Why, WrongAddress, check_header_name};
use tidings_model::Endpoint;
use tidings_model::endpoint::BrokerPlace;

use crate::App;
use crate::admin::AdminError;

/// A place at a broker to which deliveries may go.
pub(super) fn checked(
    app: &App,
    endpoint: &Endpoint,
    place: BrokerPlace,
) -> Result<BrokerPlace, AdminError> {
    if endpoint.chat_webhook.is_some() {
        return Err(AdminError::invalid("/broker", "a webhook of the Chat API has a url"));
    }
    let brokers = &app.settings.brokers;
    let names: Vec<&str> = brokers.names().into_iter().map(|(name, _)| name).collect();
    if !names.contains(&place.name.as_str()) {
        return Err(AdminError::invalid("/broker/name", unknown(&names)));
    }
    let wrong = |why: String| AdminError::invalid("/broker/address", why);
    let address: Address =
        place.address.parse().map_err(|error: WrongAddress| wrong(error.to_string()))?;
    brokers.check(&place.name, &address).map_err(|failed| match failed.why {
        Why::UnknownConnection => AdminError::invalid("/broker/name", unknown(&names)),
        Why::Refused | Why::Unfit | Why::Unreachable | Why::NotAcknowledged | Why::Held => {
            wrong(failed.text)
        }
    })?;
    Ok(BrokerPlace { address: address.to_string(), ..place })
}

fn unknown(names: &[&str]) -> String {
    match names {
        [] => "is no broker: the settings name none, under [brokers]".into(),
        names => format!("is no broker: the settings name {}", names.join(", ")),
    }
}

/// What an HTTP receiver may have, and a broker may not.
pub(super) fn check_rest(app: &App, endpoint: &Endpoint) -> Result<(), AdminError> {
    if endpoint.handshake.is_some() {
        let why = "nobody at a broker could answer: say the kind `none`";
        return Err(AdminError::invalid("/handshake", why));
    }
    let in_settings = "the settings say how a broker lets us in: leave it out, or take it off";
    if endpoint.auth.is_some() {
        return Err(AdminError::invalid("/auth", in_settings));
    }
    if endpoint.client_certificate.is_some() {
        return Err(AdminError::invalid("/client_certificate", in_settings));
    }
    if endpoint.batch.is_some() {
        let why = "a broker gets each event by itself: leave it out, or take it off";
        return Err(AdminError::invalid("/batch", why));
    }
    for name in &super::header_names(app, endpoint) {
        let wrong = |why| AdminError::invalid(format!("/headers/{name}"), why);
        check_header_name(name).map_err(wrong)?;
    }
    Ok(())
}
