//! A set of a workspace's threads, a bit for each local number: 125 KB for a million.

use super::chunk::{CHUNK_THREADS, CHUNK_WORDS, Chunk};

/// Some of the threads of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    words: Vec<u64>,
    /// How many threads the workspace has; no bit is set beyond.
    size: u32,
}

impl Set {
    pub(crate) fn none(size: u32) -> Self {
        // Whole chunks, so that a stored chunk always fits.
        let chunks = size.div_ceil(CHUNK_THREADS) as usize;
        Self { words: vec![0; chunks * CHUNK_WORDS], size }
    }

    pub(crate) fn all(size: u32) -> Self {
        Self::none(size).complement()
    }

    #[must_use]
    pub(crate) fn complement(mut self) -> Self {
        for (at, word) in self.words.iter_mut().enumerate() {
            let begin = at as u32 * 64;
            let inside = match self.size.saturating_sub(begin) {
                left @ 0..64 => (1_u64 << left) - 1,
                64.. => u64::MAX,
            };
            *word = !*word & inside;
        }
        self
    }

    /// Adds a thread; one that the workspace did not have yet is passed over.
    pub(crate) fn add(&mut self, number: u32) {
        if number < self.size
            && let Some(word) = self.words.get_mut((number / 64) as usize)
        {
            *word |= 1 << (number % 64);
        }
    }

    /// Adds the threads of a stored chunk.
    pub(crate) fn add_chunk(&mut self, chunk: u32, bits: &Chunk) {
        let begin = chunk as usize * CHUNK_WORDS;
        let words = self.words.iter_mut().skip(begin);
        words.zip(bits.0).for_each(|(word, bits)| *word |= bits);
    }

    /// Adds all threads of a chunk.
    pub(crate) fn add_whole_chunk(&mut self, chunk: u32) {
        let begin = chunk * CHUNK_THREADS;
        (begin..begin.saturating_add(CHUNK_THREADS).min(self.size))
            .for_each(|number| self.add(number));
    }

    pub(crate) fn unite(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.words.get((number / 64) as usize).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(crate) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The first and the last number.
    pub(crate) fn bounds(&self) -> Option<(u32, u32)> {
        let first = self.words.iter().position(|word| *word != 0)?;
        let last = self.words.iter().rposition(|word| *word != 0)?;
        let low = self.words.get(first)?.trailing_zeros();
        let high = 63 - self.words.get(last)?.leading_zeros();
        Some((first as u32 * 64 + low, last as u32 * 64 + high))
    }

    /// The numbers in a chunk.
    pub(crate) fn in_chunk(&self, chunk: u32) -> Vec<u32> {
        let begin = chunk as usize * CHUNK_WORDS;
        let words = self.words.iter().enumerate().skip(begin).take(CHUNK_WORDS);
        words
            .filter(|(_, word)| **word != 0)
            .flat_map(|(at, word)| {
                let set = (0..64_u32).filter(move |bit| word >> bit & 1 == 1);
                set.map(move |bit| at as u32 * 64 + bit)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(size: u32, numbers: &[u32]) -> Set {
        let mut set = Set::none(size);
        numbers.iter().for_each(|number| set.add(*number));
        set
    }

    #[test]
    fn nothing_lies_beyond_the_size() {
        for size in [0, 1, 63, 64, 65, 2_047, 2_048, 2_049] {
            assert_eq!(Set::all(size).count(), u64::from(size));
            assert_eq!(Set::all(size).complement(), Set::none(size));
            assert_eq!(Set::all(size).bounds(), size.checked_sub(1).map(|last| (0, last)));
            assert!(of(size, &[size, size + 64]).is_empty());
        }
    }

    #[test]
    fn sets_are_united_and_intersected() {
        let (mut one, other) = (of(3_000, &[1, 64, 2_999]), of(3_000, &[64, 65]));
        let mut both = one.clone();
        both.intersect(&other);
        assert_eq!(both, of(3_000, &[64]));
        one.unite(&other);
        assert_eq!(one, of(3_000, &[1, 64, 65, 2_999]));
        assert_eq!(one.bounds(), Some((1, 2_999)));
        assert_eq!((one.in_chunk(0), one.in_chunk(1)), (vec![1, 64, 65], vec![2_999]));
        assert!(one.has(65) && !one.has(66) && !one.has(u32::MAX));
        let mut whole = Set::none(3_000);
        whole.add_whole_chunk(1);
        assert_eq!((whole.count(), whole.bounds()), (952, Some((2_048, 2_999))));
    }
}
