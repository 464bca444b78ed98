//! Bots are published, refused, and replaced while runs wait on them.

use serde_json::{Value, json};
use tidings_app::admin::bots::Published;
use tidings_app::admin::bots::versions::VERSIONS_KEPT_MAX;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Answer, World};

use crate::conversation::{PIZZERIA, run_of};

#[tokio::test]
async fn a_broken_text_keeps_the_old_version_and_is_told() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let live = world.get("/api/v1/bots").await.items()[0].clone();
    let broken = PIZZERIA.replace("say:", "sya:");
    for _ in 0..2 {
        let published = world.publish("pizzeria", &broken).await;
        assert!(matches!(published, Published::Refused { .. }), "{published:?}");
    }
    let refused = world.events_of("bot.refused").await;
    assert_eq!(refused.len(), 1, "the same text is refused once");
    let problem = &refused[0]["data"]["problems"][0];
    assert_eq!((&problem["file"], problem["line"].as_u64()), (&"bot.yaml".into(), Some(12)));
    let still = world.get("/api/v1/bots").await.items()[0].clone();
    assert_eq!(still["version"], live["version"]);
    assert_eq!(
        still["refused"].as_array().map(Vec::len),
        refused[0]["data"]["problems"].as_array().map(Vec::len)
    );

    let world = world.restart().await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    let again = world.publish("pizzeria", PIZZERIA).await;
    assert!(matches!(again, Published::Live { .. }), "the good text takes the refusal away");
    assert!(matches!(world.publish("pizzeria", PIZZERIA).await, Published::Unchanged { .. }));
    assert_eq!(
        world.get("/api/v1/bots").await.items()[0]["refused"].as_array().map(Vec::len),
        Some(0)
    );
    world.finish().await;
}

#[tokio::test]
async fn a_run_goes_on_with_the_version_that_it_began_with() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let channel = world.web_channel_of("pizzeria").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    alice.says(&world, "pizza").await;
    ben.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    ben.waits_for(&world, "bot Which size?").await;
    world.publish_good("pizzeria", &PIZZERIA.replace("One {{", "A new {{")).await;
    alice.says(&world, "S").await;
    alice.waits_for(&world, "bot One S pizza.").await;
    let before = run_of(&world, &alice).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    alice.says(&world, "L").await;
    alice.waits_for(&world, "bot A new L pizza.").await;
    assert_ne!(run_of(&world, &alice).await["bot_version"], before["bot_version"]);

    let world = world.restart().await;
    ben.says(&world, "L").await;
    ben.waits_for(&world, "bot One L pizza.").await;
    assert_eq!(run_of(&world, &ben).await["bot_version"], before["bot_version"]);
    assert_eq!(world.events_of("bot.published").await.len(), 2);
    world.finish().await;
}

/// A text with a comment, with Windows' line ends and without a last one.
const ONE: &str = "# Ours.\r\nbehaviors:\r\n  - {name: one, on: chat.message, from: customer, do: [{say: One.}]} # yes";

fn two() -> String {
    ONE.replace("One.", "Two.")
}

async fn publish(world: &World, bot: &str, text: &str, note: &str) -> Answer {
    let body = json!({ "files": { "bot.yaml": text }, "note": note });
    world.put(&format!("/api/v1/bots/{bot}"), &body).await
}

fn numbers(versions: &Answer) -> Vec<u64> {
    versions.items().iter().filter_map(|version| version["number"].as_u64()).collect()
}

