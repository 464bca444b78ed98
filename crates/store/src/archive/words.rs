//! What a word is, what a query asks for, and where it is found in a text.
//!
//! One way of cutting text into words, for the index, for queries and for highlights, so that what is found is what is
//! marked. Words are runs of letters, digits and their marks; characters of Han and Kana stand alone, because such text
//! has no spaces. Words are compared without case, without diacritics, and without forms that only look different: `ÉTÉ`
//! is `ete`, `Straße` is `strasse`, `ﬁn` is `fin`.

use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;

/// The most letters of a word that count; longer ones are equal when these are. Nobody types more to find something,
/// and an encoded file pasted into a chat would fill the index.
pub const WORD_CHARS_MAX: usize = 64;

/// The most terms of a query that count: each is a look of its own into the index.
pub const TERMS_MAX: usize = 32;

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it is compared.
    pub folded: String,
    /// Where it stands in the text, in bytes.
    pub place: Range<usize>,
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begin = None;
    for (at, character) in text.char_indices() {
        if !is_of_word(character) {
            push(text, begin.take(), at, &mut words);
        } else if stands_alone(character) {
            push(text, begin.take(), at, &mut words);
            push(text, Some(at), at + character.len_utf8(), &mut words);
        } else if begin.is_none() {
            begin = Some(at);
        }
    }
    push(text, begin, text.len(), &mut words);
    words
}

fn push(text: &str, begin: Option<usize>, end: usize, words: &mut Vec<Word>) {
    let Some(begin) = begin else { return };
    let place = begin..end;
    let Some(word) = text.get(place.clone()) else { return };
    let folded = fold(word);
    // A mark that stands alone is no word.
    if !folded.is_empty() {
        words.push(Word { folded, place });
    }
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || is_mark(character)
}

/// Marks that belong to the letter before them. Letters of their own in other scripts, as vowels of Hindi, are
/// alphabetic anyway; these are what [`fold`] leaves out, and signs that join letters.
fn is_mark(character: char) -> bool {
    is_diacritic(character)
        || matches!(character, '\u{094D}' | '\u{09CD}' | '\u{0A4D}' | '\u{0ACD}' | '\u{0B4D}'
            | '\u{0BCD}' | '\u{0C4D}' | '\u{0CCD}' | '\u{0D4D}' | '\u{0DCA}' | '\u{0E31}'
            | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}' | '\u{200C}' | '\u{200D}')
}

/// Marks without which a word is still itself: accents, Hebrew points, Arabic vowel signs, and joiners.
fn is_diacritic(character: char) -> bool {
    matches!(character, '\u{0300}'..='\u{036F}' | '\u{0591}'..='\u{05C7}' | '\u{064B}'..='\u{065F}'
        | '\u{0670}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{200C}' | '\u{200D}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Kana and Han.
fn stands_alone(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}'
        | '\u{20000}'..='\u{323AF}')
}

/// A word as it is compared.
fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word
            .chars()
            .take(WORD_CHARS_MAX)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
    }
    let normalizer = DecomposingNormalizerBorrowed::new_nfkd();
    normalizer
        .normalize_iter(word.chars())
        // Upper case first: it makes one of what has several small forms, as `ß` and `ss`, `ς` and `σ`.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|letter| is_of_word(*letter) && !is_diacritic(*letter))
        .take(WORD_CHARS_MAX)
        .collect()
}

/// One thing that a query asks for: words that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The words, as they are compared; at least one.
    pub words: Vec<String>,
    /// The last of them need only begin so.
    pub prefix: bool,
}

impl Term {
    /// Whether a word of the term and one of a text are the same.
    fn matches_at(&self, number: usize, word: &Word) -> bool {
        let begins = self.prefix && number + 1 == self.words.len();
        self.words.get(number).is_some_and(|wanted| {
            if begins { word.folded.starts_with(wanted) } else { word.folded == *wanted }
        })
    }

    /// Whether a text has it, as words in a row.
    pub fn is_in(&self, words: &[Word]) -> bool {
        words.windows(self.words.len()).any(|window| self.matches(window))
    }

    fn matches(&self, window: &[Word]) -> bool {
        window.iter().enumerate().all(|(number, word)| self.matches_at(number, word))
    }
}

/// What a query asks for; all of it must be found.
///
/// What is in double quotes is a phrase. Outside of them each piece between spaces is a term, and one that is cut into
/// several words, as an e-mail address, is a phrase as well. The last word need only be the beginning of one, as people
/// type it, unless it is in quotes. No text is wrong: a quote without its other half is passed over, and so is what has
/// no words.
pub fn terms(query: &str) -> Vec<Term> {
    let parts: Vec<&str> = query.split('"').collect();
    // With an odd number of quotes the last one is alone: what follows it is not in quotes.
    let closed = parts.len() - usize::from(parts.len().is_multiple_of(2));
    let mut terms = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        if number % 2 == 1 && number < closed {
            terms.extend(term(part, false));
        } else {
            let last = number + 1 == parts.len();
            let pieces: Vec<Term> =
                part.split_whitespace().filter_map(|piece| term(piece, false)).collect();
            let count = pieces.len();
            terms.extend(
                pieces
                    .into_iter()
                    .enumerate()
                    .map(|(piece, term)| Term { prefix: last && piece + 1 == count, ..term }),
            );
        }
    }
    terms.truncate(TERMS_MAX);
    terms
}

