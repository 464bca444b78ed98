//! `tidings bin`: a receiver of webhooks for trying out and testing. It verifies each delivery, prints it as a line, shows
//! the last ones on a page, and misbehaves when it is told to.
//!
//! In reading order: [`behavior`] (what can be said), [`receiver`] (the server), [`take`] (a request), [`handshake`],
//! [`delivery`] and [`told`] (what arrived), [`ledger`] (what arrived before), [`misbehave`], [`look`] (the page).

pub(crate) mod behavior;
mod delivery;
mod handshake;
mod ledger;
mod look;
mod misbehave;
mod receiver;
mod take;
mod told;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tidings_wire::standard_webhooks::VerifyingKey;
use tokio::sync::mpsc;

pub(super) use self::delivery::Delivery;
pub(super) use self::receiver::{Options, Receiver};
use super::say;
use super::serve::told_to_stop;
use crate::cli::Bin;

/// How many deliveries may wait to be printed; then senders wait.
const LINES_MAX: usize = 1024;

pub(super) async fn bin(options: Bin) -> anyhow::Result<ExitCode> {
    let Bin { listen, secrets, token, open, json, show_body, behavior } = options;
    let behavior = behavior.checked().map_err(anyhow::Error::msg)?;
    let secrets: Vec<VerifyingKey> = secrets
        .iter()
        .map(|secret| secret.parse())
        .collect::<Result<_, _>>()
        .context("--secret")?;
    let is_checked = !secrets.is_empty();
    let (told, mut deliveries) = mpsc::channel(LINES_MAX);
    let options = Options { secrets, token, behavior, is_open: open, told: Some(told) };
    let receiver = Receiver::start(listen, options).await?;
    if !json {
        greet(&receiver, is_checked)?;
    }
    let stopped = told_to_stop();
    tokio::pin!(stopped);
    loop {
        let delivery = tokio::select! {
            stopped = &mut stopped => {
                stopped?;
                return Ok(ExitCode::SUCCESS);
            }
            Some(delivery) = deliveries.recv() => delivery,
        };
        print(&delivery, json, show_body)?;
    }
}

fn greet(receiver: &Receiver, is_checked: bool) -> anyhow::Result<()> {
    let address = receiver.address();
    say(format_args!(
        "\n  Deliveries  http://{address}/ANYTHING\n  \
         Page        http://{address}/\n  \
         Misbehave   curl -X PUT http://{address}/behave -d '{{\"status\": 503, \"retry_after_s\": 5, \"times\": 3}}'\n"
    ))?;
    if is_checked { Ok(()) } else { say("  Signatures are not checked: give --secret whsec_...\n") }
}

fn print(delivery: &Arc<Delivery>, json: bool, show_body: bool) -> anyhow::Result<()> {
    if json {
        return say(serde_json::to_string(delivery)?);
    }
    say(delivery)?;
    let body = if show_body { delivery.readable_body() } else { String::new() };
    if body.is_empty() { Ok(()) } else { say(body) }
}
