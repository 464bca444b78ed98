//! What a script finds beside the language: `input`, `console`, and a clock and chance that come with the request. There is
//! nothing else: no modules, no timers, no files, no network.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::convert::Coerced;
use rquickjs::function::Rest;
use rquickjs::{Ctx, Function, Object, Value};

use super::fault;
use crate::pipe::{Ask, Start};
use crate::request::{Fault, LOG_LINE_BYTES_MAX, Log, cut};

/// Makes a `Date` that knows one moment, and puts it in the place of the engine's own. That one is in reach of nobody
/// afterwards: its prototype names the new one, and the new one does not inherit from it.
const CLOCK: &str = r#"(function (now) {
    const Real = Date, construct = Reflect.construct;
    function Date_(...given) {
        if (new.target === undefined) return new Real(now).toString();
        return construct(Real, given.length === 0 ? [now] : given, new.target);
    }
    const put = (on, name, value) =>
        Object.defineProperty(on, name, { value, writable: true, enumerable: false, configurable: true });
    put(Date_, "name", "Date");
    put(Date_, "length", 7);
    put(Date_, "now", function now_() { return now; });
    put(Date_, "parse", Real.parse);
    put(Date_, "UTC", Real.UTC);
    Object.defineProperty(Date_, "prototype", { value: Real.prototype, writable: false });
    put(Real.prototype, "constructor", Date_);
    put(globalThis, "Date", Date_);
    // Another clock.
    delete globalThis.performance;
})"#;

/// The methods of `console`; all say the same.
const CONSOLE: &[&str] = &["log", "info", "warn", "error", "debug"];

/// Puts all of it into a new engine.
pub(super) fn furnish(
    ctx: &Ctx<'_>,
    ask: &Ask,
    limits: &Start,
    log: &Arc<Mutex<Log>>,
) -> Result<(), Fault> {
    build(ctx, ask, log).map_err(|error| fault::of_running(ctx, error))?;
    let input = ctx.json_parse(ask.input.get());
    let input = input.map_err(|error| fault::of_input(ctx, error, limits))?;
    ctx.globals().set("input", input).map_err(|error| fault::of_running(ctx, error))
}

fn build<'js>(ctx: &Ctx<'js>, ask: &Ask, log: &Arc<Mutex<Log>>) -> rquickjs::Result<()> {
    let clock: Function<'js> = ctx.eval(CLOCK)?;
    // Beyond 2^53 there is no date.
    clock.call::<_, ()>((ask.now_ms as f64,))?;

    let chance = Cell::new(ask.seed);
    let random = Function::new(ctx.clone(), move || drawn(&chance))?.with_name("random")?;
    ctx.globals().get::<_, Object<'js>>("Math")?.set("random", random)?;

    let console = Object::new(ctx.clone())?;
    for name in CONSOLE {
        let log = Arc::clone(log);
        let say = move |ctx: Ctx<'js>, values: Rest<Value<'js>>| say(&ctx, &values.0, &log);
        console.set(*name, Function::new(ctx.clone(), say)?.with_name(name)?)?;
    }
    ctx.globals().set("console", console)
}

/// The next number of a seed, at least 0 and below 1: `SplitMix64`, of which every seed is a good one.
fn drawn(state: &Cell<u64>) -> f64 {
    state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    let mut bits = state.get();
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // As many bits as a number of JavaScript holds.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

fn say<'js>(ctx: &Ctx<'js>, values: &[Value<'js>], log: &Mutex<Log>) {
    let full = log.lock().unwrap_or_else(PoisonError::into_inner).is_full();
    let mut line = String::new();
    if !full {
        for value in values {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&shown(ctx, value));
            if line.len() > LOG_LINE_BYTES_MAX {
                break;
            }
        }
    }
    // Not held while values are shown, which may run code of the script.
    log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

/// A value as people read it: texts as they are, errors by name and message, all else as JSON or what the language makes a
/// text of.
fn shown<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    if let Some(text) = value.as_string() {
        return text_of(ctx, text);
    }
    if value.is_object() && !value.is_function() && !value.is_error() {
        match ctx.json_stringify(value.clone()) {
            Ok(Some(text)) => return text_of(ctx, &text),
            Ok(None) => {}
            // It has a circle, say. What was thrown is not the script's concern.
            Err(_) => drop(ctx.catch()),
        }
    }
    if let Ok(text) = value.get::<Coerced<rquickjs::String<'js>>>() {
        text_of(ctx, &text.0)
    } else {
        drop(ctx.catch());
        format!("[{}]", value.type_name())
    }
}

/// A text of the engine's; what is no Unicode in it (half a surrogate pair) as JSON says it.
pub(super) fn text_of<'js>(ctx: &Ctx<'js>, text: &rquickjs::String<'js>) -> String {
    let said = text.to_string().or_else(|_| match ctx.json_stringify(text.clone())? {
        Some(json) => json.to_string(),
        None => Ok(String::new()),
    });
    let said = said.unwrap_or_else(|_| {
        drop(ctx.catch());
        "[string]".to_owned()
    });
    cut(said, LOG_LINE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_drawn_as_its_authors_published_it() {
        // The first outputs of SplitMix64 for the seed 1234567, by which other implementations are checked.
        let state = Cell::new(1_234_567);
        let expected = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973];
        for bits in expected {
            let number = (bits >> 11) as f64 / (1_u64 << 53) as f64;
            assert!((drawn(&state) - number).abs() < f64::EPSILON);
        }
    }
}
