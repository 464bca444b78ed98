//! `tidings demo`: a workspace with a bot, a chat page and a webhook receiver of its own, on this machine only.
//!
//! Everything in it is the real thing: the bot is a text in a folder that may be edited while it runs, the webhook goes
//! through the guarded client to a port of this machine, and is verified there.

mod routes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tidings_app::App;
use tidings_app::admin::agents::{self, AgentChange};
use tidings_app::admin::channels::{self, ChannelChange};
use tidings_app::admin::endpoints::{self, EndpointChange, Signature};
use tidings_app::desk::credentials::agent_token;
use tidings_model::{AgentId, Channel, ChannelKind, Role, WorkspaceId};

use super::agent_token::{Made, make};
use super::bin::{self, Receiver};
use super::say;
use super::serve::{Server, told_to_stop};
use crate::cli;
use crate::installation::Installation;
use crate::logs;
use crate::settings::{Log, Settings};

/// The bot of the demo: the one in `bots/pizzeria`, which is tested there.
const BOT: [(&str, &str); 3] = [
    ("welcome.yaml", include_str!("../../../../bots/pizzeria/welcome.yaml")),
    ("order.yaml", include_str!("../../../../bots/pizzeria/order.yaml")),
    ("small-talk.yaml", include_str!("../../../../bots/pizzeria/small-talk.yaml")),
];
const BOT_NAME: &str = "pizzeria";

pub(super) async fn demo(options: cli::Demo) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        options.listen.ip().is_loopback(),
        "the demo is for this machine only: listen on a loopback address"
    );
    let folder = match options.data {
        Some(folder) => folder,
        None => new_folder()?,
    };
    let installation = Installation::at(&folder)?;
    let bots = installation.folder().join("bots");
    write_bot(&bots)?;
    let receiver =
        Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), bin::Options::default()).await?;
    let mut settings =
        Settings { log: Log { level: "warn".into(), ..Log::default() }, ..Settings::default() };
    settings.http.listen = options.listen;
    settings.outbound.allow = vec![receiver.address().to_string()];
    logs::start(&settings.log)?;
    let server = Server::open(&installation, settings).await?;
    let token = server.first_token().await?;
    let workspace = server.workspace()?;
    let channel = web_channel(server.app(), workspace).await?;
    subscribe(server.app(), workspace, &receiver).await?;
    let bob = bobs_token(server.app(), workspace).await?;
    let readiness = Arc::clone(server.readiness());
    let (address, receives) = (server.address(), receiver.address());
    let routes =
        routes::routes(Arc::clone(server.app()), readiness, workspace, channel.id, receiver);
    let served = server.start(Some(routes)).await?;
    tell(address, receives, &channel, token.as_deref(), &bob, &bots)?;
    told_to_stop().await?;
    served.stop_unless_hurried().await
}

fn tell(
    address: SocketAddr,
    receiver: SocketAddr,
    channel: &Channel,
    token: Option<&str>,
    bob: &Made,
    bots: &Path,
) -> anyhow::Result<()> {
    say(format_args!(
        "\n  Tidings {version} is ready.\n\n  \
         Open   http://{address}/demo\n         \
         chat on the left, see events and signed webhooks arrive\n\n  \
         Chat   http://{address}/chat/{channel}\n  \
         Widget http://{address}/widget?organization={organization}&channel={channel}\n  \
         Bin    http://{receiver}/, the webhook receiver\n  \
         API    http://{address}/openapi.json",
        version = env!("CARGO_PKG_VERSION"),
        channel = channel.id,
        organization = bob.organization,
    ))?;
    if let Some(token) = token {
        say(format_args!(
            "  Token  {token}\n\n  \
             Try    TIDINGS_URL=http://{address} TIDINGS_TOKEN={token} tidings events --follow"
        ))?;
    }
    let Made { token: bobs, organization, .. } = bob;
    say(format_args!(
        "\n  Agent  {AGENT}, organization {organization}\n  \
         Token  {bobs}\n  \
         Try    curl -H 'Authorization: Bearer {bobs}' -d '{{}}' \\\n             \
         http://{address}/v3.6/agent/action/list_chats\n"
    ))?;
    say(format_args!(
        "  Edit   {} while it runs\n\n  Ctrl-C ends it.\n",
        bots.join(BOT_NAME).display()
    ))
}

/// The demo's agent, as programs are them: a new token at each start, and the ones before end.
async fn bobs_token(app: &Arc<App>, workspace: WorkspaceId) -> anyhow::Result<Made> {
    let agent: AgentId = AGENT.parse()?;
    for old in agent_token::of_agent(app, workspace, &agent).await? {
        if old.name == DESCRIPTION_OF_TOKEN {
            agent_token::revoke(app, workspace, &agent, old.id).await?;
        }
    }
    let change = AgentChange { name: Some("Bob".into()), ..AgentChange::default() };
    agents::change(app, workspace, &agent, change).await?;
    make(app, workspace, &agent, Some(Role::Owner), DESCRIPTION_OF_TOKEN, None).await
}

const AGENT: &str = "bob@example.com";
const DESCRIPTION_OF_TOKEN: &str = "The demo's agent";

/// A folder that no other demo has.
fn new_folder() -> anyhow::Result<PathBuf> {
    let mut bytes = [0; 6];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no random bytes"))?;
    let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(std::env::temp_dir().join(format!("tidings-demo-{name}")))
}

/// Writes the bot where it can be edited; an edited one stays as it is.
fn write_bot(bots: &Path) -> anyhow::Result<()> {
    let folder = bots.join(BOT_NAME);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in BOT {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::write(&path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

async fn web_channel(app: &Arc<App>, workspace: WorkspaceId) -> anyhow::Result<Channel> {
    let directory = app.directory(workspace).context("the workspace is not open")?;
    if let Some(channel) =
        directory.channels().into_iter().find(|channel| channel.kind == ChannelKind::Web)
    {
        return Ok(channel.as_ref().clone());
    }
    let change = ChannelChange {
        name: Some("Pizzeria".into()),
        bot: Some(Some(BOT_NAME.parse()?)),
        ..ChannelChange::default()
    };
    Ok(channels::create(app, workspace, ChannelKind::Web, change).await?)
}

/// Subscribes the demo's receiver to everything. The one of an earlier demo in the same folder listens no more.
async fn subscribe(
    app: &Arc<App>,
    workspace: WorkspaceId,
    receiver: &Receiver,
) -> anyhow::Result<()> {
    let directory = app.directory(workspace).context("the workspace is not open")?;
    for old in directory.endpoints() {
        if old.description == DESCRIPTION {
            endpoints::remove(app, workspace, old.id).await?;
        }
    }
    let change = EndpointChange {
        url: Some(format!("http://{}/webhooks", receiver.address())),
        description: Some(DESCRIPTION.into()),
        ..EndpointChange::default()
    };
    let (_, secret) = endpoints::create(app, workspace, change, Signature::V1).await?;
    receiver.expect(secret.parse()?);
    Ok(())
}

const DESCRIPTION: &str = "The demo's own receiver";
