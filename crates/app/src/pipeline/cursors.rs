//! The cursors of the readers: one for a whole workspace where a node is alone, one for each share where nodes divide the
//! work.
//!
//! Both kinds say "all up to here is done", of all lanes or of a share's. So whoever begins goes by all that were
//! written: a store that moved from one node to many, or back, goes on where it was.

use tidings_model::{Seq, WorkspaceId};
use tidings_store::{ReadError, Share, Store};

use super::hands::Place;

/// The name of a reader's cursor.
pub(crate) fn name(reader: &str, place: Place) -> String {
    match place {
        Place::Whole => reader.into(),
        Place::Share(share) => format!("{reader}#{share}"),
    }
}

/// Up to where a reader has done all of a place.
pub(crate) async fn done_up_to(
    store: &dyn Store,
    workspace: WorkspaceId,
    reader: &str,
    place: Place,
) -> Result<Seq, ReadError> {
    let whole = store.cursor(workspace, reader).await?.unwrap_or(Seq::START);
    let of_share = async |share| {
        let name = name(reader, Place::Share(share));
        Ok::<_, ReadError>(store.cursor(workspace, &name).await?.unwrap_or(Seq::START))
    };
    match place {
        Place::Share(share) => Ok(whole.max(of_share(share).await?)),
        Place::Whole => {
            let mut least = None;
            for share in Share::all() {
                let done = of_share(share).await?;
                if done <= whole {
                    return Ok(whole);
                }
                least = Some(least.map_or(done, |least: Seq| least.min(done)));
            }
            Ok(whole.max(least.unwrap_or(Seq::START)))
        }
    }
}

/// Up to where a reader has done all, whoever does it.
pub async fn least(
    store: &dyn Store,
    workspace: WorkspaceId,
    reader: &str,
) -> Result<Seq, ReadError> {
    done_up_to(store, workspace, reader, Place::Whole).await
}
