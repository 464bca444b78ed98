//! Counts the work of a classification, and asks now and then whether there is time for more. The clock is the caller's.

/// How much work is done between two questions: some tens of microseconds, so that asking costs nothing and a limit is
/// kept to the millisecond.
const WORK_BETWEEN_QUESTIONS: usize = 4096;

/// There was no time left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfTime;

/// See the head of the file.
pub(crate) struct Meter<'a> {
    is_over: &'a mut dyn FnMut() -> bool,
    left: usize,
}

impl<'a> Meter<'a> {
    /// One that asks at the first step.
    pub(crate) fn new(is_over: &'a mut dyn FnMut() -> bool) -> Self {
        Self { is_over, left: 0 }
    }

    /// Notes that so many steps are about to be taken.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), OutOfTime> {
        if let Some(left) = self.left.checked_sub(steps.max(1)) {
            self.left = left;
            return Ok(());
        }
        self.left = WORK_BETWEEN_QUESTIONS;
        if (self.is_over)() { Err(OutOfTime) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_asks_and_few_of_the_others_do() {
        let mut asked = 0;
        let mut is_over = || {
            asked += 1;
            false
        };
        let mut meter = Meter::new(&mut is_over);
        for _ in 0..10 {
            assert_eq!(meter.spend(1000), Ok(()));
        }
        assert_eq!(asked, 2);
        assert_eq!(Meter::new(&mut || true).spend(0), Err(OutOfTime));
    }
}
