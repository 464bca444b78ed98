//! `format`: values in the places of a text, as `printf` writes them. Its own, as MiniJinja's takes any width.

use minijinja::value::Rest;
use minijinja::{Error, Value};

use super::{Growing, failed, number_of, text_of};

/// The widest place, and the most decimals.
const WIDTH_MAX: usize = 200;

/// A place in the text.
#[derive(Debug, Default)]
struct Place {
    /// Which value: the next one, unless said.
    number: Option<usize>,
    left: bool,
    plus: bool,
    fill: Option<char>,
    width: usize,
    precision: Option<usize>,
}

pub(super) fn format(value: &Value, values: Rest<Value>) -> Result<String, Error> {
    let pattern = text_of(value)?;
    let mut written = Growing::new("format");
    let mut next = 0;
    let mut rest = pattern.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        written.push(before)?;
        if let Some(after) = after.strip_prefix('%') {
            written.push("%")?;
            rest = after;
            continue;
        }
        let mut signs = after.chars();
        let place = read(&mut signs)?;
        let Some(kind) = signs.next() else { return Err(failed("a `%` of `format` has no end")) };
        rest = signs.as_str();
        let number = place.number.unwrap_or_else(|| {
            next += 1;
            next
        });
        let value = number.checked_sub(1).and_then(|index| values.get(index));
        let value = value.ok_or_else(|| failed(format!("`format` has no value {number}")))?;
        written.push(&place.filled(&place.piece(kind, value)?))?;
    }
    written.push(rest)?;
    Ok(written.text)
}

fn read(signs: &mut std::str::Chars<'_>) -> Result<Place, Error> {
    let mut place = Place::default();
    if let Some((digits, after)) = signs.as_str().split_once('$')
        && let Ok(number) = digits.parse()
    {
        place.number = Some(number);
        *signs = after.chars();
    }
    loop {
        let mut ahead = signs.clone();
        match ahead.next() {
            Some('-') => place.left = true,
            Some('+') => place.plus = true,
            Some('0') => place.fill = Some('0'),
            Some(' ') => place.fill = Some(' '),
            Some('\'') => place.fill = ahead.next(),
            Some(_) | None => break,
        }
        *signs = ahead;
    }
    place.width = digits(signs)?.unwrap_or_default();
    if let Some(after) = signs.as_str().strip_prefix('.') {
        *signs = after.chars();
        place.precision = Some(digits(signs)?.unwrap_or_default());
    }
    Ok(place)
}

fn digits(signs: &mut std::str::Chars<'_>) -> Result<Option<usize>, Error> {
    let text = signs.as_str();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, after) = text.split_at(end);
    *signs = after.chars();
    if digits.is_empty() {
        return Ok(None);
    }
    let number = digits.parse().ok().filter(|number| *number <= WIDTH_MAX);
    number
        .map(Some)
        .ok_or_else(|| failed(format!("a place of `format` is {WIDTH_MAX} wide at most")))
}

impl Place {
    fn piece(&self, kind: char, value: &Value) -> Result<String, Error> {
        let number = || number_of(value, "format");
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number that is too big is the biggest"
        )]
        let whole = || match value.as_i64() {
            Some(whole) => Ok(whole),
            None => number().map(|number| number as i64),
        };
        let decimals = self.precision.unwrap_or(6);
        Ok(match kind {
            's' => {
                let text = text_of(value)?;
                match self.precision {
                    Some(length) => text.chars().take(length).collect(),
                    None => text,
                }
            }
            'd' | 'i' | 'u' => self.signed(whole()?.to_string()),
            'f' | 'F' => self.signed(format!("{:.decimals$}", number()?)),
            'e' => self.signed(format!("{:.decimals$e}", number()?)),
            'E' => self.signed(format!("{:.decimals$E}", number()?)),
            'g' | 'G' => self.signed(text_of(&Value::from(number()?))?),
            'x' => format!("{:x}", whole()?),
            'X' => format!("{:X}", whole()?),
            'o' => format!("{:o}", whole()?),
            'b' => format!("{:b}", whole()?),
            'c' => {
                let character = u32::try_from(whole()?).ok().and_then(char::from_u32);
                character.ok_or_else(|| failed("`%c` needs the number of a character"))?.to_string()
            }
            other => return Err(failed(format!("`format` knows no `%{other}`"))),
        })
    }

    fn signed(&self, number: String) -> String {
        if self.plus && !number.starts_with('-') { format!("+{number}") } else { number }
    }

    /// As wide as it must be. Zeros stand behind a sign.
    fn filled(&self, piece: &str) -> String {
        let missing = self.width.saturating_sub(piece.chars().count());
        let fill = self.fill.unwrap_or(' ');
        let filling = fill.to_string().repeat(missing);
        match piece.strip_prefix(['-', '+']) {
            _ if self.left && fill == '0' => format!("{piece}{}", " ".repeat(missing)),
            _ if self.left => format!("{piece}{filling}"),
            Some(digits) if fill == '0' => {
                let (sign, _) = piece.split_at(piece.len() - digits.len());
                format!("{sign}{filling}{digits}")
            }
            Some(_) | None => format!("{filling}{piece}"),
        }
    }
}
