//! Formats of dates: PHP's letters as `strftime` has them.

use crate::twig::Untranslatable;

/// How Cerb writes a date where no format is given.
pub(crate) const USUAL: &str = "F j, Y H:i";

/// The same format in the signs of `strftime`.
pub(crate) fn format(php: &str) -> Result<String, Untranslatable> {
    let mut format = String::new();
    let mut letters = php.chars();
    while let Some(letter) = letters.next() {
        let sign = match letter {
            'd' => "%d",
            'D' => "%a",
            'j' => "%-d",
            'l' => "%A",
            'N' => "%u",
            'w' => "%w",
            'W' => "%V",
            'F' => "%B",
            'm' => "%m",
            'M' => "%b",
            'n' => "%-m",
            'o' => "%G",
            'Y' => "%Y",
            'y' => "%y",
            'a' => "%P",
            'A' => "%p",
            'g' => "%-I",
            'G' => "%-H",
            'h' => "%I",
            'H' => "%H",
            'i' => "%M",
            's' => "%S",
            'e' => "%Q",
            'T' => "%Z",
            'O' => "%z",
            'P' => "%:z",
            'U' => "%s",
            'c' => "%Y-%m-%dT%H:%M:%S%:z",
            'r' => "%a, %d %b %Y %H:%M:%S %z",
            '%' => "%%",
            '\\' => {
                format.extend(letters.next());
                continue;
            }
            // `1st` and its like: English alone has them.
            'S' => continue,
            'z' | 't' | 'L' | 'B' | 'u' | 'v' | 'I' | 'Z' => {
                return Err(Untranslatable::new(format!(
                    "`{letter}` in a format of a date has no counterpart"
                )));
            }
            other => {
                format.push(other);
                continue;
            }
        };
        format.push_str(sign);
    }
    Ok(format)
}
