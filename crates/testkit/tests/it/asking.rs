//! Questions wait over restarts, handle what happens meanwhile, and leave the rest to behaviors; who writes instead of
//! filling in a form is asked for one thing after the other.

use std::time::Duration;

use serde_json::json;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

const PIZZERIA: &str = "
behaviors:
  - name: order
    on: chat.message
    when: event.text == 'pizza'
    do:
      - ask: Which size?
        input: {type: choice, of: [S, L]}
        into: session.size
        on: {no_match: {when: answer == 'why', do: [{say: As you like it.}], then: wait}}
      - form: Where do we bring it?
        fields:
          name: Your name
          extras: {text: With it?, input: {type: checkboxes, of: [Napkins, Cutlery]}}
        into: session.to
      - ask: How hungry?
        input: {type: slider, max: 10}
        timeout: {after: 10m, default: 5}
        # That the form was filled in is told while this waits, and is no answer to it.
        on: {chat.form_filled: {when: answer.kind == 'other', do: [{say: Another form.}]}}
      - say: '{{ session.size }} for {{ session.to.name }}, {{ session.to.extras | join(\"+\") }}, {{ answer }}.'
  - {name: hours, aside: true, on: chat.message, when: \"'open' in event.text\", do: [{say: From 11 to 23.}]}
  - {name: menu, on: chat.postback, when: event.value == 'menu', do: [{say: Margherita.}]}
  - {name: rest, on: chat.message, when: event.text != 'pizza', do: [{say: Hm.}]}
  - {name: filled, on: chat.form_filled, do: [{note: 'Filled in: {{ event.kind }}'}]}
";

#[tokio::test]
async fn a_question_has_what_is_its_own_and_nothing_else() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    let asked = &world.events_of("chat.rich_message").await[0]["data"];
    assert_eq!(asked["elements"][0]["buttons"][1]["value"], "L");
    assert_eq!(asked["input"]["kind"], "choice");
    alice.says(&world, "are you open?").await;
    alice.waits_for(&world, "bot From 11 to 23.").await;
    alice.says(&world, "why").await;
    alice.waits_for(&world, "bot As you like it.").await;

    let world = world.restart().await;
    alice.presses(&world, "menu").await;
    alice.waits_for(&world, "bot Margherita.").await;
    alice.says(&world, "2").await;
    world
        .until("the form is shown", async || {
            (world.events_of("chat.form").await.len() == 1).then_some(())
        })
        .await;
    alice.says(&world, "Alice").await;
    alice.waits_for(&world, "bot With it?\n1. Napkins\n2. Cutlery\n(several, as 1, 2)").await;

    let world = world.restart().await;
    alice.says(&world, "2, 1").await;
    alice.waits_for(&world, "bot How hungry?\n(a number from 0 to 10 without a fraction)").await;
    world.settle().await;
    world.turn(Duration::from_secs(600));
    alice.waits_for(&world, "bot L for Alice, Napkins+Cutlery, 5.").await;
    world.settle().await;
    let filled = world.events_of("chat.form_filled").await;
    assert_eq!((filled.len(), &filled[0]["author"]["kind"]), (1, &json!("customer")));
    let fields = &filled[0]["data"]["fields"];
    assert_eq!(
        fields[0],
        json!({ "type": "text", "label": "Your name", "answer": "Alice", "id": "name" })
    );
    assert_eq!(fields[1]["answers"][1]["label"], "Cutlery");
    let notes = world.events_of("note.added").await;
    assert_eq!(notes[0]["data"]["text"], "Filled in: form");
    assert!(!alice.reads(&world).await.contains(&"bot Hm.".to_owned()), "the rest heard nothing");
    world.finish().await;
}
