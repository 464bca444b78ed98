//! A connection that is made when it is needed, and made anew when it broke, with pauses that grow.
//!
//! While it pauses, callers are told at once what failed last: who waits for a broker that is away would keep others
//! waiting who have somewhere to go.

use std::fmt;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::failed::Failed;

/// How long one attempt to connect may take.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The pause after the first attempt that failed; each further one is twice as long.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A connection, made when needed.
pub(crate) struct Line<T> {
    state: Mutex<State<T>>,
}

enum State<T> {
    Open(T),
    Away { failures: u32, until: Instant, why: String },
    Never,
}

impl<T> fmt::Debug for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl<T: Clone> Line<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::Never) }
    }

    /// The connection: the one that is there, if it is good still, or a new one. Callers who come meanwhile wait.
    pub(crate) async fn get(
        &self,
        is_good: impl Fn(&T) -> bool,
        connect: impl Future<Output = Result<T, String>>,
    ) -> Result<T, Failed> {
        let mut state = self.state.lock().await;
        let failures = match &*state {
            State::Open(open) if is_good(open) => return Ok(open.clone()),
            State::Away { until, why, .. } if Instant::now() < *until => {
                return Err(Failed::unreachable(format!("cannot be reached: {why}")));
            }
            State::Away { failures, .. } => *failures,
            State::Open(_) | State::Never => 0,
        };
        let connected = timeout(CONNECT_WITHIN, connect).await;
        let why = match connected {
            Ok(Ok(open)) => {
                *state = State::Open(open.clone());
                return Ok(open);
            }
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", CONNECT_WITHIN.as_secs()),
        };
        let failed = Failed::unreachable(format!("cannot be reached: {why}"));
        let failures = failures.saturating_add(1);
        *state = State::Away { failures, until: Instant::now() + pause(failures), why };
        Err(failed)
    }
}

/// The pause after so many failures.
pub(crate) fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use super::*;
    use crate::Why;

    fn fails() -> Ready<Result<u32, String>> {
        ready(Err("nobody is there".into()))
    }

    async fn unasked() -> Result<u32, String> {
        std::future::pending::<()>().await;
        Err("it is tried".into())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end_with_success() {
        let line = Line::new();
        for failures in 1..=8 {
            let failed = line.get(|_| true, fails()).await.expect_err("nobody");
            assert_eq!((failed.why, failed.text.contains("nobody")), (Why::Unreachable, true));
            let again = line.get(|_| true, unasked()).await.expect_err("it pauses");
            assert_eq!(again, failed);
            tokio::time::advance(pause(failures)).await;
        }
        assert_eq!(pause(8), PAUSE_MAX);
        assert_eq!(line.get(|_| true, async { Ok(1) }).await, Ok(1));
        assert_eq!(line.get(|_| true, unasked()).await, Ok(1), "it is kept");
        assert_eq!(line.get(|_| false, async { Ok(2) }).await, Ok(2), "and made anew at once");
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_given_up() {
        let line: Line<u32> = Line::new();
        let failed = line.get(|_| true, std::future::pending()).await.expect_err("silence");
        assert!(failed.text.contains("no answer within 5 s"), "{failed}");
    }
}
