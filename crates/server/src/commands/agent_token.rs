//! `tidings agent-token`: a token with which a program uses the Chat API as an agent.
//!
//! On a terminal it says how to use it; into a pipe or a file goes the token alone.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tidings_app::admin::agents::{self, AgentChange};
use tidings_app::desk::credentials::agent_token;
use tidings_catalogue::Catalogue;
use tidings_model::{AgentId, Role};

use super::say;
use crate::cli;
use crate::client::ApiClient;
use crate::installation::Installation;
use crate::settings::Settings;

/// A token that was made.
pub(super) struct Made {
    pub(super) token: String,
    pub(super) account: String,
    pub(super) organization: String,
}

pub(super) async fn agent_token(options: cli::AgentToken) -> anyhow::Result<ExitCode> {
    let agent: AgentId = options
        .agent
        .parse()
        .with_context(|| format!("{:?} is not an id that an agent can have", options.agent))?;
    let made = match &options.data {
        Some(folder) => in_folder(&options, &agent, folder).await?,
        None => on_server(&options, &agent).await?,
    };
    if !std::io::stdout().is_terminal() {
        say(&made.token)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Made { token, account, organization } = made;
    say(format_args!(
        "A token of {agent}, shown this once:\n\n  {token}\n\n  \
         organization_id  {organization}\n  \
         HTTP             Authorization: Bearer {token}\n  \
         HTTP Basic       user {account}, password the token\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn on_server(options: &cli::AgentToken, agent: &AgentId) -> anyhow::Result<Made> {
    let token = options.token.clone().context(
        "say --token, TIDINGS_TOKEN, or --data with the folder of a server that is stopped",
    )?;
    let client = ApiClient::new(&cli::Server { url: options.url.clone(), token })?;
    let mut change = Map::new();
    if let Some(role) = options.role {
        change.insert("role".into(), word(role).into());
    }
    let path = format!("/api/v1/agents/{}", escaped(agent.as_str()));
    client.put(&path, &Value::Object(change)).await?;
    let mut body = json!({ "name": options.name });
    if let (Some(scopes), Some(body)) = (&options.scopes, body.as_object_mut()) {
        body.insert("scopes".into(), json!(scopes));
    }
    let made = client.post(&format!("{path}/tokens"), &body).await?;
    let text = |name: &str| {
        let value = made.get(name).and_then(Value::as_str);
        value.map(str::to_owned).with_context(|| format!("the server's answer has no {name}"))
    };
    Ok(Made {
        token: text("token")?,
        account: text("account_id")?,
        organization: text("organization_id")?,
    })
}

async fn in_folder(
    options: &cli::AgentToken,
    agent: &AgentId,
    folder: &Path,
) -> anyhow::Result<Made> {
    let installation = Installation::at(folder)?;
    anyhow::ensure!(
        installation.store_file().exists(),
        "there is no installation in {}; start it once by `tidings serve`",
        folder.display()
    );
    let settings = Settings::read(installation.folder(), None, options.shared.said())?;
    let listen = settings.http.listen;
    let catalogue = Arc::new(Catalogue::builtin()?);
    let (app, _) = installation
        .open_app(&settings, catalogue, listen)
        .await
        .context("is a server running in this folder? then leave out --data and say --token")?;
    let workspace = app.workspaces().into_iter().min().context("there is no workspace")?;
    let role = options.role.map(model_role);
    let scopes = options.scopes.clone().map(BTreeSet::from_iter);
    let made = make(&app, workspace, agent, role, &options.name, scopes).await;
    app.close().await;
    made
}

/// Makes a token, and the agent where they are not there.
pub(super) async fn make(
    app: &tidings_app::App,
    workspace: tidings_model::WorkspaceId,
    agent: &AgentId,
    role: Option<Role>,
    name: &str,
    scopes: Option<BTreeSet<String>>,
) -> anyhow::Result<Made> {
    let change = AgentChange { role, ..AgentChange::default() };
    let agent = agents::change(app, workspace, agent, change).await?;
    let client_id = agent_token::PERSONAL_CLIENT_ID;
    let (_, token) =
        agent_token::create(app, workspace, &agent.id, name, client_id, scopes).await?;
    Ok(Made { token, account: agent.account.to_string(), organization: workspace.to_string() })
}

/// A segment of a path: what is not plain is escaped.
fn escaped(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte);
    let mut escaped = String::new();
    for byte in segment.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

const fn word(role: cli::Role) -> &'static str {
    match role {
        cli::Role::Normal => "normal",
        cli::Role::Administrator => "administrator",
        cli::Role::ViceOwner => "viceowner",
        cli::Role::Owner => "owner",
    }
}

const fn model_role(role: cli::Role) -> Role {
    match role {
        cli::Role::Normal => Role::Normal,
        cli::Role::Administrator => Role::Administrator,
        cli::Role::ViceOwner => Role::ViceOwner,
        cli::Role::Owner => Role::Owner,
    }
}
