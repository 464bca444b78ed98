//! Work that one does for all who ask for it at the same time.
//!
//! Who asks while others wait for their turn is served with them, by work that begins after they all asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Whose turn it is, and for whom the work was done.
#[derive(Debug, Default)]
pub(crate) struct Together {
    asked: AtomicU64,
    done: tokio::sync::Mutex<Done>,
}

#[derive(Debug, Default)]
struct Done {
    /// For so many of those who asked.
    of_asked: u64,
    /// When it began last.
    began: Option<Instant>,
}

impl Together {
    /// Does the work, unless somebody does so meanwhile; it begins at the earliest `apart` after it began before.
    /// Cancel-safe: who is next in turn does it.
    pub(crate) async fn once<E>(
        &self,
        apart: Duration,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let asked = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut done = self.done.lock().await;
        if done.of_asked >= asked {
            return Ok(());
        }
        if let Some(began) = done.began {
            sleep_until(began + apart).await;
        }
        let of_asked = self.asked.load(Ordering::Acquire);
        done.began = Some(Instant::now());
        work.await?;
        done.of_asked = of_asked;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::future::join_all;

    use super::*;

    const APART: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn those_who_ask_together_are_served_by_one() {
        let (together, times) = (Together::default(), AtomicU64::new(0));
        let began = Instant::now();
        let ask = || {
            together.once(APART, async {
                times.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(())
            })
        };
        assert!(ask().await.is_ok());
        for wave in 1..=2 {
            join_all((0..100).map(|_| ask())).await;
            assert_eq!(times.load(Ordering::Relaxed), 1 + wave);
        }
        assert!(began.elapsed() >= APART * 2, "one after the other");
    }

    #[tokio::test]
    async fn who_asks_while_the_work_is_done_is_not_served_by_it() {
        let (together, times) = (Together::default(), AtomicU64::new(0));
        let ask = || {
            together.once(Duration::ZERO, async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                times.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(())
            })
        };
        let later = async {
            tokio::task::yield_now().await;
            ask().await
        };
        let (one, other) = tokio::join!(ask(), later);
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(times.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn who_fails_serves_nobody() {
        let together = Together::default();
        let failing = together.once(Duration::ZERO, async { Err("it is away") });
        let working = together.once(Duration::ZERO, async { Ok::<_, &str>(()) });
        assert_eq!(tokio::join!(failing, working), (Err("it is away"), Ok(())));
    }
}
