//! `tidings deliveries`: what was sent to whom, how it went, and what can be done about it.

mod attempt;
mod job;
pub(super) mod list;
mod one;
mod request;

use std::process::ExitCode;

pub(super) use self::job::jobs;
use self::list::{follow, list};
use crate::cli::{Deliveries, DeliveriesAction};
use crate::client::ApiClient;

pub(super) async fn deliveries(options: Deliveries) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server.checked()?)?;
    match options.action {
        None if options.list.follow => follow(&client, &options.list).await?,
        None => list(&client, &options.list).await?,
        Some(DeliveriesAction::Show { id, json, request: true }) => {
            request::show(&client, &id, json).await?;
        }
        Some(DeliveriesAction::Show { id, json, .. }) => one::show(&client, &id, json).await?,
        Some(DeliveriesAction::Curl { id }) => request::curl(&client, &id).await?,
        Some(DeliveriesAction::Redeliver { id }) => return one::redeliver(&client, &id).await,
        Some(DeliveriesAction::Recover(what)) => return job::recover(&client, &what).await,
        Some(DeliveriesAction::Replay(what)) => return job::replay(&client, &what).await,
        Some(DeliveriesAction::Cancel { id }) => one::cancel(&client, &id).await?,
    }
    Ok(ExitCode::SUCCESS)
}
