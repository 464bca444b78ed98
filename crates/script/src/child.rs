//! The child's main. Its parent starts it with nothing but two pipes; it reads one frame at a time from standard input and
//! answers each on standard output.
//!
//! The thread that reads also watches the time: the engine runs in a thread of its own, and when that is late the child
//! says so, with what was logged, and ends. Its parent kills it a little later, should it not. It ends too when its input
//! does: when the parent is gone, a script that runs has its time left and no more. (`PR_SET_PDEATHSIG` would not do: it
//! speaks of the *thread* that started the child, and tokio's come and go.)

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::engine::Engine;
use crate::pipe::{self, Answer, Ask, GREETING_BYTES_MAX, Ready, Start};
use crate::walls;

/// Runs scripts for the parent until it closes our standard input. Call it first thing in `main`, before a runtime, threads
/// or files are there: what is open already stays open to whoever breaks out of the engine.
pub fn child() -> ExitCode {
    match serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // There is nobody to tell but the parent, which sees the pipe end.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let Some(start) = pipe::read(input, GREETING_BYTES_MAX)? else { return Ok(()) };
    let start: Start = serde_json::from_slice(&start)?;
    let engine = Engine::start(start)?;
    if let Err(fault) = walls::raise(&start) {
        return pipe::write(output, &Ready { fault: Some(fault.to_string()) });
    }
    pipe::write(output, &Ready { fault: None })?;
    while let Some(ask) = pipe::read(input, start.ask_bytes_max())? {
        let ask: Ask = serde_json::from_slice(&ask)?;
        let time_max = Duration::from_millis(ask.time_max_ms);
        let (ended, log) = engine.run(ask, time_max);
        let last = ended.ends_child();
        pipe::write(output, &Answer { ended, log })?;
        if last {
            // The engine may still be at work; it ends with the process.
            return Ok(());
        }
    }
    Ok(())
}
