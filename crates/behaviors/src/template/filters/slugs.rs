//! `slug`: a text as a part of an address.

use icu_normalizer::DecomposingNormalizer;
use minijinja::{Error, Value};

use super::text_of;

pub(super) fn slug(value: &Value) -> Result<String, Error> {
    let text = text_of(value)?.to_lowercase();
    let mut slug = String::new();
    let mut apart = false;
    // Decomposed, `é` is an `e` and an accent, which goes.
    for c in DecomposingNormalizer::new_nfkd().normalize(&text).chars() {
        let letters = match c {
            'ß' => "ss",
            'æ' => "ae",
            'œ' => "oe",
            'ø' => "o",
            'ł' => "l",
            'đ' => "d",
            _ => "",
        };
        if !letters.is_empty() || c.is_alphanumeric() {
            if apart && !slug.is_empty() {
                slug.push('-');
            }
            apart = false;
            if letters.is_empty() {
                slug.push(c);
            } else {
                slug.push_str(letters);
            }
        } else if !is_accent(c) && !matches!(c, '\'' | '’') {
            apart = true;
        }
    }
    Ok(slug)
}

/// The accents that letters of Europe are decomposed into. Marks of other scripts (Й as И with one) are of these too; a
/// vowel sign of an Indian script is a letter and stays.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}
