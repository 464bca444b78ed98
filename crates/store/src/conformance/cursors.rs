//! Cursors.

use super::world::World;
use crate::{Advance, Batch};
use tidings_model::Seq;

/// A cursor is where it was moved to furthest; readers have their own.
pub async fn a_cursor_never_moves_back(mut world: World) {
    assert_eq!(world.store.cursor(world.workspace, "react").await.expect("read"), None);
    for (to, at) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
        let cursors = vec![Advance { reader: "react".into(), to: Seq(to) }];
        world.store.commit(Batch { cursors, ..world.batch() }).await.expect("moved");
        assert_eq!(
            world.store.cursor(world.workspace, "react").await.expect("read"),
            Some(Seq(at))
        );
    }
    // Twice in one batch, backwards.
    let cursors = [12, 11].map(|to| Advance { reader: "react".into(), to: Seq(to) }).into();
    world.store.commit(Batch { cursors, ..world.batch() }).await.expect("moved");
    world.reopen().await;
    assert_eq!(world.store.cursor(world.workspace, "react").await.expect("read"), Some(Seq(12)));
    assert_eq!(world.store.cursor(world.workspace, "deliver").await.expect("read"), None);
    world.store.close().await;
}
