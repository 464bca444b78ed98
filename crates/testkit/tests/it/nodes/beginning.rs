//! Each node does at its start what makes an installation: of all of them it is done once.

use std::sync::Arc;

use futures_util::future::join_all;
use tidings_app::admin::bots::{self, Published};
use tidings_app::admin::{channels, tokens, workspaces};
use tidings_behaviors::BotSource;
use tidings_model::{ChannelKind, Clock, WorkspaceId};
use tidings_store::EventQuery;
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;

/// Each node does at its start what makes an installation: of all of them it is done once.
#[tokio::test]
async fn nodes_that_start_at_once_begin_once() {
    let nodes = Nodes::start(3, Trouble::default()).await;
    let id = WorkspaceId::new(nodes.at(0).clock.next_id());
    let text = "bot: pizzeria\nbehaviors:\n  - name: hello\n    on: chat.started\n    do:\n      - say: Hello!\n";
    let begun = join_all(nodes.all().iter().map(async |world| {
        let app = Arc::clone(&world.app);
        workspaces::create_as(&app, id, "main").await.expect("it is there");
        let token = tokens::create_first(&app, id, None).await.expect("somebody has one");
        channels::ensure_web(&app, id).await.expect("there is one");
        let files = vec![("pizzeria/hello.yaml".into(), text.into())];
        let source = BotSource { name: "pizzeria".parse().expect("a good name"), files };
        let published = bots::publish(&app, id, source).await.expect("it was looked at");
        assert!(!matches!(published, Published::Refused { .. }), "{published:?}");
        token
    }));
    let begun = begun.await;
    assert_eq!(begun.iter().flatten().count(), 1, "one node shows the first token: {begun:?}");
    for world in nodes.all() {
        let listed = tokens::list(&world.app, id).await.expect("listed");
        assert_eq!(listed.len(), 1);
        let directory = world.app.directory(id).expect("it is open");
        let web = directory.channels();
        let web = web.iter().filter(|channel| channel.kind == ChannelKind::Web);
        assert_eq!(web.count(), 1);
        assert_eq!(directory.bots().bots().len(), 1, "each node runs the bot");
    }
    let published = EventQuery {
        limit: 10,
        types: vec!["bot.published".parse().expect("a good name")],
        ..EventQuery::default()
    };
    let published = nodes.at(0).app.store().events(id, published).await.expect("read");
    assert_eq!(published.len(), 1);
    nodes.finish().await;
}
