//! The first pages of `list_chats` and `list_archives` from very many chats, over HTTP.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::super::book::Book;
use super::million::{self, WORDS, word};
use super::place::{AGENT, make_agent};
use super::{Plan, note_times};
use crate::figures::Times;
use crate::http::{self, Connection};
use crate::installation::Installation;

/// Readings before those that count.
const FIRST_READINGS: usize = 10;

/// How many chats a page has, as long as nothing else is asked.
const PAGE: usize = 10;

/// An agent who is in no team but everyone's.
const COLLEAGUE: &str = "colleague@example.com";

pub(super) async fn measure(
    book: &mut Book,
    server: &Path,
    folder: &Path,
    plan: &Plan,
) -> anyhow::Result<()> {
    let installation = Installation::new(server, folder)?;
    let running = installation.start().await?;
    let channel = installation.make_web_channel(None).await?;
    let owner = make_agent(&installation, AGENT, "owner").await?;
    let colleague = make_agent(&installation, COLLEAGUE, "normal").await?;
    running.stop().await?;
    eprintln!("making {} chats", plan.chats);
    let took = million::make_in(installation.data(), &channel, AGENT, plan.chats)?;
    eprintln!("made in {:.0} s", took.as_secs_f64());
    let running = installation.start().await?;
    let all = plan.chats;
    let some = plan.chats / WORDS;
    for (title, method, asked, found) in [
        ("list_chats", "list_chats", json!({}), all),
        ("list_archives", "list_archives", json!({}), all),
        (
            "list_archives, by a word",
            "list_archives",
            json!({ "filters": { "query": word(7) } }),
            some,
        ),
    ] {
        for (who, token) in [("", &owner), (", by teams", &colleague)] {
            let list = List { method, asked: &asked, token, found };
            let times = list.read(&installation, plan.readings).await;
            let times = times.with_context(|| format!("{title}{who}"))?;
            note_times(book, &format!("{title}{who}"), &times);
        }
    }
    running.stop().await
}

/// A list that is asked for.
struct List<'a> {
    method: &'a str,
    asked: &'a Value,
    token: &'a str,
    /// How many it has.
    found: usize,
}

impl List<'_> {
    /// Reads the first page so often. It must be whole each time.
    async fn read(&self, installation: &Installation, count: usize) -> anyhow::Result<Times> {
        let bearer = format!("Bearer {}", self.token);
        let request = http::request(
            "POST",
            &format!("/v3.6/agent/action/{}", self.method),
            &[("authorization", &bearer)],
            self.asked.to_string().as_bytes(),
        );
        let mut connection = Connection::open(installation.address()).await?;
        let mut times = Vec::with_capacity(count);
        for number in 0..FIRST_READINGS + count {
            let began = Instant::now();
            let answer = connection.exchange(&request).await?;
            let took = began.elapsed();
            ensure!(answer.is_success(), "it was answered {}", answer.summary());
            self.check(&answer.json())?;
            if number >= FIRST_READINGS {
                times.push(took);
            }
        }
        Ok(Times::new(times))
    }

    fn check(&self, answer: &Value) -> anyhow::Result<()> {
        let found = answer.get("found_chats").and_then(Value::as_u64).unwrap_or_default();
        ensure!(found == self.found as u64, "{found} were found, not {}", self.found);
        let rows = answer.get("chats_summary").or_else(|| answer.get("chats"));
        let rows = rows.and_then(Value::as_array).context("there are no rows")?;
        ensure!(rows.len() == PAGE.min(self.found), "a page has {} rows", rows.len());
        for row in rows {
            let users = row.get("users").and_then(Value::as_array).map_or(0, Vec::len);
            let message = row.pointer("/last_event_per_type/message/event/text");
            let said = row.pointer("/thread/events").and_then(Value::as_array).map_or(0, Vec::len);
            ensure!(users == 2, "a row has {users} users: {row}");
            ensure!(message.is_some() || said == 2, "a row does not tell what was said: {row}");
        }
        Ok(())
    }
}