fn term(text: &str, prefix: bool) -> Option<Term> {
    let words: Vec<String> = words(text).into_iter().map(|word| word.folded).collect();
    (!words.is_empty()).then_some(Term { words, prefix })
}

/// The text with `before` and `after` around each word that the query asks for; `None` when it has none of them.
///
/// A text is marked where it has a part of the query, though only the thread as a whole need have all. Nothing is
/// escaped: who needs that does it before.
pub fn highlight(text: &str, query: &str, before: &str, after: &str) -> Option<String> {
    let words = words(text);
    let mut marked = vec![false; words.len()];
    for term in terms(query) {
        let length = term.words.len();
        for (begin, window) in words.windows(length).enumerate() {
            if term.matches(window) {
                marked.iter_mut().skip(begin).take(length).for_each(|mark| *mark = true);
            }
        }
    }
    let mut highlighted = String::with_capacity(text.len() + before.len() + after.len());
    let mut end = 0;
    for (word, _) in words.iter().zip(marked).filter(|(_, marked)| *marked) {
        highlighted.push_str(text.get(end..word.place.start)?);
        highlighted.push_str(before);
        highlighted.push_str(text.get(word.place.clone())?);
        highlighted.push_str(after);
        end = word.place.end;
    }
    highlighted.push_str(text.get(end..)?);
    (end > 0).then_some(highlighted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn text_is_cut_into_words() {
        assert_eq!(folded("Where is my parcel?"), ["where", "is", "my", "parcel"]);
        assert_eq!(folded("  ... "), [""; 0]);
        assert_eq!(folded("don't alice@example.com"), ["don", "t", "alice", "example", "com"]);
        assert_eq!(
            folded("ÉTÉ e\u{301}te Straße STRASSE ΣΟΦΟΣ σοφος"),
            ["ete", "ete", "strasse", "strasse", "σοφοσ", "σοφοσ"]
        );
        assert_eq!(folded("ﬁn Ｆｕｌｌ x²"), ["fin", "full", "x2"]);
        assert_eq!(folded("東京タワー tower"), ["東", "京", "タ", "ワ", "ー", "tower"]);
        assert_eq!(folded("नमस्ते दुनिया"), ["नमस्ते", "दुनिया"]);
        assert_eq!(folded("\u{301} a😀b"), ["a", "b"]);
        assert_eq!(folded(&"x".repeat(100)), ["x".repeat(WORD_CHARS_MAX)]);
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "Ä 東京 e\u{301}té!";
        let places: Vec<&str> = words(text)
            .into_iter()
            .map(|word| text.get(word.place).expect("in the text"))
            .collect();
        assert_eq!(places, ["Ä", "東", "京", "e\u{301}té"]);
    }

    #[test]
    fn a_query_is_cut_into_terms() {
        let read = |query| -> Vec<String> {
            terms(query)
                .into_iter()
                .map(|term| term.words.join("+") + if term.prefix { "*" } else { "" })
                .collect()
        };
        assert_eq!(read("my parcel"), ["my", "parcel*"]);
        assert_eq!(read("\"Where is\" parc "), ["where+is", "parc*"]);
        assert_eq!(read("parc \"where is\""), ["parc", "where+is"]);
        assert_eq!(read("alice@Example.co"), ["alice+example+co*"]);
        assert_eq!(read("say \"hello"), ["say", "hello*"]);
        assert_eq!(read("say \"hello\" \"again"), ["say", "hello", "again*"]);
        for none in ["", " ", "\"", "\"\"", "!? --", "* NOT"] {
            let found = read(none);
            assert!(found.is_empty() || found == ["not*"], "{found:?}");
        }
        assert_eq!(terms(&"a ".repeat(1_000)).len(), TERMS_MAX);
    }

    #[test]
    fn words_that_are_asked_for_are_marked() {
        let mark = |text, query| highlight(text, query, "<em>", "</em>");
        assert_eq!(
            mark("Where is my Parcel?", "parc").as_deref(),
            Some("Where is my <em>Parcel</em>?")
        );
        assert_eq!(
            mark("Café au lait, cafe", "CAFE lait").as_deref(),
            Some("<em>Café</em> au <em>lait</em>, <em>cafe</em>")
        );
        assert_eq!(
            mark("is it where it is? Where is it", "\"where is\"").as_deref(),
            Some("is it where it is? <em>Where</em> <em>is</em> it")
        );
        assert_eq!(mark("parcels", "parcel x"), None, "only the last word is a beginning");
        assert_eq!(mark("parcels", ""), None);
        assert_eq!(mark("", "parcel"), None);
    }
}
