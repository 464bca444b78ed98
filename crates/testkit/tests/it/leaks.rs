//! Whatever is said, in whatever order: what a behavior keeps is seen by its own run, its bot's session by that bot in that
//! chat, what it knows of a customer by that bot of that customer, and a chat's variables in that chat. Nothing of it is seen
//! by another bot, chat or workspace.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};
use tidings_app::admin::tokens::{self, Right};
use tidings_app::admin::{bots, workspaces};
use tidings_behaviors::BotSource;
use tidings_model::{ChannelId, WorkspaceId};
use tidings_store::EventQuery;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};

/// How many stories are told: each needs a server of its own.
const STORIES: u32 = 6;

const BOTS: [&str; 2] = ["ant", "bee"];
const BEHAVIORS: [&str; 2] = ["left", "right"];

/// Who writes, and which behavior of each bot hears it.
#[derive(Clone, Copy, Debug)]
struct Said {
    workspace: usize,
    visitor: usize,
    behavior: usize,
}

/// Each behavior tells all that it sees, then keeps a secret wherever it can, and calls one that tells what it sees.
fn text(bot: &str) -> String {
    let mut text = "behaviors:\n".to_owned();
    for name in BEHAVIORS {
        text.push_str(&format!(
            r#"
  - name: {name}
    on: chat.message
    from: customer
    when: event.text is startingwith('{name}')
    do:
      - note: "{{{{ {{'behavior': '{name}', 'session': session, 'client': client, 'vars': vars, 'shared': chat.{bot}_{name}}} | json }}}}"
      - set:
          session.{name}: "{bot} {{{{ event.text }}}}"
          client.{name}: "{bot} {{{{ event.text }}}}"
          vars.{name}: "{bot} {{{{ event.text }}}}"
          chat.{bot}_{name}: "{bot} {{{{ event.text }}}}"
      - call: inner
        with: {{given: "{name}"}}
"#
        ));
    }
    text.push_str(
        r#"
  - name: inner
    inputs: [given]
    do: [{note: "{{ {'behavior': 'inner', 'vars': vars} | json }}"}]
"#,
    );
    text
}

/// What is kept, by workspace, visitor and bot: by the name of the behavior, as session and client have it.
type Model = BTreeMap<(usize, usize, usize), Map<String, Value>>;

struct Tenant {
    id: WorkspaceId,
    visitors: Vec<Visitor>,
}

/// A workspace with both bots, and two customers in a chat each.
async fn opens(world: &World, id: WorkspaceId) -> Tenant {
    for bot in BOTS {
        let name = bot.parse().expect("a good name");
        let source = BotSource { name, files: vec![("bot.yaml".into(), text(bot))] };
        let published = bots::publish(&world.app, id, source).await.expect("the store takes it");
        assert!(matches!(published, bots::Published::Live { .. }), "{published:?}");
    }
    let all = [Right::Read, Right::Write, Right::Admin].into();
    let (_, token) = tokens::create(&world.app, id, "all", all, None).await.expect("a token");
    let channel = json!({ "kind": "web", "name": "Chat page" });
    let call = world.anonymous(http::Method::POST, "/api/v1/channels").bearer_auth(&token);
    let made = answer(call.json(&channel)).await;
    let channel: ChannelId =
        made.body["id"].as_str().and_then(|id| id.parse().ok()).expect("it was made");
    let visitors = vec![Visitor::comes(world, channel).await, Visitor::comes(world, channel).await];
    Tenant { id, visitors }
}

/// What was noted in a workspace: by which bot in which chat, and what it saw.
async fn noted(world: &World, id: WorkspaceId) -> Vec<(String, String, Value)> {
    let types = vec!["note.added".parse().expect("a good name")];
    let query = EventQuery { limit: 1_000, types, ..EventQuery::default() };
    let events = world.app.store().events(id, query).await.expect("they can be read");
    let seen = |text: &str| serde_json::from_str(text).expect("notes are JSON");
    let one = |event: &tidings_model::Event| {
        let chat = event.chat.map(|chat| chat.to_string()).unwrap_or_default();
        (event.author.id.clone(), chat, seen(event.data["text"].as_str().unwrap_or_default()))
    };
    events.iter().map(|event| one(event)).collect()
}

async fn tell(story: &[Said]) -> Result<(), TestCaseError> {
    let world = World::start().await;
    let second =
        workspaces::create(&world.app, "second").await.expect("it can be made").workspace();
    // Its readers begin with the server.
    let world = world.restart().await;
    let tenants = [opens(&world, world.workspace).await, opens(&world, second).await];
    let mut model = Model::new();
    let mut notes = [0, 0];
    for (number, said) in story.iter().enumerate() {
        let tenant = &tenants[said.workspace];
        let visitor = &tenant.visitors[said.visitor];
        let name = BEHAVIORS[said.behavior];
        let secret = format!("{name} {} {} {number}", said.workspace, said.visitor);
        visitor.says(&world, &secret).await;
        // Two bots, each with its own note and that of what it called.
        notes[said.workspace] += 4;
        let wanted = notes[said.workspace];
        let all = world
            .until("the notes", async || {
                let all = noted(&world, tenant.id).await;
                (all.len() >= wanted).then_some(all)
            })
            .await;
        let chat = visitor.chat(&world).await;
        let new = &all[wanted - 4..];
        prop_assert!(new.iter().all(|(_, noted, _)| *noted == chat), "{:?}", new);
        for (place, bot) in BOTS.iter().enumerate() {
            let kept = model.entry((said.workspace, said.visitor, place)).or_default();
            let before = Value::Object(kept.clone());
            let shared = kept.get(name).cloned().unwrap_or_default();
            let sees: Vec<&Value> =
                new.iter().filter(|(by, ..)| by == bot).map(|(.., seen)| seen).collect();
            prop_assert_eq!(sees.len(), 2, "{:?}", new);
            prop_assert_eq!(
                sees[0],
                &json!({ "behavior": name, "session": before, "client": before, "vars": {}, "shared": shared })
            );
            prop_assert_eq!(sees[1], &json!({ "behavior": "inner", "vars": { "given": name } }));
            kept.insert(name.to_owned(), format!("{bot} {secret}").into());
        }
    }
    world.stop().await;
    Ok(())
}

fn said() -> impl Strategy<Value = Said> {
    (0..2_usize, 0..2_usize, 0..2_usize).prop_map(|(workspace, visitor, behavior)| Said {
        workspace,
        visitor,
        behavior,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: STORIES, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn nobody_sees_what_another_keeps(story in prop::collection::vec(said(), 4..14)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(tell(&story))?;
    }
}
