//! Some neighbouring threads' bits, as they are stored: a bit for each, or the numbers where they are few.

/// Threads in a chunk: 256 bytes of bits are read and written as one small row.
pub(crate) const CHUNK_THREADS: u32 = 2_048;

/// The same as words of 64 bits.
pub(crate) const CHUNK_WORDS: usize = (CHUNK_THREADS / 64) as usize;

/// The length of stored bits; what is shorter is a list of numbers.
const DENSE_BYTES: usize = CHUNK_WORDS * 8;

/// The bits of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk(pub(crate) [u64; CHUNK_WORDS]);

impl Chunk {
    pub(crate) const EMPTY: Self = Self([0; CHUNK_WORDS]);

    /// Sets or clears the bit of a thread, by its local number.
    pub(crate) fn set(&mut self, number: u32, on: bool) {
        let bit = number % CHUNK_THREADS;
        if let Some(word) = self.0.get_mut((bit / 64) as usize) {
            let mask = 1 << (bit % 64);
            *word = if on { *word | mask } else { *word & !mask };
        }
    }

    fn bits(&self) -> impl Iterator<Item = u16> + '_ {
        (0..CHUNK_THREADS).filter_map(|bit| {
            let word = self.0.get((bit / 64) as usize)?;
            (word >> (bit % 64) & 1 == 1).then_some(bit as u16)
        })
    }

    /// As it is stored; `None` when there is nothing to store.
    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        let count: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        match count as usize * 2 {
            0 => None,
            list if list < DENSE_BYTES => Some(self.bits().flat_map(u16::to_le_bytes).collect()),
            _ => Some(self.0.iter().flat_map(|word| word.to_le_bytes()).collect()),
        }
    }

    /// From what was stored.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut chunk = Self::EMPTY;
        if bytes.len() == DENSE_BYTES {
            let (words, _) = bytes.as_chunks::<8>();
            for (word, stored) in chunk.0.iter_mut().zip(words) {
                *word = u64::from_le_bytes(*stored);
            }
        } else {
            let (numbers, _) = bytes.as_chunks::<2>();
            numbers.iter().for_each(|bit| chunk.set(u16::from_le_bytes(*bit).into(), true));
        }
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        for step in [1, 2, 15, 16, 17, 2_047] {
            let mut chunk = Chunk::EMPTY;
            for number in (0..CHUNK_THREADS).step_by(step) {
                chunk.set(CHUNK_THREADS * 3 + number, true);
            }
            let stored = chunk.write().expect("it has bits");
            assert!(stored.len() <= DENSE_BYTES);
            assert_eq!(Chunk::read(&stored), chunk, "every {step}th");
            for number in 0..CHUNK_THREADS {
                chunk.set(number, false);
            }
            assert_eq!(chunk.write(), None);
        }
    }
}
