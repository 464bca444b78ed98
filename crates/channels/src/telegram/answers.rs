//! The answers of `getMe`, `getFile` and `getUpdates`. `None` where [`super::read_reply`] says what went wrong.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest answer of `getUpdates` that is read, in bytes: a hundred updates of the size that is common, ten times.
pub const UPDATES_BYTES_MAX: usize = 16 << 20;

/// The bot itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Me {
    /// Its id.
    pub id: i64,
    /// Its name, without `@`: for commands that name their bot.
    #[serde(default)]
    pub username: Option<String>,
}

/// One update of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// Its number; the next poll's offset is the highest one and one more.
    pub update_id: i64,
    /// Its bytes, for [`super::read_update`].
    pub body: Vec<u8>,
}

/// The bot, from the answer of `getMe`.
pub fn read_me(body: &[u8]) -> Option<Me> {
    result(body)
}

/// The path of a file, from the answer of `getFile`.
pub fn read_file_path(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct File {
        file_path: Option<String>,
    }
    result::<File>(body)?.file_path
}

/// The updates, from the answer of `getUpdates`. One without a number is passed over: it could not be confirmed.
pub fn read_updates(body: &[u8]) -> Option<Vec<Polled>> {
    #[derive(Deserialize)]
    struct Numbered {
        update_id: i64,
    }
    let updates: Vec<Box<RawValue>> = result(body)?;
    let numbered = updates.into_iter().filter_map(|update| {
        let Numbered { update_id } = serde_json::from_str(update.get()).ok()?;
        Some(Polled { update_id, body: update.get().as_bytes().to_vec() })
    });
    Some(numbered.collect())
}

fn result<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    #[derive(Deserialize)]
    struct Answer<T> {
        ok: bool,
        result: Option<T>,
    }
    serde_json::from_slice::<Answer<T>>(body).ok().filter(|answer| answer.ok)?.result
}
