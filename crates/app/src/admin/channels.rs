//! Channels: connections to outside services. Secrets among their settings are sealed before they are stored.

use serde_json::{Map, Value};
use tidings_channels::telegram;
use tidings_model::{BotName, Channel, ChannelId, ChannelKind, WorkspaceId};
use tidings_store::{Batch, CommitError, DocKey, Kind, Put, Version};

use super::web_settings::{IDENTITY_SECRET, WebSettings};
use super::workspaces::one_at_a_time;
use super::{AdminError, listed, tokens};
use crate::App;
use crate::pipeline::scene::Seen;
use crate::pipeline::written::to_body;
use crate::seal::CannotOpen;

/// The settings that are secrets, of every kind of channel.
const SECRETS: [&str; 3] = ["token", "secret_token", IDENTITY_SECRET];

/// What is shown in place of a secret.
const SECRET_SHOWN: &str = "(set)";

/// What somebody says of a channel.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    /// Its name, for people.
    pub name: Option<String>,
    /// The bot that holds new chats; an empty name takes it away.
    pub bot: Option<Option<BotName>>,
    /// Whether it takes and sends.
    pub enabled: Option<bool>,
    /// Its settings, all of them.
    pub settings: Option<Map<String, Value>>,
}

/// Makes a channel.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    kind: ChannelKind,
    change: ChannelChange,
) -> Result<Channel, AdminError> {
    let channel = Seen::absent(made(app, kind, change)?);
    let key = DocKey::new(Kind::Channel, channel.value.id);
    listed::write(app, workspace, key, &channel).await?;
    Ok(channel.value)
}

fn made(app: &App, kind: ChannelKind, change: ChannelChange) -> Result<Channel, AdminError> {
    let mut channel = Channel {
        id: ChannelId::new(app.clock.next_id()),
        kind,
        name: String::new(),
        bot: None,
        enabled: true,
        settings: Map::new(),
    };
    let name = change.name.clone().ok_or_else(|| AdminError::invalid("/name", "is missing"))?;
    let settings = change.settings.clone().unwrap_or_default();
    apply(
        app,
        &mut channel,
        ChannelChange { name: Some(name), settings: Some(settings), ..change },
    )?;
    Ok(channel)
}

/// Changes a channel.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: ChannelId,
    change: ChannelChange,
) -> Result<Channel, AdminError> {
    let key = DocKey::new(Kind::Channel, id);
    let mut found = listed::find::<Channel>(app, workspace, &key).await?;
    apply(app, &mut found.value, change)?;
    listed::write(app, workspace, key, &found).await?;
    Ok(found.value)
}

/// The name of the web channel that every workspace begins with.
const FIRST_WEB_CHANNEL: &str = "Website";

