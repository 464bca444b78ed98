//! Writes values into payloads that are not JSON.

use minijinja::{Environment, Error, HtmlEscape, Output, State, Value, filters};

use super::content_type::Escape;
use crate::template::filters::text_of;

pub(super) fn add_to(environment: &mut Environment<'static>, escape: Escape) {
    if escape == Escape::Form {
        // What is encoded already is not encoded again.
        environment.add_filter("urlencode", |value: &Value| {
            crate::template::filters::urlencode(value).map(Value::from_safe_string)
        });
    }
    environment.set_formatter(move |output, state, value| print(escape, output, state, value));
}

fn print(
    escape: Escape,
    output: &mut Output<'_>,
    _state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    let text = text_of(value)?;
    match escape {
        Escape::Markup => write!(output, "{}", HtmlEscape(&text))?,
        Escape::Form if !value.is_safe() => {
            output.write_str(&filters::urlencode(&Value::from(text))?)?;
        }
        Escape::Form | Escape::Nothing | Escape::Json => output.write_str(&text)?,
    }
    Ok(())
}
