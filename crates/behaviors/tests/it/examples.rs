//! The example bots and the how-to: they load clean, and do what they say.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tidings_behaviors::simulate::trial;
use tidings_behaviors::{Bot, BotSource};

use crate::world::{Story, Words, load, on_message, told};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn example(name: &str) -> Bot {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("bots").join(name)).expect("the folder of a bot") {
        let path = entry.expect("an entry").path();
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        if file.ends_with(".yaml") {
            files.push((format!("bots/{name}/{file}"), fs::read_to_string(&path).expect("a text")));
        }
    }
    let source = BotSource { name: name.parse().expect("a name"), files };
    let (bot, warnings) = Bot::load(&source, &Words)
        .map_err(|problems| told(&problems))
        .expect("an example that loads");
    assert!(warnings.is_empty(), "{}", told(&warnings));
    bot
}

#[test]
fn the_pizzeria_takes_an_order() {
    let story = Story::with(example("pizzeria"))
        .event("chat.started", json!({ "channel_kind": "web" }))
        .event("chat.postback", json!({ "value": "order", "text": "Order a pizza" }))
        .alice("Alice")
        .alice("hawaii")
        .alice("funghi")
        .presses("Large", "large")
        .presses("yes", "yes")
        .presses("Margherita", "Margherita")
        .alice("small")
        .alice("no")
        .alice("1 Main Street")
        .presses("Yes, please", "yes");
    insta::assert_snapshot!(story.told(), @r#"
    * chat.started {"channel_kind":"web"}
      bot: Hello, this is the pizzeria. What can I do for you? [Order a pizza = order | Opening hours = hours | Talk to a person = person]
      session = {"welcomed":1795262400}
      (done)
    * chat.postback {"value":"order","text":"Order a pizza"}
      bot: With pleasure. What is your name?
      (waits for an answer)
    Alice: Alice
      bot: Which pizza? [Margherita | Funghi | Diavola]
      client = {"name":"Alice"}
      (waits for an answer)
    Alice: hawaii
      bot: We have no hawaii. Which of these? [Margherita | Funghi | Diavola]
      (waits for an answer)
    Alice: funghi
      bot: Which size? [Small = small | Large = large]
      (waits for an answer)
    Alice presses "Large" = "large"
      bot: large Funghi, noted. Another one? [yes | no]
      (waits for an answer)
    Alice presses "yes" = "yes"
      bot: Which pizza? [Margherita | Funghi | Diavola]
      (waits for an answer)
    Alice presses "Margherita" = "Margherita"
      bot: Which size? [Small = small | Large = large]
      (waits for an answer)
    Alice: small
      bot: small Margherita, noted. Another one? [yes | no]
      (waits for an answer)
    Alice: no
      bot: Where shall we bring it?
      session = {"welcomed":1795262400,"total":19.0}
      (waits for an answer)
    Alice: 1 Main Street
      bot: large Funghi: 11.50 €
    small Margherita: 7.50 €
    Together 19.00 €, to 1 Main Street. Is that right? [Yes, please = yes | No, stop = no]
      timer in 900 s
      client = {"name":"Alice","address":"1 Main Street"}
      (waits for an answer)
    Alice presses "Yes, please" = "yes"
      cancel timer
      label +["order"] -["wants a person"]
      chat.last_order = 19.0
      emit chat.custom {"kind":"order","content":{"name":"Alice","lines":[{"pizza":"Funghi","size":"large","price":11.5},{"pizza":"Margherita","size":"small","price":7.5}],"total":19.0}}
      note: Order 1 of Alice, 19.00 €, to 1 Main Street
      bot: Thank you, Alice. It is in the oven and with you in 40 minutes.
      client = {"name":"Alice","address":"1 Main Street","orders":1}
      (done)
    "#);
    let again = story.alice("One more PIZZA").alice("x").alice("y").alice("z");
    let told = again.told();
    insta::assert_snapshot!(told.split("One more PIZZA").nth(1).unwrap_or_default(), @"
      bot: Welcome back, Alice.
      bot: Which pizza? [Margherita | Funghi | Diavola]
      (waits for an answer)
    Alice: x
      bot: We have no x. Which of these? [Margherita | Funghi | Diavola]
      (waits for an answer)
    Alice: y
      bot: We have no y. Which of these? [Margherita | Funghi | Diavola]
      (waits for an answer)
    Alice: z
      bot: Let me get somebody who knows more pizzas.
      hand over to anyone: wants a pizza that the bot does not know
      (done)
    ");
}

#[test]
fn the_pizzeria_talks_of_other_things() {
    let story = Story::with(example("pizzeria"))
        .event("chat.started", json!({}))
        .alice("hi")
        .alice("what is love")
        .alice("When are you open?")
        .passes(2)
        .alice("what is love")
        .event("chat.location", json!({ "latitude": 52.5, "longitude": 13.4 }))
        .event("chat.sticker", json!({ "emoji": "😀" }))
        .event("chat.file", json!({ "files": [{ "url": "x", "media": "image" }] }))
        .passes(60)
        .alice("Hello")
        .alice("bye")
        .alice("A human, please");
    insta::assert_snapshot!(story.told(), @r#"
    * chat.started {}
      bot: Hello, this is the pizzeria. What can I do for you? [Order a pizza = order | Opening hours = hours | Talk to a person = person]
      session = {"welcomed":1795262400}
      (done)
    Alice: hi
      (nobody reacts)
    Alice: what is love
      (nobody reacts)
    Alice: When are you open?
      bot: We bake from 11:00 to 23:00, every day but Monday.
      (done)
    ... 2 s later
    Alice: what is love
      bot: I know about pizza, and about people who know the rest. [Order a pizza = order | Talk to a person = person]
      (done)
    * chat.location {"latitude":52.5,"longitude":13.4}
      bot: Thank you, we will find you there. Shall we bring a pizza? [Order a pizza = order]
      client = {"address":"52.5, 13.4"}
      (done)
    * chat.sticker {"emoji":"😀"}
      bot: 😀 to you, too!
      (done)
    * chat.file {"files":[{"url":"x","media":"image"}]}
      note: 1 file(s) came
      bot: That looks good. I cannot eat it, sadly. A person will have a look.
      label +["has files"] -[]
      (done)
    ... 60 s later
    Alice: Hello
      bot: Hello again! Hungry? [Order a pizza = order]
      (done)
    Alice: bye
      bot: Good-bye, until the next pizza.
      close: the customer said good-bye
      (done)
    Alice: A human, please
      label +["wants a person"] -[]
      bot: One moment, I will get somebody.
      hand over to anyone: asked for a person: A human, please
      (done)
    "#);
}

#[test]
fn the_tour_shows_every_step() {
    let story = Story::with(example("tour"))
        .event("chat.command", json!({ "command": "tour", "arguments": "", "text": "/tour" }))
        .alice("many")
        .alice("2")
        .later(5);
    insta::assert_snapshot!(story.told(), @r#"
    * chat.command {"command":"tour","arguments":"","text":"/tour"}
      bot: Welcome to the tour.
      bot: A step can show a picture, and buttons that lead somewhere. [The menu -> https://example.com/menu] <https://example.com/oven.png>
      bot: How many stops shall we make? [1 | 2 | 3]
      timer in 600 s
      (waits for an answer)
    Alice: many
      bot: many is no number. How many? [1 | 2 | 3]
      (waits for an answer)
    Alice: 2
      cancel timer
      bot: 2 it is.
      bot: You have seen the oven.
      bot: You have seen the cellar.
      note: We sell maps.
      note: We sell hats.
      chat.last_tour = "21.11.2026"
      timer in 5 s
      session = {}
      client = {"tours":1}
      (waits for a time)
    ... 5 s later
      label +["tourist"] -["new"]
      note: Alice was here, 1 time(s).
      emit chat.custom {"kind":"tour","content":{"tours":1}}
      bot: A guide may take over now.
      hand over to group guides: end of the tour
      give back
      bot: Good-bye.
      close: end of the tour
      (done)
    "#);
    let run = story.run.expect("a run");
    let mut words: Vec<&str> = run.trace.iter().map(|step| step.step.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    insta::assert_snapshot!(words.join(" "), @"ask call choose close emit give_back hand_over label note repeat say set wait when");
    let too_late =
        Story::with(example("tour")).event("chat.command", json!({ "command": "tour" })).later(600);
    insta::assert_snapshot!(too_late.told().lines().rev().take(2).collect::<Vec<_>>().join("\n"), @"
    (done)
    bot: The bus has left.
    ");
}

/// Every example of the how-to is one that loads: whole bots as they stand, steps within a behavior.
#[test]
fn the_how_to_tells_the_truth() {
    let page = fs::read_to_string(root().join("docs/how-to/write-a-bot.md")).expect("the page");
    let examples: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|part| part.split("```").next()).collect();
    assert!(examples.len() > 15, "the examples were found");
    for example in &examples {
        if example.starts_with("tests:") {
            let file = [("tests/example.yaml".to_owned(), (*example).to_owned())];
            assert!(trial::read(&file, &Words).is_ok(), "{example}");
            continue;
        }
        let text = if example.starts_with("bot:") {
            (*example).to_owned()
        } else {
            format!(
                "{}  - {{name: price, inputs: [size], do: [{{stop: x}}]}}\n",
                on_message(example)
            )
        };
        let problems = match load(&text) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        assert!(problems.is_empty(), "{example}\n{}", told(&problems));
    }
    let filters = page
        .split("Filters: ")
        .nth(1)
        .and_then(|rest| rest.split(".\n").next())
        .expect("the filters");
    for filter in filters.split("`, `").map(|filter| filter.trim_matches('`')) {
        let applied =
            on_message(&format!("- set: {{vars.x: \"{{{{ event.text | {filter} }}}}\"}}"));
        assert!(load(&applied).is_ok(), "{filter}");
    }
    for word in [
        "say",
        "ask",
        "form",
        "choose",
        "repeat",
        "set",
        "wait",
        "label",
        "note",
        "emit",
        "close",
        "hand_over",
        "give_back",
        "call",
        "http",
        "mail",
        "create",
        "update",
        "delete",
        "find",
        "notify",
        "assign",
        "move",
        "change",
        "refuse",
        "answer",
        "stop",
    ] {
        assert!(page.contains(&format!("**{word}**")), "{word}");
    }
}
