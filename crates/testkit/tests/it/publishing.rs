//! Bots are published, refused, and replaced while runs wait on them.

use tidings_app::admin::bots::Published;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

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
    assert!(matches!(world.publish("pizzeria", PIZZERIA).await, Published::Unchanged));
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
