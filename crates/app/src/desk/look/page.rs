//! Pages of lists: a `page_id` is opaque to clients, carries all that the list was asked for, and is signed, so that it
//! cannot be made up, mixed or carried to another list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tidings_model::{Timestamp, WorkspaceId};

use crate::App;
use crate::desk::{ErrorType, Failure};

/// How long a page may be gone back to, in seconds: a month.
const VALID_S: i64 = 30 * 24 * 60 * 60;

/// In which direction a list goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The oldest first.
    Asc,
    /// The newest first.
    #[default]
    Desc,
}

impl Order {
    /// Whether the newest come first, on a page that is read onwards or backwards.
    pub const fn newest_first(self, back: bool) -> bool {
        matches!((self, back), (Self::Desc, false) | (Self::Asc, true))
    }
}

/// What of a list is asked for, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked<F, P> {
    /// What the list is about, and what is left out.
    pub filters: F,
    /// In which direction.
    pub order: Order,
    /// At most so many.
    pub limit: usize,
    /// After this place; `None` means from the first.
    pub place: Option<P>,
    /// Backwards from that place.
    #[serde(default)]
    pub back: bool,
}

/// A page that was read, in the order of the list.
#[derive(Clone, Debug)]
pub struct Read<T> {
    /// What stands on it.
    pub rows: Vec<T>,
    /// Whether something follows.
    pub has_next: bool,
    /// Whether something comes before.
    pub has_previous: bool,
}

impl<T> Read<T> {
    /// A page out of what was read in its direction: one more than the limit tells that it goes on.
    pub fn of(mut rows: Vec<T>, limit: usize, is_first: bool, back: bool) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        if back {
            rows.reverse();
            return Self { rows, has_next: true, has_previous: more };
        }
        Self { rows, has_next: more, has_previous: !is_first }
    }
}

/// The ids of the pages before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageIds {
    /// Of the next page, if there is one.
    pub next: Option<String>,
    /// Of the page before, if there is one.
    pub previous: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    made_at: Timestamp,
    asked: T,
}

/// The id of a page of a list.
pub fn write<T: Serialize>(app: &App, workspace: WorkspaceId, list: &str, asked: &T) -> String {
    let kept = Kept { made_at: app.now(), asked };
    let json = serde_json::to_vec(&kept).unwrap_or_default();
    let text = URL_SAFE_NO_PAD.encode(json);
    let signature = app.sealer.sign(&signed(workspace, list, &text));
    format!("{text}.{signature}")
}

/// What a page's id carries, if we gave it for this list, not too long ago.
pub fn read<T: DeserializeOwned>(
    app: &App,
    workspace: WorkspaceId,
    list: &str,
    id: &str,
) -> Result<T, Failure> {
    let wrong = || Failure::field("page_id", "must be one that this list gave, unchanged");
    let (text, signature) = id.rsplit_once('.').ok_or_else(wrong)?;
    if !app.sealer.is_signed(&signed(workspace, list, text), signature) {
        return Err(wrong());
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let kept: Kept<T> = serde_json::from_slice(&json).map_err(|_| wrong())?;
    if app.now().duration_since(kept.made_at).as_secs() > VALID_S {
        return Err(Failure::new(
            ErrorType::Validation,
            "`page_id` is older than a month; begin the list anew",
        ));
    }
    Ok(kept.asked)
}

/// The ids of the pages before and after one that was read. `place` is where a row stands.
pub fn ids<F, P, T>(
    app: &App,
    workspace: WorkspaceId,
    list: &str,
    asked: &Asked<F, P>,
    read: &Read<T>,
    place: impl Fn(&T) -> P,
) -> PageIds
where
    F: Serialize + Clone,
    P: Serialize + Clone,
{
    let beside = |row: Option<&T>, back: bool| {
        let place = row.map(&place)?;
        let asked = Asked { place: Some(place), back, ..asked.clone() };
        Some(write(app, workspace, list, &asked))
    };
    PageIds {
        next: read.has_next.then(|| beside(read.rows.last(), false)).flatten(),
        previous: read.has_previous.then(|| beside(read.rows.first(), true)).flatten(),
    }
}

fn signed(workspace: WorkspaceId, list: &str, text: &str) -> String {
    format!("page:{workspace}:{list}:{text}")
}
