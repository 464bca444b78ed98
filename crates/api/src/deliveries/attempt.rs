//! One try, as the API tells of it.

use std::net::IpAddr;

use serde::Serialize;
use tidings_model::{Attempt, AttemptPhases, Timestamp};
use utoipa::ToSchema;

/// One try.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// How long its parts took.
    phases: PhasesView,
    /// The IP address that it was connected to; with a proxy, nobody knows.
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip: Option<IpAddr>,
    /// The receiver's HTTP status, if it answered.
    status: Option<u16>,
    /// Why it was not taken: `not_taken` (the status is not 2xx), `redirected` (nobody follows there), `not_sent`, or a
    /// code of the way out, as `timed_out`, `dns_failed`, `connect_failed`, `tls_failed`, `address_not_allowed`. Of a
    /// broker: `broker_unknown`, `broker_unreachable`, `broker_refused`, `not_acknowledged`, `message_unfit`.
    #[schema(example = "timed_out")]
    code: Option<String>,
    /// In which part it failed, if there was no answer: `dns`, `connect`, `tls`, `first_byte` or `body`.
    #[schema(example = "first_byte")]
    failed_in: Option<String>,
    /// Why there was no answer, for people.
    error: Option<String>,
    /// The head of the receiver's answer, as text; of a broker, where it keeps the message.
    answer: Option<String>,
}

/// How long the parts of a try took, in milliseconds. What was not there is null: over a connection that was kept there is
/// only `first_byte_ms` and `total_ms`.
#[derive(Serialize, ToSchema)]
pub(crate) struct PhasesView {
    /// From the name to its addresses.
    dns_ms: Option<f64>,
    /// Until the connection stood.
    connect_ms: Option<f64>,
    /// The handshake of TLS.
    tls_ms: Option<f64>,
    /// From having a connection until the head of the answer was there.
    first_byte_ms: Option<f64>,
    /// From the beginning to the last byte that was read.
    total_ms: Option<f64>,
}

impl From<AttemptPhases> for PhasesView {
    fn from(phases: AttemptPhases) -> Self {
        let ms = |us: Option<u32>| us.map(|us| f64::from(us) / 1_000.0);
        let AttemptPhases { dns, connect, tls, first_byte, total } = phases;
        Self {
            dns_ms: ms(dns),
            connect_ms: ms(connect),
            tls_ms: ms(tls),
            first_byte_ms: ms(first_byte),
            total_ms: ms(total),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, duration_ms, phases, ip, status, code, failed_in, error, answer } =
            attempt;
        let phases = PhasesView::from(phases);
        Self { at, duration_ms, phases, ip, status, code, failed_in, error, answer }
    }
}
