//! Rules of access, of the Configuration API.

use tidings_app::desk::auto_access::{self, Said};

use crate::livechat::call::{Answer, Call};

pub(super) async fn add(call: &Call) -> Answer {
    auto_access::add(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update(call: &Call) -> Answer {
    auto_access::update(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn delete(call: &Call) -> Answer {
    auto_access::delete(&call.app, &call.actor, &call.args::<Said>()?.id).await
}

pub(super) async fn list(call: &Call) -> Answer {
    auto_access::list(&call.app, &call.actor).await
}