/// Makes the web channel that a workspace always has, where it has none.
///
/// Of several nodes that look at once one makes it.
pub async fn ensure_web(app: &App, workspace: WorkspaceId) -> Result<(), AdminError> {
    loop {
        let alone = one_at_a_time(app, workspace).await?;
        listed::refresh(app, workspace).await?;
        let has_one = app.directory(workspace).is_some_and(|directory| {
            directory.channels().iter().any(|channel| channel.kind == ChannelKind::Web)
        });
        if has_one {
            return Ok(());
        }
        let name = Some(FIRST_WEB_CHANNEL.into());
        let channel = made(app, ChannelKind::Web, ChannelChange { name, ..Default::default() })?;
        let mut batch = Batch::new(workspace);
        batch.puts.push(Put {
            key: DocKey::new(Kind::Channel, channel.id),
            expected: Some(Version::ABSENT),
            body: to_body(&channel),
            index: Vec::new(),
        });
        batch.puts.push(alone);
        match app.commit(batch).await {
            Ok(_) => return listed::refresh(app, workspace).await,
            // Somebody else was first: whoever refused us has written, so this comes to an end.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives a web channel a new identity secret, and shows it this once. What was signed with the one before is refused
/// from now on.
pub async fn renew_identity_secret(
    app: &App,
    workspace: WorkspaceId,
    id: ChannelId,
) -> Result<String, AdminError> {
    let key = DocKey::new(Kind::Channel, id);
    let mut found = listed::find::<Channel>(app, workspace, &key).await?;
    let channel = &mut found.value;
    if channel.kind != ChannelKind::Web {
        return Err(AdminError::invalid("/id", "only a web channel has an identity secret"));
    }
    let secret = tokens::generate_secret()?;
    channel.settings.insert(IDENTITY_SECRET.into(), app.sealer.seal(&secret).into());
    listed::write(app, workspace, key, &found).await?;
    Ok(secret)
}

/// Removes a channel. Its chats and events stay.
pub async fn remove(app: &App, workspace: WorkspaceId, id: ChannelId) -> Result<(), AdminError> {
    listed::remove(app, workspace, DocKey::new(Kind::Channel, id)).await
}

/// A channel's settings with its secrets opened; never for a log or an answer.
pub(crate) fn opened_settings(
    app: &App,
    channel: &Channel,
) -> Result<Map<String, Value>, CannotOpen> {
    let mut settings = channel.settings.clone();
    for name in SECRETS {
        if let Some(Value::String(sealed)) = settings.get(name) {
            let opened = app.sealer.open(sealed)?;
            settings.insert(name.into(), opened.into());
        }
    }
    Ok(settings)
}

/// A channel's settings as they may be shown: secrets only as "is set".
pub fn shown_settings(channel: &Channel) -> Map<String, Value> {
    let mut settings = channel.settings.clone();
    for name in SECRETS {
        if settings.contains_key(name) {
            settings.insert(name.into(), SECRET_SHOWN.into());
        }
    }
    settings
}

fn apply(app: &App, channel: &mut Channel, change: ChannelChange) -> Result<(), AdminError> {
    if let Some(name) = change.name {
        if name.is_empty() || name.len() > 100 {
            return Err(AdminError::invalid("/name", "must have 1 to 100 bytes"));
        }
        channel.name = name;
    }
    if let Some(bot) = change.bot {
        channel.bot = bot;
    }
    if let Some(enabled) = change.enabled {
        channel.enabled = enabled;
    }
    if let Some(mut settings) = change.settings {
        keep_identity_secret(channel, &mut settings);
        keep_secrets(app, channel, &mut settings)?;
        check_settings(channel.kind, &settings)?;
        channel.settings = settings;
        for name in SECRETS {
            if let Some(Value::String(secret)) = channel.settings.get(name) {
                let sealed = app.sealer.seal(secret);
                channel.settings.insert(name.into(), sealed.into());
            }
        }
    }
    Ok(())
}

/// The identity secret was shown once and cannot be written back, so settings that do not name it leave it; null takes it
/// away.
fn keep_identity_secret(channel: &Channel, settings: &mut Map<String, Value>) {
    if settings.get(IDENTITY_SECRET).is_some_and(Value::is_null) {
        settings.remove(IDENTITY_SECRET);
    } else if channel.settings.contains_key(IDENTITY_SECRET)
        && !settings.contains_key(IDENTITY_SECRET)
    {
        settings.insert(IDENTITY_SECRET.into(), SECRET_SHOWN.into());
    }
}

/// A secret that is written back as it was shown stays as it is.
fn keep_secrets(
    app: &App,
    channel: &Channel,
    settings: &mut Map<String, Value>,
) -> Result<(), AdminError> {
    for name in SECRETS {
        let is_shown = settings.get(name).and_then(Value::as_str) == Some(SECRET_SHOWN);
        if let Some(Value::String(sealed)) = channel.settings.get(name).filter(|_| is_shown) {
            let opened = app.sealer.open(sealed).map_err(|error| {
                AdminError::invalid(format!("/settings/{name}"), format!("{error}: give it again"))
            })?;
            settings.insert(name.into(), opened.into());
        }
    }
    Ok(())
}

fn check_settings(kind: ChannelKind, settings: &Map<String, Value>) -> Result<(), AdminError> {
    match kind {
        ChannelKind::Telegram => {
            telegram::Settings::read(settings).map(|_| ()).map_err(|invalid| {
                AdminError::invalid(format!("/settings/{}", invalid.field()), invalid.to_string())
            })
        }
        ChannelKind::Web => WebSettings::read(settings).map(|_| ()),
    }
}
