//! What went wrong in the engine, as a [`Fault`]: exceptions are told apart by what QuickJS throws.
//!
//! Looking at an error may run code of the script (a getter); time and memory hold for that as well.

use rquickjs::convert::Coerced;
use rquickjs::{Ctx, Error, Exception, Object, Value};

use super::world::text_of;
use super::{NAME, OPENING};
use crate::pipe::Start;
use crate::request::{Fault, MESSAGE_BYTES_MAX, cut};

/// What was thrown.
struct Thrown {
    message: String,
    /// The first place of the script in its stack.
    place: Option<(u32, u32)>,
}

/// The code is no JavaScript, most likely. Nothing of it ran.
pub(super) fn of_compiling(ctx: &Ctx<'_>, error: Error, code: &str) -> Fault {
    match thrown(ctx, error) {
        Err(fault) => fault,
        Ok(Thrown { message, place }) => {
            let (line, column) = place.unwrap_or((1, 1));
            let (last_line, end) = end_of(code);
            // What is never closed is noticed in our own line behind the code.
            let (line, column) = if line > last_line { (last_line, end) } else { (line, column) };
            Fault::Syntax { message, line, column }
        }
    }
}

/// The code holds what the engine takes for its end.
pub(super) fn null_character(before: &str) -> Fault {
    let (line, column) = end_of(before);
    Fault::Syntax { message: "code holds no null characters".to_owned(), line, column }
}

/// The line and column behind a text.
fn end_of(text: &str) -> (u32, u32) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
    let last = text.rsplit('\n').next().unwrap_or_default();
    (number(text.matches('\n').count()), number(last.chars().count()))
}

/// The script threw.
pub(super) fn of_running(ctx: &Ctx<'_>, error: Error) -> Fault {
    match thrown(ctx, error) {
        Err(fault) => fault,
        Ok(Thrown { message, place }) => Fault::Threw { message, line: place.map(|at| at.0) },
    }
}

/// The value could not be said.
pub(super) fn of_saying(ctx: &Ctx<'_>, error: Error) -> Fault {
    match thrown(ctx, error) {
        Err(fault) => fault,
        Ok(Thrown { message, .. }) => Fault::NotJson { message },
    }
}

/// The input could not be read: it is JSON, so it is nested too deeply.
pub(super) fn of_input(ctx: &Ctx<'_>, error: Error, limits: &Start) -> Fault {
    match thrown(ctx, error) {
        Err(fault) => fault,
        Ok(_) => Fault::InputTooBig { bytes_max: limits.input_bytes_max },
    }
}

/// What was thrown, or the fault that it stands for.
fn thrown(ctx: &Ctx<'_>, error: Error) -> Result<Thrown, Fault> {
    if matches!(error, Error::Allocation) {
        return Err(Fault::OutOfMemory);
    }
    // The second is how it is told that there was no memory for a text.
    let is_thrown = error.is_exception() || matches!(error, Error::Unknown) && ctx.has_exception();
    if !is_thrown {
        return Err(Fault::broke(cut(error.to_string(), MESSAGE_BYTES_MAX)));
    }
    let value = ctx.catch();
    // Without memory for an error the engine throws null. A script that throws null itself is told the same.
    if value.is_null() {
        return Err(Fault::OutOfMemory);
    }
    let Some(exception) = value.as_object().cloned().and_then(Exception::from_object) else {
        return Ok(Thrown { message: text(ctx, &value), place: None });
    };
    let error = exception.into_object();
    let name = field(ctx, &error, "name");
    let message = field(ctx, &error, "message");
    if name == "InternalError" && message.starts_with("out of memory") {
        return Err(Fault::OutOfMemory);
    }
    let message = if message.is_empty() { name } else { format!("{name}: {message}") };
    let stack = field(ctx, &error, "stack");
    Ok(Thrown { message: cut(message, MESSAGE_BYTES_MAX), place: place_in(&stack) })
}

fn field<'js>(ctx: &Ctx<'js>, error: &Object<'js>, name: &str) -> String {
    match error.get::<_, Value<'js>>(name) {
        Ok(value) if value.is_undefined() => String::new(),
        Ok(value) => text(ctx, &value),
        Err(_) => {
            drop(ctx.catch());
            String::new()
        }
    }
}

fn text<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    let plain = value.is_object() && !value.is_function();
    if plain && let Ok(Some(json)) = ctx.json_stringify(value.clone()) {
        return cut(text_of(ctx, &json), MESSAGE_BYTES_MAX);
    }
    drop(ctx.catch());
    match value.get::<Coerced<rquickjs::String<'js>>>() {
        Ok(said) => cut(text_of(ctx, &said.0), MESSAGE_BYTES_MAX),
        Err(_) => {
            drop(ctx.catch());
            format!("[{}]", value.type_name())
        }
    }
}

/// The first place of the script in a stack, as `    at f (script:2:7)`, in the code's own lines and columns.
fn place_in(stack: &str) -> Option<(u32, u32)> {
    stack.lines().find_map(|frame| {
        let frame = frame.trim().strip_prefix("at ")?.trim_end_matches(')');
        let mut parts = frame.rsplitn(3, ':');
        let column: u32 = parts.next()?.parse().ok()?;
        let line: u32 = parts.next()?.parse().ok()?;
        let named = parts.next()?;
        if named != NAME && !named.ends_with(&format!("({NAME}")) {
            return None;
        }
        let opening = if line == 1 { u32::try_from(OPENING.len()).ok()? } else { 0 };
        Some((line, column.saturating_sub(opening).max(1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_tells_the_first_place_in_the_script() {
        for (stack, place) in [
            ("    at script:2:7\n", Some((2, 7))),
            (
                "    at parse (native)\n    at f (script:3:1)\n    at <anonymous> (script:9:9)\n",
                Some((3, 1)),
            ),
            ("    at <anonymous> (script:1:21)\n", Some((1, 1))),
            ("    at <anonymous> (script:1:5)\n", Some((1, 1))),
            ("    at g (postscript:2:7)\n    at <input>:1:1\n", None),
            ("    at f (script:x:1)\nscript\n", None),
            ("", None),
        ] {
            assert_eq!(place_in(stack), place, "{stack}");
        }
    }
}
