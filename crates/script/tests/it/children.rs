//! Children are few, are replaced when they end, are never left over, and are not believed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tidings_script::{Fault, Request, Sandbox, Settings};

use crate::kit::{
    CHILD, LONG, SHORT, fault, fault_within, outcome, request, sandbox, settings, value,
};

/// Hears the greeting, of 109 bytes with these settings, and the beginning of what it is asked.
const HEARS: &str = "/bin/dd bs=1 count=150 >/dev/null 2>&1";

/// A child as a shell plays it: what the greeting takes, then this.
fn played(script: &str) -> Sandbox {
    let greets = r#"printf '\000\000\000\016{"fault":null}'"#;
    plays(&format!("{greets}; {script}"))
}

fn plays(script: &str) -> Sandbox {
    let mut settings = Settings::new("/bin/sh", &["-c", script]);
    settings.time_max = SHORT;
    Sandbox::new(settings)
}

/// The folder in `/proc` of the process with this argument, when it is there.
async fn found(argument: &str) -> PathBuf {
    let has_it = |path: &Path| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes())
    };
    loop {
        let processes = fs::read_dir("/proc").expect("it can be read").flatten();
        if let Some(process) = processes.map(|entry| entry.path()).find(|path| has_it(path)) {
            return process;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a process is gone: one that ended and that nobody waited for is still there.
async fn gone(process: &Path) {
    while process.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A sandbox of one child that can be found, and the argument by which.
fn marked() -> (Sandbox, String) {
    static MARKS: AtomicU32 = AtomicU32::new(0);
    let argument = format!("{}-{}", std::process::id(), MARKS.fetch_add(1, Ordering::Relaxed));
    let mut settings = Settings::new(CHILD, &[&argument]);
    settings.processes_max = 1;
    settings.time_max = LONG;
    (Sandbox::new(settings), argument)
}

#[tokio::test]
async fn fifty_scripts_at_once_each_get_their_own_value() {
    let sandbox = sandbox();
    let run = async |number: u32| {
        let input = json!(number);
        let code =
            "console.log(input); let n = 0; for (let i = 0; i < 1000; i++) n += input; return n";
        sandbox.run(Request { input, ..request(code) }, LONG).await
    };
    for (number, outcome) in (0..50).zip(join_all((0..50).map(run)).await) {
        let outcome = outcome.expect("it ends");
        assert_eq!(outcome.value, number * 1000);
        assert_eq!(outcome.log.lines, [number.to_string()]);
    }
}

#[tokio::test]
async fn a_script_that_is_killed_harms_no_other() {
    let sandbox = sandbox();
    let run = async |number: u32| match number % 5 {
        0 => fault_within(&sandbox, "for (;;);", SHORT).await == Fault::TimedOut,
        1 => {
            fault(&sandbox, "let s = 'x'; for (;;) { s += s; s.charCodeAt(0) }").await
                == Fault::OutOfMemory
        }
        _ => value(&sandbox, &format!("return {number}")).await == number,
    };
    assert!(join_all((0..20).map(run)).await.iter().all(|as_it_should| *as_it_should));
}

#[tokio::test]
async fn those_who_wait_are_so_many_and_no_more() {
    let mut settings = settings();
    settings.processes_max = 1;
    settings.waiting_max = 1;
    let sandbox = Sandbox::new(settings);
    let (first, second, third) = tokio::join!(
        fault_within(&sandbox, "for (;;);", SHORT),
        value(&sandbox, "return 2"),
        fault(&sandbox, "return 3"),
    );
    assert_eq!((first, second, third), (Fault::TimedOut, json!(2), Fault::Busy));
    assert_eq!(value(&sandbox, "return 4").await, 4);
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let mut settings = settings();
    settings.processes_max = 1;
    settings.wait_max = Duration::from_millis(20);
    let sandbox = Sandbox::new(settings);
    let (first, second) =
        tokio::join!(fault_within(&sandbox, "for (;;);", SHORT), fault(&sandbox, "return 2"),);
    assert_eq!((first, second), (Fault::TimedOut, Fault::Busy));
}

#[tokio::test]
async fn a_script_whose_caller_goes_away_is_killed_and_waited_for() {
    let (sandbox, mark) = marked();
    let running = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { outcome(&sandbox, "for (;;);").await })
    };
    let process = found(&mark).await;
    running.abort();
    gone(&process).await;
    assert_eq!(value(&sandbox, "return 1").await, 1);
}

#[tokio::test]
async fn a_killed_child_leaves_no_zombie_and_a_warm_one_ends_with_the_sandbox() {
    let (sandbox, mark) = marked();
    assert_eq!(value(&sandbox, "return 1").await, 1);
    let first = found(&mark).await;
    assert_eq!(value(&sandbox, "return 2").await, 2);
    assert_eq!(found(&mark).await, first, "it was warm");
    assert_eq!(fault_within(&sandbox, "for (;;);", SHORT).await, Fault::TimedOut);
    assert!(!first.exists(), "it is waited for before the answer");
    assert_eq!(value(&sandbox, "return 3").await, 3);
    let second = found(&mark).await;
    assert_ne!(first, second);
    drop(sandbox);
    gone(&second).await;
}

#[tokio::test]
async fn a_child_that_died_while_it_waited_is_replaced() {
    let (sandbox, mark) = marked();
    assert_eq!(value(&sandbox, "return 1").await, 1);
    let process = found(&mark).await;
    let id = process.file_name().expect("its id");
    assert!(Command::new("kill").arg("-KILL").arg(id).status().expect("it is told").success());
    assert_eq!(value(&sandbox, "return 2").await, 2);
    gone(&process).await;
}

#[tokio::test]
async fn a_child_that_takes_no_notice_of_the_time_is_killed() {
    let sandbox = played("exec /bin/sleep 98765");
    assert_eq!(fault_within(&sandbox, "return 1", SHORT).await, Fault::TimedOut);
}

#[tokio::test]
async fn a_child_is_not_believed() {
    let mut told = String::new();
    for sandbox in [
        Sandbox::new(Settings::new("/nowhere/tidings", &[])),
        plays("exit 3"),
        plays("printf '\\000\\000\\000\\002no'; exec /bin/sleep 98765"),
        plays(r#"printf '\000\000\000\017{"fault":"no!"}'; exec /bin/sleep 98765"#),
        plays("printf 'hello, I am no child'; exec /bin/sleep 98765"),
        played(&format!("{HEARS}; exit 3")),
        played(&format!("{HEARS}; kill -SEGV $$")),
        played("printf '\\177\\377\\377\\377'; exec /bin/sleep 98765"),
        played("printf '\\000\\000\\000\\002[]'; exec /bin/sleep 98765"),
    ] {
        told.push_str(&format!("{}\n", fault(&sandbox, "return 1").await));
    }
    insta::assert_snapshot!(told, @"
    the sandbox broke: it cannot be started: No such file or directory (os error 2)
    the sandbox broke: it did not begin (exit status: 3)
    the sandbox broke: it did not begin: expected ident at line 1 column 2
    the sandbox broke: no!
    the sandbox broke: it did not begin: a frame of 1751477356 bytes
    the sandbox broke: it did not answer (exit status: 3)
    the sandbox broke: it did not answer (signal: 11 (SIGSEGV))
    the sandbox broke: it did not answer: a frame of 2147483647 bytes
    the sandbox broke: it did not answer: invalid length 0, expected struct Answer with 2 elements at line 1 column 2
    ");
}

#[test]
fn a_child_ends_when_its_parent_is_gone() {
    let start = r#"{"memory_bytes_max":10000000,"code_bytes_max":999,"input_bytes_max":999,"output_bytes_max":999}"#;
    let ask = r#"{"code":"for (;;);","input":1,"now_ms":0,"seed":0,"time_max_ms":300}"#;
    for said in [vec![], vec![start], vec![start, ask]] {
        let mut child = Command::new(CHILD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        for text in said {
            let length = u32::try_from(text.len()).expect("short");
            std::io::Write::write_all(&mut input, &length.to_be_bytes()).expect("it reads");
            std::io::Write::write_all(&mut input, text.as_bytes()).expect("it reads");
        }
        drop((input, child.stdout.take()));
        child.wait().expect("it ends");
    }
}
