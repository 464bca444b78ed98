//! The connection to NATS: it comes back by itself, for ever, and says in the log what keeps it away.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ClientError, ConnectOptions, Event};
use tidings_bus::HINTS_WAITING_MAX;
use tokio::time::Instant;

use crate::settings::{Settings, User, WrongSettings};

/// How long one attempt to connect may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How often the connection is tried while it is quiet: a dead line is found within twice of it.
const PING_EVERY: Duration = Duration::from_secs(5);

/// The pause after the first attempt that failed; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often it is said again that NATS is away, and why.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// How many commands wait in the client: what comes together beyond it waits in our own queue.
const COMMANDS_MAX: usize = 1_024;

/// Begins to connect.
pub(crate) async fn open(settings: &Settings) -> Result<Client, WrongSettings> {
    let (servers, user) = settings.servers()?;
    let mut options = ConnectOptions::new()
        .name("tidings")
        .no_echo()
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(CONNECT_WITHIN)
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(pause)
        .client_capacity(COMMANDS_MAX)
        .subscription_capacity(HINTS_WAITING_MAX)
        .require_tls(settings.require_tls);
    options = match user {
        User::Unnamed => options,
        User::Named { name, password } => options.user_and_password(name, password),
        User::Token(token) => options.token(token),
    };
    if let Some(path) = &settings.credentials {
        let unusable = |source| WrongSettings::Credentials { path: path.clone(), source };
        let read = tokio::fs::read_to_string(path).await.map_err(unusable)?;
        options = options.credentials(&read).map_err(unusable)?;
    }
    // The client would find out with each attempt that a file is not there; the operator is told now.
    let both = settings.certificate.iter().flat_map(|(certificate, key)| [certificate, key]);
    for path in settings.root_certificates.iter().chain(both) {
        let unreadable = |source| WrongSettings::Unreadable { path: path.clone(), source };
        tokio::fs::read(path).await.map_err(unreadable)?;
    }
    if let Some(path) = &settings.root_certificates {
        options = options.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &settings.certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    let said = Arc::new(Said::default());
    let options = options.event_callback(move |event| {
        let said = Arc::clone(&said);
        async move { said.hears(&event) }
    });
    Ok(options.connect(servers).await?)
}

/// The pause before an attempt.
fn pause(attempts: usize) -> Duration {
    let Some(failed) = attempts.checked_sub(1).filter(|failed| *failed > 0) else {
        return Duration::ZERO;
    };
    let doublings = u32::try_from(failed - 1).unwrap_or(u32::MAX).min(16);
    PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX)
}

/// What was said last of why NATS is away, and when: an attempt every few seconds must not fill the log.
#[derive(Debug, Default)]
struct Said(Mutex<Option<(String, Instant)>>);

impl Said {
    fn hears(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.forget();
                tracing::info!("NATS is connected: other nodes are heard");
            }
            Event::Disconnected => {
                self.forget();
                tracing::warn!(
                    "the connection to NATS is lost: hints only come late, it is tried again"
                );
            }
            Event::SlowConsumer(_) => {
                metrics::counter!("tidings_hints_missed_total").increment(1);
            }
            Event::ClientError(ClientError::Other(why)) => self.away(why),
            Event::ClientError(
                error @ (ClientError::MaxReconnects | ClientError::ServerNotInPool),
            ) => self.away(&error.to_string()),
            Event::ServerError(error) => self.away(&error.to_string()),
            Event::LameDuckMode => {
                tracing::info!("the NATS server will stop: another one is connected to then");
            }
            Event::Draining | Event::Closed => tracing::debug!("NATS: {event}"),
        }
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn away(&self, why: &str) {
        let now = Instant::now();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_said = last
            .as_ref()
            .is_some_and(|(said, at)| said == why && now.duration_since(*at) < SAID_EVERY);
        if is_said {
            return;
        }
        *last = Some((why.to_owned(), now));
        drop(last);
        if why.contains("authorization") || why.contains("authentication") {
            tracing::error!(
                "NATS refuses us ({why}): check the user, token or credentials file; hints only come late meanwhile"
            );
        } else {
            tracing::warn!("NATS cannot be reached ({why}): hints only come late meanwhile");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses: Vec<u128> = (0..10).map(|attempts| pause(attempts).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(pause(usize::MAX), PAUSE_MAX);
    }
}