#[tokio::test]
async fn each_publishing_is_a_version_that_can_be_read_compared_and_brought_back() {
    let world = World::start().await;
    let first = publish(&world, "ant", ONE, "the beginning").await;
    assert_eq!((first.status, &first.body["number"]), (200, &json!(1)), "{first:?}");
    let again = publish(&world, "ant", ONE, "the same").await;
    assert_eq!((&again.body["number"], &again.body["is_new"]), (&json!(1), &json!(false)));
    assert_eq!(publish(&world, "ant", &two(), "").await.body["number"], json!(2));
    // As the folder of bots names it.
    let body = json!({ "files": { "ant/bot.yaml": two() } });
    assert_eq!(world.put("/api/v1/bots/ant", &body).await.body["is_new"], json!(false));

    let read = world.get("/api/v1/bots/ant/versions/1").await;
    assert_eq!(read.body["files"], json!({ "ant/bot.yaml": ONE }), "byte for byte");
    assert_eq!(
        (&read.body["note"], &read.body["by"]["kind"]),
        (&"the beginning".into(), &"token".into())
    );
    let back = world.put("/api/v1/bots/ant", &json!({ "files": read.body["files"] })).await;
    assert_eq!((&back.body["number"], &back.body["version"]), (&json!(3), &first.body["version"]));
    let by_hash =
        format!("/api/v1/bots/ant/versions/{}", first.body["version"].as_str().expect("text"));
    assert_eq!(world.get(&by_hash).await.body["number"], json!(3), "the newest with this text");

    let diff = world.get("/api/v1/bots/ant/versions/1/diff/2").await;
    let files: Vec<_> = diff.body["files"].as_array().expect("files").iter().collect();
    assert_eq!((files.len(), &files[0]["change"]), (1, &json!("changed")));
    assert!(
        files[0]["diff"].as_str().is_some_and(|text| text.contains(
            "+  - {name: one, on: chat.message, from: customer, do: [{say: Two.}]} # yes"
        )),
        "{diff:?}"
    );
    assert_eq!(world.get("/api/v1/bots/ant/versions/1/diff/3").await.body["files"], json!([]));

    let rolled = world
        .post("/api/v1/bots/ant/versions/2/rollback", &json!({ "note": "Two was right" }))
        .await;
    assert_eq!((rolled.status, &rolled.body["number"]), (200, &json!(4)), "{rolled:?}");
    let alice = Visitor::comes(&world, world.web_channel_of("ant").await).await;
    alice.says(&world, "hello").await;
    alice.waits_for(&world, "bot Two.").await;

    let listed = world.get("/api/v1/bots/ant/versions?limit=3").await;
    assert_eq!(numbers(&listed), [4, 3, 2]);
    assert_eq!(listed.items()[0]["rolled_back_to"], json!(2));
    let cursor = listed.body["next"].as_str().expect("another page");
    let rest = world.get(&format!("/api/v1/bots/ant/versions?cursor={cursor}")).await;
    assert_eq!((numbers(&rest), &rest.body["next"]), (vec![1], &Value::Null));
    let told = world.events_of("bot.published").await;
    let told: Vec<_> = told.iter().map(|event| &event["data"]).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!((&told[3]["number"], &told[3]["note"]), (&json!(4), &json!("Two was right")));
    assert_eq!((&told[3]["by"]["kind"], &told[3]["rolled_back_to"]), (&json!("token"), &json!(2)));
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_publishing_is_told() {
    let world = World::start().await;
    let wrong = async |body: Value| {
        let answer = world.put("/api/v1/bots/ant", &body).await;
        (answer.status, answer.code().to_owned(), answer.pointer().to_owned())
    };
    let refused = |code: &str, pointer: &str| (422, code.to_owned(), pointer.to_owned());
    assert_eq!(wrong(json!({ "files": {} })).await, refused("invalid_field", "/files"));
    assert_eq!(
        wrong(json!({ "files": { "bee/bot.yaml": ONE } })).await,
        refused("invalid_field", "/files/bee~1bot.yaml")
    );
    assert_eq!(
        wrong(json!({ "files": { "bot.yaml": ONE.replace("say", "sya") } })).await,
        refused("bot_refused", "/files/ant~1bot.yaml")
    );
    let note = "n".repeat(1_001);
    assert_eq!(
        wrong(json!({ "files": { "bot.yaml": ONE }, "note": note })).await,
        refused("invalid_field", "/note")
    );
    assert_eq!(world.get("/api/v1/bots").await.items().len(), 0, "nothing of it was kept");
    assert_eq!(world.events_of("bot.refused").await.len(), 0, "who asked was told");
    for path in ["versions/1", "versions/one", "versions/1/diff/2"] {
        assert_eq!(world.get(&format!("/api/v1/bots/ant/{path}")).await.code(), "not_found");
    }
    let back = world.post("/api/v1/bots/ant/versions/1/rollback", &json!({})).await;
    assert_eq!(back.code(), "not_found");
    world.finish().await;
}

#[tokio::test]
async fn a_folder_speaks_when_it_says_something_new() {
    let world = World::start().await;
    world.publish_good("ant", ONE).await;
    world.publish_good("ant", &two()).await;
    let back = world.post("/api/v1/bots/ant/versions/1/rollback", &json!({})).await;
    assert_eq!(back.body["number"], json!(3), "{back:?}");
    let folder = async |world: &World| {
        let bots = world.get("/api/v1/bots").await;
        (bots.items()[0]["number"].clone(), bots.items()[0]["folder"]["is_live"].clone())
    };
    // As at each start.
    let world = world.restart().await;
    let published = world.publish("ant", &two()).await;
    assert!(matches!(published, Published::Overruled { number: 3 }), "{published:?}");
    assert_eq!(folder(&world).await, (json!(3), json!(false)));
    let alice = Visitor::comes(&world, world.web_channel_of("ant").await).await;
    alice.says(&world, "hello").await;
    alice.waits_for(&world, "bot One.").await;
    // The text that is live is written into the folder, then another one.
    assert!(matches!(world.publish("ant", ONE).await, Published::Unchanged { number: 3 }));
    assert_eq!(folder(&world).await, (json!(3), json!(true)));
    world.publish_good("ant", &two()).await;
    assert_eq!(folder(&world).await, (json!(4), json!(true)));
    world.finish().await;
}

#[tokio::test]
async fn the_oldest_versions_go_with_their_texts() {
    let world = World::start().await;
    // The first text comes again, the second does not.
    world.publish_good("ant", ONE).await;
    for number in 2..=VERSIONS_KEPT_MAX {
        let text = if number == 3 { ONE.to_owned() } else { format!("{ONE} {number}") };
        world.publish_good("ant", &text).await;
    }
    let second = world.get("/api/v1/bots/ant/versions/2").await.body["version"].clone();
    for (number, is_there) in [(1, [404, 200, 200]), (2, [404, 404, 200])] {
        world.publish_good("ant", &format!("{ONE} more {number}")).await;
        for (older, status) in (1..).zip(is_there) {
            let read = world.get(&format!("/api/v1/bots/ant/versions/{older}")).await;
            assert_eq!(read.status, status, "{older} after {number} more: {read:?}");
        }
    }
    let tried = json!({ "bot": "ant", "version": second, "events": [{ "type": "chat.message" }] });
    assert_eq!(world.post("/api/v1/simulations", &tried).await.code(), "not_found");
    assert_eq!(
        world.get("/api/v1/bots/ant/versions/3").await.body["files"]["bot.yaml"],
        json!(ONE)
    );
    world.finish().await;
}
