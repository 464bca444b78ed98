//! Telegram channels that are open: their settings unsealed and checked, the bot's name, how fast it sends.
//!
//! Kept by channel, because unsealing on each update costs. A channel document that changed gives new settings at once:
//! what is kept is compared with the document, not trusted by its age. Nothing here is needed after a restart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tidings_channels::telegram::{InvalidSettings, Settings};
use tidings_model::{Channel, ChannelId, ChannelKind};
use tidings_store::DocKey;

use super::albums::OpenAlbums;
use super::rates::Rates;
use crate::App;
use crate::admin::channels::opened_settings;
use crate::seal::CannotOpen;

/// A Telegram channel that is open.
#[derive(Debug)]
pub struct OpenChannel {
    /// Its document, as it was when it was opened.
    pub channel: Arc<Channel>,
    /// Its settings. They hold secrets.
    pub settings: Settings,
    /// The bot's name without `@`, once Telegram told.
    username: OnceLock<String>,
    /// What was sent when.
    pub(crate) rates: Rates,
    /// The albums that are not whole yet.
    pub(crate) albums: OpenAlbums,
}

impl OpenChannel {
    /// The bot's name without `@`, where it is known: in a group, a command for another bot is plain text.
    pub fn username(&self) -> Option<&str> {
        self.username.get().map(String::as_str)
    }

    pub(crate) fn learn_username(&self, username: String) {
        // It is told once for each connection, and stays the same.
        drop(self.username.set(username));
    }
}

/// Why a channel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not one of Telegram, or is switched off.
    #[error("the channel does not take anything from Telegram")]
    NotTelegram,
    /// Its secrets do not open.
    #[error("the channel's settings could not be opened")]
    Sealed(#[from] CannotOpen),
    /// Its settings are wrong.
    #[error("the channel cannot start with its settings")]
    Settings(#[from] InvalidSettings),
}

/// The Telegram channels that are open.
#[derive(Debug, Default)]
pub struct OpenChannels {
    by_id: Mutex<HashMap<ChannelId, Arc<OpenChannel>>>,
}

impl OpenChannels {
    /// Opens a channel, or finds it open.
    pub(crate) fn open(
        &self,
        app: &App,
        channel: &Arc<Channel>,
    ) -> Result<Arc<OpenChannel>, Unusable> {
        if channel.kind != ChannelKind::Telegram || !channel.enabled {
            return Err(Unusable::NotTelegram);
        }
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_id.get(&channel.id);
        // The directory is read again every few seconds, and gives the same document in a new place.
        let same = known.filter(|open| {
            Arc::ptr_eq(&open.channel, channel) || open.channel.as_ref() == channel.as_ref()
        });
        if let Some(open) = same {
            return Ok(Arc::clone(open));
        }
        let settings = Settings::read(&opened_settings(app, channel)?)?;
        let username = OnceLock::new();
        // The same bot keeps its name when only other settings changed.
        if let Some(name) = known
            .filter(|open| open.settings.token == settings.token)
            .and_then(|open| open.username.get())
        {
            drop(username.set(name.clone()));
        }
        let open = Arc::new(OpenChannel {
            channel: Arc::clone(channel),
            settings,
            username,
            rates: Rates::default(),
            albums: known.map(|open| open.albums.clone()).unwrap_or_default(),
        });
        by_id.insert(channel.id, Arc::clone(&open));
        Ok(open)
    }

    /// The channel of an event or a document, if it is one of Telegram that can be used.
    pub(crate) fn find(
        &self,
        app: &App,
        directory: &crate::directory::Directory,
        id: ChannelId,
    ) -> Result<Arc<OpenChannel>, Unusable> {
        let channel = directory.channel(id).ok_or(Unusable::NotTelegram)?;
        self.open(app, &channel)
    }
}

/// The key of a chat's document.
pub(crate) fn chat_key(chat: tidings_model::ChatId) -> DocKey {
    DocKey::new(tidings_store::Kind::Chat, chat)
}
