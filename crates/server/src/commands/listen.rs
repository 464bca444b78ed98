//! `tidings listen`: what an endpoint would get, posted to an address of this machine. It needs no endpoint on the server,
//! and nobody has to reach this machine from outside.
//!
//! Events go out one after the other, in the order of the log, in the form that an endpoint gets unless it says
//! otherwise: CloudEvents, signed. Each is posted until the receiver answers, whatever it answers.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use reqwest::{StatusCode, header, redirect};
use serde_json::Value;
use tidings_catalogue::{Catalogue, Kind};
use tidings_model::{Clock, Event, Order, Seq, envelope};
use tidings_wire::cloudevents;
use tidings_wire::standard_webhooks::{
    ID_HEADER, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, sign,
};

use super::say;
use super::serve::told_to_stop;
use super::stream::EventStream;
use crate::cli::Listen;
use crate::client::ApiClient;
use crate::clock::SystemClock;

/// How long the receiver may take for an answer: a person may look at it in a debugger.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// The pause before a receiver that is down is tried again; twice as long each time, ...
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// ... up to this.
const PAUSE_MAX: Duration = Duration::from_secs(10);

pub(super) async fn listen(options: Listen) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server)?;
    let secret = match &options.secret {
        Some(secret) => secret.parse().context("--secret")?,
        None => new_secret()?,
    };
    let filter = options.events.iter().map(|name| ("type", name.clone())).collect();
    let mut events = EventStream::new(&client, filter, options.since).await?;
    let forward = Forward::new(&options.forward_to, secret)?;
    say(format_args!(
        "\n  Events   from {} after {}\n  To       {}\n  Secret   {}\n",
        options.server.url,
        events.since(),
        options.forward_to,
        forward.secret.expose(),
    ))?;
    let stopped = told_to_stop();
    tokio::pin!(stopped);
    tokio::select! {
        stopped = &mut stopped => stopped?,
        ended = forward_all(&mut events, &forward, options.skip) => ended?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn forward_all(
    events: &mut EventStream<'_>,
    forward: &Forward,
    skip: bool,
) -> anyhow::Result<()> {
    let catalogue = Catalogue::builtin()?;
    loop {
        let event = read(events.next().await?)?;
        let known = catalogue.get(&event.event_type);
        // Endpoints get what happened, not what somebody may still object to.
        if known.is_none_or(|known| known.kind == Kind::After) {
            forward.until_answered(&event, skip).await?;
        }
    }
}

/// An event from its envelope.
fn read(envelope: Value) -> anyhow::Result<Event> {
    let Value::Object(map) = envelope else { anyhow::bail!("the server sent no event") };
    let number = |name: &str| map.get(name).and_then(Value::as_u64);
    let seq = number("seq").context("the server sent an event without a number")?;
    let order = number("order").map(Order);
    let draft = envelope::from_map(map).context("the server sent an event that cannot be read")?;
    let body = envelope::write(&draft);
    Ok(Event::new(Seq(seq), order, draft, body.into()))
}

fn new_secret() -> anyhow::Result<Secret> {
    let mut random = [0; Secret::NEW_BYTES];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| anyhow::anyhow!("no random bytes"))?;
    Ok(Secret::generate(random))
}

/// Where events go.
struct Forward {
    http: reqwest::Client,
    to: url::Url,
    secret: Secret,
}

impl Forward {
    #[expect(
        clippy::disallowed_methods,
        reason = "the address is the operator's own, from the command line"
    )]
    fn new(to: &str, secret: Secret) -> anyhow::Result<Self> {
        let wanted = "must be an address as http://localhost:3000/hook";
        let to: url::Url = to.parse().with_context(|| format!("--forward-to {wanted}"))?;
        anyhow::ensure!(
            ["http", "https"].contains(&to.scheme()) && to.has_host(),
            "--forward-to {wanted}"
        );
        let http = reqwest::Client::builder()
            .timeout(ANSWER_DEADLINE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, to, secret })
    }

    /// Posts an event until there is an answer, or once when failures are skipped; says how each try went.
    async fn until_answered(&self, event: &Event, skip: bool) -> anyhow::Result<()> {
        let mut pause = PAUSE_MIN;
        loop {
            let began = Instant::now();
            let answer = self.post(event).await;
            let took = began.elapsed().as_millis();
            match answer {
                Ok(status) => return say(Line { event, how: format!("{status}, {took} ms") }),
                Err(error) if skip => {
                    let how = format!("{}; skipped", why(&error));
                    return say(Line { event, how });
                }
                Err(error) => {
                    let again = pause.as_secs_f32();
                    let how = format!("{}; again in {again} s", why(&error));
                    say(Line { event, how })?;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn post(&self, event: &Event) -> reqwest::Result<StatusCode> {
        let source = cloudevents::source_of(event.workspace);
        let body = cloudevents::structured(event, &source);
        let timestamp = SystemClock.now().as_second();
        let signature = sign(event.id, timestamp, &body, std::slice::from_ref(&self.secret));
        let request = self
            .http
            .post(self.to.clone())
            .header(header::CONTENT_TYPE, cloudevents::CONTENT_TYPE)
            .header(header::USER_AGENT, concat!("Tidings/", env!("CARGO_PKG_VERSION")))
            .header(ID_HEADER, event.id.to_string())
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, signature)
            .body(body);
        Ok(request.send().await?.status())
    }
}

/// Why there is no answer, in words for who started the receiver.
fn why(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "nobody listens there"
    } else if error.is_timeout() {
        "no answer within a minute"
    } else {
        "the connection broke"
    }
}

/// What is printed of a try.
struct Line<'a> {
    event: &'a Event,
    how: String,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = SystemClock.now().strftime("%H:%M:%S");
        let (seq, name) = (self.event.seq.0, self.event.event_type.as_str());
        write!(f, "{now}  {seq:>8}  {name:24}  -> {}", self.how)
    }
}
