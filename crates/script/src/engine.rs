//! QuickJS in a thread of its own: one fresh engine for each script, so that none sees what another one left behind. The
//! child's main asks, and waits no longer than it may.
//!
//! No interrupt handler is set: what runs too long ends with the process, which also stops code that never asks the
//! handler, and spares the engine's ways out of interrupted async functions.

mod fault;
mod world;

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Function, Promise, Runtime, Value};
use serde_json::value::RawValue;

use crate::pipe::{Ask, Ended, Start};
use crate::request::{Fault, Log};

/// The stack that the engine may fill with calls of a script: its own default. What goes beyond it is a `RangeError`.
const SCRIPT_STACK_BYTES_MAX: usize = 1 << 20;

/// The stack of the engine's thread: what a script may fill, and room for one deep call of C that does not look.
const THREAD_STACK_BYTES: usize = SCRIPT_STACK_BYTES_MAX + (3 << 20);

/// How a script is called in stacks.
const NAME: &str = "script";

/// What stands before the code in its first line.
const OPENING: &str = "(async function () {";

/// What stands after it: in a line of its own, as the code may end in a comment.
const CLOSING: &str = "\n})";

/// The engine's thread.
pub(crate) struct Engine {
    asks: SyncSender<Ask>,
    ends: Receiver<Ended>,
    log: Arc<Mutex<Log>>,
}

impl Engine {
    /// Starts the thread, and waits until it is there: a thread that begins takes more of the system than one that computes,
    /// and the walls are about to be raised.
    pub(crate) fn start(limits: Start) -> io::Result<Self> {
        let (asks, asked) = mpsc::sync_channel(1);
        let (ended, ends) = mpsc::sync_channel(1);
        let (begun, begins) = mpsc::sync_channel(1);
        let log = Arc::new(Mutex::new(Log::default()));
        let logged = Arc::clone(&log);
        let at_work = move || {
            if begun.send(()).is_err() {
                return;
            }
            while let Ok(ask) = asked.recv() {
                if ended.send(run(&ask, &limits, &logged)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("engine".to_owned())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(at_work)?;
        begins.recv().map_err(io::Error::other)?;
        Ok(Self { asks, ends, log })
    }

    /// Runs a script, and waits for so long at most.
    pub(crate) fn run(&self, ask: Ask, time_max: Duration) -> (Ended, Log) {
        let gone = || Ended::Fault(Fault::broke("the engine gave up"));
        let ended = match self.asks.send(ask) {
            Ok(()) => match self.ends.recv_timeout(time_max) {
                Ok(ended) => ended,
                Err(RecvTimeoutError::Timeout) => Ended::Fault(Fault::TimedOut),
                Err(RecvTimeoutError::Disconnected) => gone(),
            },
            Err(_) => gone(),
        };
        let log = std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner));
        (ended, log)
    }
}

fn run(ask: &Ask, limits: &Start, log: &Arc<Mutex<Log>>) -> Ended {
    match value_of(ask, limits, log) {
        Ok(value) => Ended::Value(value),
        Err(fault) => Ended::Fault(fault),
    }
}

fn value_of(ask: &Ask, limits: &Start, log: &Arc<Mutex<Log>>) -> Result<Box<RawValue>, Fault> {
    // A new engine fails for want of memory only.
    let runtime = Runtime::new().map_err(|_| Fault::OutOfMemory)?;
    runtime.set_memory_limit(limits.memory_bytes_max);
    runtime.set_max_stack_size(SCRIPT_STACK_BYTES_MAX);
    let context = Context::full(&runtime).map_err(|_| Fault::OutOfMemory)?;
    context.with(|ctx| {
        world::furnish(&ctx, ask, limits, log)?;
        let body = compile(&ctx, &ask.code)?;
        let value = settle(&ctx, &body)?;
        said(&ctx, value, limits)
    })
}

/// The function that the code is the body of.
fn compile<'js>(ctx: &Ctx<'js>, code: &str) -> Result<Function<'js>, Fault> {
    if let Some(before) = code.split_once('\0').map(|(before, _)| before) {
        return Err(fault::null_character(before));
    }
    let mut options = EvalOptions::default();
    // As in any function: strict where the code says "use strict".
    options.strict = false;
    options.filename = Some(NAME.to_owned());
    ctx.eval_with_options(format!("{OPENING}{code}{CLOSING}"), options)
        .map_err(|error| fault::of_compiling(ctx, error, code))
}

/// Calls it, and does what its promises left to be done until its own is kept or broken.
fn settle<'js>(ctx: &Ctx<'js>, body: &Function<'js>) -> Result<Value<'js>, Fault> {
    let thrown = |error| fault::of_running(ctx, error);
    let promise: Promise<'js> = body.call(()).map_err(thrown)?;
    while promise.state() == PromiseState::Pending {
        if !ctx.execute_pending_job() {
            return Err(Fault::Threw {
                message: "the script waits for a promise that nobody keeps".to_owned(),
                line: None,
            });
        }
    }
    match promise.result() {
        Some(result) => result.map_err(thrown),
        None => Err(Fault::broke("a promise was kept and is not")),
    }
}

/// The value as JSON.
fn said<'js>(ctx: &Ctx<'js>, value: Value<'js>, limits: &Start) -> Result<Box<RawValue>, Fault> {
    if value.is_undefined() {
        return Ok(RawValue::NULL.to_owned());
    }
    let not_json = |error| fault::of_saying(ctx, error);
    let Some(text) = ctx.json_stringify(value).map_err(not_json)? else {
        return Err(Fault::NotJson { message: "it is a function or a symbol".to_owned() });
    };
    let text = text.to_string().map_err(not_json)?;
    if text.len() > limits.output_bytes_max {
        return Err(Fault::OutputTooBig { bytes_max: limits.output_bytes_max });
    }
    RawValue::from_string(text).map_err(|error| Fault::NotJson { message: error.to_string() })
}
