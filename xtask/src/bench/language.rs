//! The language of bots: conditions, texts, picking the behavior that hears an event, and what waits. A run of its own.
//!
//! In reading order: [`rules`] (thirty rules, and facts), [`tree`] (who decides them), [`writing`] (a text beside MiniJinja
//! bare), [`waiting`] (runs and timers that wait). What is computed in this process is told as the best of several rounds
//! in each turn, each beside what it is compared with; what a server does, as in the other runs.

mod rules;
mod tree;
mod waiting;
mod writing;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use tidings_behaviors::{Bot, BotSource, Heard, Seeds, Vocabulary};
use tidings_model::{
    Author, CustomerId, Draft, Event, EventId, Order, Seq, Timestamp, WorkspaceId, envelope,
};
use uuid::Uuid;

pub(crate) use waiting::WaitingPart;
pub(super) use waiting::make;

use super::Options;
use super::aims::{Aim, Wanted};
use super::book::Book;
use super::report;
use super::site::{Crowd, Site};
use super::talk;
use crate::building;
use crate::figures::{microseconds, milliseconds};
use crate::process;

/// How much is measured.
struct Plan {
    turns: usize,
    /// Of what is computed in this process: rounds of one turn, and how often it is done in one round.
    rounds: usize,
    repeats: usize,
    /// Behaviors in all, beside one.
    behaviors: usize,
    window: Duration,
    /// Messages that are sent one at a time.
    messages: usize,
    runs: usize,
    timers: usize,
    /// How long a server that stands is looked at.
    idle: Duration,
}

const FULL: Plan = Plan {
    turns: 5,
    rounds: 20,
    repeats: 2_000,
    behaviors: 10_000,
    window: Duration::from_secs(3),
    messages: 300,
    runs: 200_000,
    timers: 1_000_000,
    idle: Duration::from_secs(10),
};

const QUICK: Plan = Plan {
    turns: 1,
    rounds: 5,
    repeats: 1_000,
    behaviors: 1_000,
    window: Duration::from_secs(1),
    messages: 50,
    runs: 2_000,
    timers: 10_000,
    idle: Duration::from_secs(2),
};

/// How many times as fast as `json-rules-engine` a tree of conditions shall be.
const OF_THE_ENGINE_LEAST: f64 = 20.0;

/// How many times as long as by hand in Rust it may take.
const OF_BY_HAND_MOST: f64 = 5.0;

/// How many times as long as MiniJinja bare a text may take.
const OF_BARE_MOST: f64 = 2.0;

/// What an event may cost more for behaviors that it does not concern, as a part.
const CROWD_MOST: f64 = 0.1;

/// What a waiting run may take of a server's memory, in bytes: nothing to speak of.
const RUN_BYTES_MOST: f64 = 10.0;

/// How much later a server may be ready for what waits, in milliseconds: what two starts differ by anyway.
const LATER_MOST: f64 = 10.0;

/// What timers that wait may take of a processor, in milliseconds of each second.
const IDLE_MOST: f64 = 1.0;

/// Measures.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let plan = if options.quick { &QUICK } else { &FULL };
    let measure = async |book: &mut Book, server: &Path| measure(book, server, plan).await;
    report::run(options, plan.turns, measure, |book| judge(book, plan)).await
}

async fn measure(book: &mut Book, server: &Path, plan: &Plan) -> anyhow::Result<()> {
    let folder = building::scratch("bench-language-")?;
    let folder = folder.path();
    for turn in 0..plan.turns {
        eprintln!("turn {} of {}, load average {}", turn + 1, plan.turns, process::load_average());
        tree::measure(book, plan)?;
        writing::measure(book, plan)?;
    }
    let folders = waiting::Folders::fill(server, folder, plan).await?;
    for _ in 0..plan.turns {
        folders.measure(book, plan).await?;
    }
    picking(book, server, folder, plan).await
}

/// From a message to the reply, on a server with one behavior and on one with very many. Picking itself is one look at a
/// table by the event's type, too short to be told beside that.
async fn picking(book: &mut Book, server: &Path, folder: &Path, plan: &Plan) -> anyhow::Result<()> {
    let mut places = Vec::new();
    for behaviors in [1, plan.behaviors] {
        eprintln!("setting up a server with {behaviors} behaviors");
        let crowd = Crowd { behaviors, endpoints: 0 };
        let site =
            Site::build(server, folder.join(format!("behaviors-{behaviors}")), crowd).await?;
        let talkers = talk::open_pages(&site).await?;
        places.push((replied(behaviors), site, talkers));
    }
    for _ in 0..plan.turns {
        for (title, site, talkers) in &mut places {
            site.rest().await?;
            talk::reconnect(site, talkers).await?;
            let times = talk::one_at_a_time(talkers, plan.messages).await?;
            book.note(
                &format!("{title}, one at a time, p50"),
                "ms",
                milliseconds(times.percentile(50)),
            );
            site.rest().await?;
            talk::reconnect(site, talkers).await?;
            let cpu = site.cpu_time()?;
            let (rate, asked, back) =
                talk::as_fast_as_possible(std::mem::take(talkers), plan.window).await?;
            *talkers = back;
            site.rest().await?;
            let cpu = site.cpu_time()?.saturating_sub(cpu);
            book.note(&format!("{title}, the most"), "replies/s", rate);
            book.note(
                &format!("{title}, server CPU each"),
                "us",
                microseconds(cpu) / asked.max(1) as f64,
            );
        }
    }
    Ok(())
}

