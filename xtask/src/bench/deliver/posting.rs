//! The ceiling: the server's HTTP client in a loop.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tidings_outbound::{Call, Client, Policy, Target};
use tokio::task::JoinSet;

use super::receiver::Receiver;
use crate::bench::book::Book;
use crate::bench::ceilings::this_program;
use crate::figures::microseconds;
use crate::process;

/// What the ceiling is called.
pub(super) const CEILING: &str = "ceiling: the same client, posting";

/// How many posts are under way, as many as an endpoint has.
const UNDER_WAY: usize = 64;

/// How long one post may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 2_048;

#[derive(clap::Args, Debug)]
pub(crate) struct PostingPart {
    /// Where to.
    #[arg(long)]
    to: String,
    /// The request that the server sent, as JSON text.
    #[arg(long)]
    request: PathBuf,
    /// For how long, in milliseconds.
    #[arg(long)]
    window_ms: u64,
}

/// Posts the same bytes as often as it can. Prints what came out.
pub(in crate::bench) async fn run(part: &PostingPart) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&part.request).context("cannot read the request")?;
    let request: String = serde_json::from_str(&text).context("the request is no text")?;
    let (head, body) = request.split_once("\r\n\r\n").context("the request has no body")?;
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        if !["host", "content-length", "accept"].contains(&name) {
            let name = HeaderName::try_from(name).context("a header's name")?;
            headers.insert(name, HeaderValue::from_str(value).context("a header's value")?);
        }
    }
    let call = Call {
        method: Method::POST,
        headers,
        body: Bytes::from(body.to_owned()),
        deadline: DEADLINE,
        answer_bytes_max: ANSWER_BYTES_MAX,
        identity: None,
    };
    let client = Client::new(Policy::trusted()).context("cannot make the client")?;
    let target = Arc::new(Target::parse(&part.to).context("not an address")?);
    let window = Duration::from_millis(part.window_ms);
    let (cpu, began) = (process::cpu_time(std::process::id())?, Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..UNDER_WAY {
        let (client, target, call) = (client.clone(), Arc::clone(&target), call.clone());
        tasks.spawn(async move {
            let mut posted = 0_u64;
            while began.elapsed() < window {
                let answer = client.send_to(&target, call.clone()).await?;
                ensure!(answer.status.is_success(), "a post was answered {}", answer.status);
                posted += 1;
            }
            anyhow::Ok(posted)
        });
    }
    let mut posted = 0;
    while let Some(ended) = tasks.join_next().await {
        posted += ended.context("a task broke")??;
    }
    let cpu = process::cpu_time(std::process::id())?.saturating_sub(cpu);
    let each = microseconds(cpu) / (posted.max(1) as f64);
    println!(
        "{}",
        json!({ "per_second": posted as f64 / began.elapsed().as_secs_f64(), "cpu_us": each })
    );
    Ok(())
}

/// Runs it in a process of its own, and notes what it printed.
pub(super) fn ceiling(book: &mut Book, request: &Path, window: Duration) -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let to = format!("http://{}/take", receiver.address());
    let output = this_program(&["posting", "--window-ms", &window.as_millis().to_string()])?
        .args(["--to", &to, "--request"])
        .arg(request)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the ceiling")?;
    ensure!(output.status.success(), "the ceiling failed");
    let figures: Value = serde_json::from_slice(&output.stdout).context("no figures")?;
    let figure = |name: &str| figures.get(name).and_then(Value::as_f64).unwrap_or_default();
    book.note(CEILING, "posts/s", figure("per_second"));
    book.note(&format!("{CEILING}, CPU each"), "us", figure("cpu_us"));
    Ok(())
}
