//! What filters cost. MiniJinja's fuel counts instructions and a filter is one, however much it works through; so values
//! are measured before and after, and what was measured is taken from fuel of the same amount.
//!
//! What is counted depends on the values alone, never on a clock or on what was kept from before, so that a turn that is
//! made again costs the same.

use minijinja::functions::Function;
use minijinja::value::{FunctionArgs, FunctionResult, Rest, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::too_big;
use crate::template::TEMPLATE_FUEL_MAX;
use crate::template::measure::{VALUE_BYTES_MAX, VALUE_DEPTH_MAX, fits, fits_within};

/// How much a filter that only picks may be given, in bytes as measured: the data of the biggest event.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// How deep such a value may be: JSON is read to this depth.
const EVENT_DEPTH_MAX: usize = 128;

/// How many measured bytes cost as much as an instruction: measuring a kilobyte takes about a microsecond.
const BYTES_PER_FUEL: usize = 256;

/// How many, for a filter that is slower: Markdown and XML take a microsecond for some dozens of bytes.
const HEAVY_BYTES_PER_FUEL: usize = 16;

/// What the filters of one run of a template have cost.
struct Work {
    fuel: u64,
}

/// What the filters of a run have cost, in fuel.
pub(in crate::template) fn worked(state: &State<'_, '_>) -> u64 {
    state.get_extension::<Work>().map_or(0, |work| work.fuel)
}

/// Takes a cost from what a template's filters may cost.
pub(super) fn charge(state: &mut State<'_, '_>, fuel: u64) -> Result<(), Error> {
    let fuel_max = state.env().fuel().unwrap_or(TEMPLATE_FUEL_MAX);
    let work = state.get_or_insert_extension_with(|| Work { fuel: 0 });
    work.fuel = work.fuel.saturating_add(fuel);
    if work.fuel > fuel_max { Err(ErrorKind::OutOfFuel.into()) } else { Ok(()) }
}

/// Adds a filter that is given what a run may keep, and makes no more than that.
pub(super) fn measured<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    filter: F,
) where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    environment.add_filter(name, measuring(name, Value::from_function(filter), BYTES_PER_FUEL));
}

/// As [`measured`], for a filter that takes long.
pub(super) fn heavy<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    filter: F,
) where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    let filter = measuring(name, Value::from_function(filter), HEAVY_BYTES_PER_FUEL);
    environment.add_filter(name, filter);
}

/// As [`measured`], for a function.
pub(super) fn measured_function<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    function: F,
) where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    environment.add_function(name, measuring(name, Value::from_function(function), BYTES_PER_FUEL));
}

/// As [`measured`], for a test.
pub(super) fn measured_test<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    test: F,
) where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    environment.add_test(name, measuring(name, Value::from_function(test), BYTES_PER_FUEL));
}

/// As [`measured`], for a test that takes long.
pub(super) fn heavy_test<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    test: F,
) where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    let test = measuring(name, Value::from_function(test), HEAVY_BYTES_PER_FUEL);
    environment.add_test(name, test);
}

/// Adds a filter that picks from what it is given, in one pass: that may be a whole event.
pub(super) fn picking<F, Rv, Args>(
    environment: &mut Environment<'static>,
    name: &'static str,
    filter: F,
) where
    F: Function<Rv, Args>,
    Rv: FunctionResult,
    Args: for<'a> FunctionArgs<'a>,
{
    let filter = Value::from_function(filter);
    environment.add_filter(
        name,
        move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let arguments = arguments.into_values();
            let bytes = looked(name, &arguments, EVENT_BYTES_MAX, EVENT_DEPTH_MAX)?;
            charge(state, fuel_of(bytes, BYTES_PER_FUEL))?;
            let made = filter.call(state, &arguments)?;
            // What is picked is less than it was; only the characters of a text are more, as values, than the text.
            let of_text = arguments.first().is_some_and(|value| value.as_str().is_some());
            if of_text && !fits(&made) {
                return Err(too_big(&format!("what `{name}` makes")));
            }
            Ok(made)
        },
    );
}

fn measuring(
    name: &'static str,
    inner: Value,
    bytes_per_fuel: usize,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> {
    move |state, arguments| {
        let arguments = arguments.into_values();
        let bytes = looked(name, &arguments, VALUE_BYTES_MAX, VALUE_DEPTH_MAX)?;
        charge(state, fuel_of(bytes, bytes_per_fuel))?;
        let made = inner.call(state, &arguments)?;
        let mut bytes_left = VALUE_BYTES_MAX;
        if !fits_within(&made, &mut bytes_left, VALUE_DEPTH_MAX) {
            return Err(too_big(&format!("what `{name}` makes")));
        }
        charge(state, fuel_of(VALUE_BYTES_MAX - bytes_left, BYTES_PER_FUEL))?;
        Ok(made)
    }
}

/// Measures what a filter is given: each must fit for itself. Gives the bytes of all.
fn looked(
    name: &str,
    arguments: &[Value],
    bytes_max: usize,
    depth_max: usize,
) -> Result<usize, Error> {
    let mut bytes = 0;
    for argument in arguments {
        let mut bytes_left = bytes_max;
        if !fits_within(argument, &mut bytes_left, depth_max) {
            return Err(too_big(&format!("what `{name}` is given")));
        }
        bytes += bytes_max - bytes_left;
    }
    Ok(bytes)
}

fn fuel_of(bytes: usize, bytes_per_fuel: usize) -> u64 {
    u64::try_from(bytes / bytes_per_fuel).unwrap_or(u64::MAX)
}