fn replied(behaviors: usize) -> String {
    format!("reply of 1 of {behaviors}")
}

fn judge(book: &Book, plan: &Plan) -> Vec<Aim> {
    let mut aims = Vec::new();
    let mut aim = |what: &str, wanted, reached| aims.extend(Aim::of(what, wanted, reached));
    let median = |name: &str| book.median(name);
    let ratio = |of: &str, to: &str| Some(median(of)? / median(to)?);
    let engine = ratio(tree::ENGINE, tree::TURN);
    aim("30 conditions, times as fast as the engine", Wanted::AtLeast(OF_THE_ENGINE_LEAST), engine);
    let by_hand = ratio(tree::TURN, tree::BY_HAND);
    aim("30 conditions, times as long as by hand", Wanted::AtMost(OF_BY_HAND_MOST), by_hand);
    let bare = ratio(writing::RENDER, writing::BARE);
    aim("a text, times as long as MiniJinja bare", Wanted::AtMost(OF_BARE_MOST), bare);
    let (one, many) = (replied(1), replied(plan.behaviors));
    for figure in ["one at a time, p50", "server CPU each"] {
        let worse = ratio(&format!("{many}, {figure}"), &format!("{one}, {figure}"));
        let what = format!("{many}, {figure}, worse by");
        aim(&what, Wanted::AtMost(CROWD_MOST), worse.map(|ratio| ratio - 1.0));
    }
    let (nothing, runs, timers) = (
        waiting::with("nothing", 0),
        waiting::with("runs", plan.runs),
        waiting::with("timers", plan.timers),
    );
    let more = |figure: &str, of: &str| {
        Some(median(&format!("{figure}, {of}"))? - median(&format!("{figure}, {nothing}"))?)
    };
    let each = more("memory of its own", &runs).map(|megabytes| megabytes * 1e6 / plan.runs as f64);
    aim("memory of a waiting run, bytes", Wanted::AtMost(RUN_BYTES_MOST), each);
    aim(&format!("ready later, {runs}, ms"), Wanted::AtMost(LATER_MOST), more("ready", &runs));
    aim(
        &format!("idle CPU, {timers}, more, ms/s"),
        Wanted::AtMost(IDLE_MOST),
        more("idle CPU", &timers),
    );
    aims
}

/// What the best of several rounds takes for one time, in nanoseconds.
fn best(plan: &Plan, mut once: impl FnMut()) -> f64 {
    let round = |_| {
        let began = Instant::now();
        for _ in 0..plan.repeats {
            once();
        }
        began.elapsed().as_secs_f64() * 1e9 / plan.repeats as f64
    };
    (0..plan.rounds).map(round).fold(f64::INFINITY, f64::min)
}

/// The one type that the bots here hear.
struct Messages;

impl Vocabulary for Messages {
    fn resolve(&self, name: &str) -> Option<Heard> {
        let event_type = name.parse().ok().filter(|_| name == MESSAGE)?;
        let (schema, kind) = (json!({}), "after".to_owned());
        Some(Heard {
            event_type,
            constraints: Vec::new(),
            kind,
            heard_by: Vec::new(),
            schema,
            sample: json!({}),
            answer: Value::Null,
        })
    }

    fn nearest(&self, _: &str) -> Option<String> {
        None
    }
}

const MESSAGE: &str = "chat.message";

/// A bot whose behaviors take these steps on a message. JSON is YAML.
fn bot(behaviors: &[Value]) -> anyhow::Result<Bot> {
    let behaviors = behaviors.iter().enumerate();
    let behaviors: Value = behaviors
        .map(|(number, steps)| json!({ "name": format!("behavior {number}"), "on": MESSAGE, "do": steps }))
        .collect();
    let text = json!({ "bot": "pizzeria", "behaviors": behaviors }).to_string();
    let files = [("bot.yaml".to_owned(), text)].into_iter().collect();
    let source = BotSource { name: "pizzeria".parse().context("a name")?, files };
    let loaded = Bot::load(&source, &Messages);
    loaded
        .map(|(bot, _)| bot)
        .map_err(|problems| anyhow::anyhow!("the bot does not load: {problems:?}"))
}

/// A customer's message.
fn cause() -> Event {
    let (event_type, workspace) = (MESSAGE.parse().expect("a type"), WorkspaceId::new(Uuid::nil()));
    let mut draft =
        Draft::new(EventId::new(Uuid::from_u128(1)), event_type, workspace, now(), json!({}));
    draft.author = Author::customer(CustomerId::new(Uuid::from_u128(2)));
    let body = envelope::write(&draft).into();
    Event::new(Seq(1), Some(Order(1)), draft, body)
}

fn seeds() -> Seeds {
    Seeds { now: now(), run: Uuid::from_u128(7), random: 7 }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("a time of our years")
}
