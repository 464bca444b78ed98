//! Loses messages of NATS on their way: whole ones, so that the connection goes on.
//!
//! NATS speaks in lines; `PUB` and `HPUB` are followed by as many bytes as their last word says.

/// What a client says to NATS, cut into its parts.
#[derive(Debug, Default)]
pub(super) struct Publications {
    /// What is not whole yet.
    begun: Vec<u8>,
    /// How many messages came so far.
    count: u64,
}

impl Publications {
    /// Takes what came and gives what is to be passed on: all of it but every `lost`-th message.
    pub(super) fn pass(&mut self, came: &[u8], lost: Option<u64>) -> Vec<u8> {
        self.begun.extend_from_slice(came);
        let mut passed = Vec::with_capacity(self.begun.len());
        let mut rest = self.begun.as_slice();
        while let Some((length, is_message)) = first_part(rest) {
            let Some((part, after)) = rest.split_at_checked(length) else { break };
            rest = after;
            if is_message {
                self.count += 1;
            }
            let is_lost = is_message && lost.is_some_and(|lost| self.count.is_multiple_of(lost));
            if !is_lost {
                passed.extend_from_slice(part);
            }
        }
        self.begun = rest.to_vec();
        passed
    }
}

/// The length of the first part, which may not be all there yet, and whether it is a message; `None` without a whole line.
fn first_part(bytes: &[u8]) -> Option<(usize, bool)> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let line = bytes.get(..end)?.to_ascii_uppercase();
    let is_message = line.starts_with(b"PUB ") || line.starts_with(b"HPUB ");
    let payload = || -> Option<usize> {
        let length = line.rsplit(|byte| *byte == b' ').next()?;
        std::str::from_utf8(length).ok()?.parse().ok()
    };
    let payload = if is_message { payload()? + 2 } else { 0 };
    Some((end + 2 + payload, is_message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &[u8] =
        b"CONNECT {}\r\nPUB a 2\r\nhi\r\nPING\r\nHPUB b 4 9\r\n1234\r\nabc\r\nPUB c 0\r\n\r\n";

    #[test]
    fn every_second_message_is_lost_whole() {
        let passed = Publications::default().pass(SAID, Some(2));
        assert_eq!(passed, b"CONNECT {}\r\nPUB a 2\r\nhi\r\nPING\r\nPUB c 0\r\n\r\n");
        assert_eq!(Publications::default().pass(SAID, None), SAID);
    }

    #[test]
    fn what_comes_in_pieces_is_put_together() {
        let mut publications = Publications::default();
        let passed: Vec<u8> =
            SAID.iter().flat_map(|byte| publications.pass(&[*byte], Some(2))).collect();
        assert_eq!(passed, Publications::default().pass(SAID, Some(2)));
    }
}
