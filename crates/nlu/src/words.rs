//! How a text is cut into words, and when two words are the same one. Used on examples and on customers' texts alike.
//!
//! Words are runs of letters and digits, without case, diacritics, and forms that only look different, as in the search
//! of the archive (which is a crate of this level, so this one cannot use it). Two things differ: an apostrophe stays
//! inside of `don't`, since its halves mean nothing, and an emoji is a word, since customers answer with one.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// The most letters of a word; longer ones are cut into several. Words of languages are shorter, and comparing two words
/// takes as many steps as the product of their lengths.
pub(crate) const WORD_LETTERS_MAX: usize = 40;

/// How many letters a piece has of a text in Thai, Lao, Khmer or Burmese: they don't put spaces between words, so the
/// text is seen as all its pieces, which overlap.
const PIECE_LETTERS: usize = 3;

/// The same for Kana, of which each stands for a syllable.
const KANA_PIECE_LETTERS: usize = 2;

/// The most letters after an apostrophe that belong to the word before it: `don't`, `we'll`, but not `l'heure`.
const TAIL_LETTERS_MAX: usize = 2;

/// The folded words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let letters: Vec<char> = folded.chars().collect();
    let mut words = Vec::new();
    let mut word = Vec::new();
    for (at, &letter) in letters.iter().enumerate() {
        if stands_alone(letter) {
            take(&mut word, &mut words);
            words.push(letter.to_string());
        } else if is_of_word(letter) {
            let goes_on = word.last().is_none_or(|last| is_kana(*last) == is_kana(letter));
            if !goes_on || word.len() == WORD_LETTERS_MAX {
                take(&mut word, &mut words);
            }
            word.push(letter);
        } else if !(is_apostrophe(letter)
            && !word.is_empty()
            && has_short_tail(letters.get(at + 1..).unwrap_or_default()))
        {
            take(&mut word, &mut words);
        }
    }
    take(&mut word, &mut words);
    words
}

/// What two texts have in common that are the same sentence: their words; of a text without any, what there is.
pub(crate) fn key(text: &str, words: &[String]) -> String {
    if words.is_empty() { text.trim().to_owned() } else { words.join(" ") }
}

fn take(word: &mut Vec<char>, words: &mut Vec<String>) {
    let piece = match word.first().copied() {
        None => return,
        Some(first) if is_unspaced(first) => PIECE_LETTERS,
        Some(first) if is_kana(first) => KANA_PIECE_LETTERS,
        Some(_) => WORD_LETTERS_MAX,
    };
    if word.len() > piece {
        words.extend(word.windows(piece).map(|piece| piece.iter().collect::<String>()));
    } else {
        words.push(word.iter().collect());
    }
    word.clear();
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let folded = DecomposingNormalizerBorrowed::new_nfkd()
        .normalize_iter(text.chars())
        // By way of upper case, which makes one of what has several small forms, as `ß` and `ss`, `ς` and `σ`; and before
        // that small, since `ẞ` is an upper case of its own.
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|letter| !is_diacritic(*letter));
    // What is left belongs together: the letters of a syllable of Hangul, the voice mark of Kana.
    ComposingNormalizerBorrowed::new_nfc().normalize_iter(folded).collect()
}

fn has_short_tail(rest: &[char]) -> bool {
    let tail = rest.iter().take_while(|letter| is_of_word(**letter)).take(TAIL_LETTERS_MAX + 1);
    (1..=TAIL_LETTERS_MAX).contains(&tail.count())
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}' | '\u{02BC}' | '\u{2018}' | '`')
}

fn is_of_word(letter: char) -> bool {
    // Signs that join or end letters in scripts of India and Thailand are no letters to Unicode, and part of a word.
    letter.is_alphanumeric() && !is_apostrophe(letter)
        || matches!(letter, '\u{094D}' | '\u{09CD}' | '\u{0A4D}' | '\u{0ACD}' | '\u{0B4D}'
            | '\u{0BCD}' | '\u{0C4D}' | '\u{0CCD}' | '\u{0D4D}' | '\u{0DCA}' | '\u{0E31}'
            | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}')
}

/// Marks without which a word is still itself: accents, Hebrew points, Arabic vowel signs, joiners, and what makes an
/// emoji coloured.
fn is_diacritic(letter: char) -> bool {
    matches!(letter, '\u{0300}'..='\u{036F}' | '\u{0591}'..='\u{05C7}' | '\u{064B}'..='\u{065F}'
        | '\u{0670}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{200B}'..='\u{200D}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{1F3FB}'..='\u{1F3FF}')
}

/// Thai, Lao, Burmese, Khmer: no spaces between words, and letters that say too little alone.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}')
}

/// Hiragana and Katakana, with no spaces between words either.
fn is_kana(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}')
}

/// Han, which has no spaces between words, but letters that mean something alone; and emojis.
fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}' | '\u{2600}'..='\u{27BF}' | '\u{1F300}'..='\u{1FAFF}')
}

/// Whether a word is a number, or has one in it, as an order's.
pub(crate) fn is_number(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_keep_their_apostrophes() {
        assert_eq!(words("I DON'T want, it’s cold!"), ["i", "dont", "want", "its", "cold"]);
        assert_eq!(words("à quelle heure? l'heure"), ["a", "quelle", "heure", "l", "heure"]);
        assert_eq!(
            words("Öffnungszeiten STRAẞE ещё Ёж"),
            ["offnungszeiten", "strasse", "еще", "еж"]
        );
        assert_eq!(words("営業時間 ok👍🏽"), ["営", "業", "時", "間", "ok", "👍"]);
        assert_eq!(words("ピザを1つ 가격"), ["ピザ", "ザを", "1", "つ", "가격"]);
        assert_eq!(words("नमस्ते 'quoted' order-12"), ["नमस्ते", "quoted", "order", "12"]);
        assert_eq!(words(" ... ?! "), [""; 0]);
        assert_eq!(words("ร้านเปิด"), ["ร้า", "้าน", "านเ", "นเป", "เปิ", "ปิด"]);
        assert_eq!(words(&"x".repeat(50)), ["x".repeat(WORD_LETTERS_MAX), "x".repeat(10)]);
    }

    #[test]
    fn a_sentence_is_the_same_by_its_words() {
        let key = |text: &str| key(text, &words(text));
        assert_eq!(key("Can I order?"), key("  can I ORDER"));
        assert_eq!(key(" ?? "), "??");
        assert_ne!(key("order can I"), key("can I order"));
    }
}
