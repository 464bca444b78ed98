//! The kinds of answers that a question may want: what is right, as what it is kept, and what is said about the rest.

use serde_json::{Value, json};

use crate::world::{Story, load, on_message, told};

fn asking(input: &str) -> Story {
    Story::of(&on_message(&format!("- ask: '?'\n  input: {input}\n  into: session.x\n")))
        .alice("hi")
}

/// What became of one answer: as what it was kept, or what the bot said.
fn outcome(story: &Story) -> String {
    story
        .told()
        .lines()
        .map(str::trim)
        .rfind(|line| line.starts_with("session") || line.starts_with("bot:"))
        .unwrap_or_default()
        .to_owned()
}

/// The same for each of several answers.
fn outcomes(input: &str, answers: &[&str]) -> String {
    let lines = answers
        .iter()
        .map(|answer| format!("{answer:?} -> {}", outcome(&asking(input).alice(answer))));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn one_of_several_is_chosen_by_name_value_or_number() {
    let choice = "{type: choice, of: [Small, {text: Large, value: L}, Salt and pepper]}";
    insta::assert_snapshot!(outcomes(choice, &["small", "l", " LARGE ", "2", "3.", "4", "0", "huge"]), @r#"
    "small" -> session = {"x":"Small"}
    "l" -> session = {"x":"L"}
    " LARGE " -> session = {"x":"L"}
    "2" -> session = {"x":"L"}
    "3." -> session = {"x":"Salt and pepper"}
    "4" -> bot: Please choose one of these: Small, Large, Salt and pepper. [Small | Large = L | Salt and pepper]
    "0" -> bot: Please choose one of these: Small, Large, Salt and pepper. [Small | Large = L | Salt and pepper]
    "huge" -> bot: Please choose one of these: Small, Large, Salt and pepper. [Small | Large = L | Salt and pepper]
    "#);
    insta::assert_snapshot!(asking(choice).presses("Large", "L").told(), @r#"
    Alice: hi
      bot: ? [Small | Large = L | Salt and pepper]
      (waits for an answer)
    Alice presses "Large" = "L"
      session = {"x":"L"}
      (done)
    "#);
    // Where a choice is a number, a number is that choice.
    insta::assert_snapshot!(outcomes("{type: choice, of: [1, 2, 5]}", &["5", "3"]), @r#"
    "5" -> session = {"x":"5"}
    "3" -> bot: Please choose one of these: 1, 2, 5. [1 | 2 | 5]
    "#);
    insta::assert_snapshot!(outcomes("{type: choice, of: \"{{ ['a', {'text': 'B', 'value': 'b'}] }}\"}", &["b", "1"]), @r#"
    "b" -> session = {"x":"b"}
    "1" -> session = {"x":"a"}
    "#);
}

#[test]
fn several_are_chosen_by_names_and_numbers() {
    let boxes =
        "{type: checkboxes, of: [Olives, Capers, {text: Salt and pepper, value: sp}, Basil]}";
    let answers = [
        "1, 3",
        "1 3",
        "capers and Olives",
        "salt and pepper",
        "Basil, salt and pepper",
        "olives; 4\n2",
        "olives, tuna",
        "5",
        "none",
        "",
    ];
    insta::assert_snapshot!(outcomes(boxes, &answers), @r#"
    "1, 3" -> session = {"x":["Olives","sp"]}
    "1 3" -> session = {"x":["Olives","sp"]}
    "capers and Olives" -> session = {"x":["Olives","Capers"]}
    "salt and pepper" -> session = {"x":["sp"]}
    "Basil, salt and pepper" -> session = {"x":["sp","Basil"]}
    "olives; 4\n2" -> session = {"x":["Olives","Capers","Basil"]}
    "olives, tuna" -> bot: Please choose 1 to 4 of these: Olives, Capers, Salt and pepper, Basil.
    "5" -> bot: Please choose 1 to 4 of these: Olives, Capers, Salt and pepper, Basil.
    "none" -> bot: Please choose 1 to 4 of these: Olives, Capers, Salt and pepper, Basil.
    "" -> bot: Please answer with a text.
    "#);
    let two = "{type: checkboxes, of: [Olives, Capers, Basil], min: 0, max: 2}";
    insta::assert_snapshot!(outcomes(two, &["none", "1,2", "1,2,3", "2,2"]), @r#"
    "none" -> session = {"x":[]}
    "1,2" -> session = {"x":["Olives","Capers"]}
    "1,2,3" -> bot: Please choose up to 2 of these: Olives, Capers, Basil.
    "2,2" -> session = {"x":["Capers"]}
    "#);
    insta::assert_snapshot!(asking(two).told(), @r#"
    Alice: hi
      bot: ?
        wants {"kind":"checkboxes","choices":[{"text":"Olives","value":"Olives"},{"text":"Capers","value":"Capers"},{"text":"Basil","value":"Basil"}],"min":0,"max":2}
      (waits for an answer)
    "#);
}

#[test]
fn numbers_have_bounds() {
    insta::assert_snapshot!(outcomes("{type: number, min: 1, max: 20, step: 1}", &["7", "0", "20", "2,5", "many"]), @r#"
    "7" -> session = {"x":7}
    "0" -> bot: Please answer with a number from 1 to 20 without a fraction.
    "20" -> session = {"x":20}
    "2,5" -> bot: Please answer with a number from 1 to 20 without a fraction.
    "many" -> bot: Please answer with a number from 1 to 20 without a fraction.
    "#);
    insta::assert_snapshot!(outcomes("{type: number, max: 2.5}", &["-3", "2.6"]), @r#"
    "-3" -> session = {"x":-3}
    "2.6" -> bot: Please answer with a number of at most 2.5.
    "#);
    insta::assert_snapshot!(outcomes("{type: number, min: \"{{ 2 + 2 }}\"}", &["4", "3"]), @r#"
    "4" -> session = {"x":4}
    "3" -> bot: Please answer with a number of at least 4.
    "#);
    insta::assert_snapshot!(outcomes("{type: slider, max: 1, step: 0.1}", &["0.3", "0.25", "1", "1.1"]), @r#"
    "0.3" -> session = {"x":0.3}
    "0.25" -> bot: Please answer with a number from 0 to 1 in steps of 0.1.
    "1" -> session = {"x":1}
    "1.1" -> bot: Please answer with a number from 0 to 1 in steps of 0.1.
    "#);
    insta::assert_snapshot!(outcomes("rating", &["4", "5/5", "4/10", "★★★", "0", "6", "good"]), @r#"
    "4" -> session = {"x":4}
    "5/5" -> session = {"x":5}
    "4/10" -> bot: Please answer with a number from 1 to 5. [1 | 2 | 3 | 4 | 5]
    "★★★" -> session = {"x":3}
    "0" -> bot: Please answer with a number from 1 to 5. [1 | 2 | 3 | 4 | 5]
    "6" -> bot: Please answer with a number from 1 to 5. [1 | 2 | 3 | 4 | 5]
    "good" -> bot: Please answer with a number from 1 to 5. [1 | 2 | 3 | 4 | 5]
    "#);
    insta::assert_snapshot!(asking("{type: rating, max: 3}").presses("3", "3").told(), @r#"
    Alice: hi
      bot: ? [1 | 2 | 3]
        wants {"kind":"rating","max":3}
      (waits for an answer)
    Alice presses "3" = "3"
      session = {"x":3}
      (done)
    "#);
}

#[test]
fn days_have_bounds_and_calendars_two_ends() {
    let days = "{type: date, from: today, until: 30 days}";
    insta::assert_snapshot!(outcomes(days, &["2026-11-21", "20.11.2026", "21.12.2026", "2026-12-22", "soon"]), @r#"
    "2026-11-21" -> session = {"x":"2026-11-21"}
    "20.11.2026" -> bot: Please answer with a date from 2026-11-21 to 2026-12-21, as 2026-11-21.
    "21.12.2026" -> session = {"x":"2026-12-21"}
    "2026-12-22" -> bot: Please answer with a date from 2026-11-21 to 2026-12-21, as 2026-11-21.
    "soon" -> bot: Please answer with a date from 2026-11-21 to 2026-12-21, as 2026-11-21.
    "#);
    insta::assert_snapshot!(asking("{type: date, from: tomorrow, zone: Pacific/Auckland}").told(), @r#"
    Alice: hi
      bot: ?
        wants {"kind":"date","from":"2026-11-23"}
      (waits for an answer)
    "#);
    let stay = "{type: calendar, from: 2026-11-01, range: true}";
    insta::assert_snapshot!(outcomes(stay, &["2026-11-21 to 24.11.2026", "2026-11-21–2026-11-24", "2026-11-24 2026-11-21", "2026-11-21"]), @r#"
    "2026-11-21 to 24.11.2026" -> session = {"x":{"from":"2026-11-21","until":"2026-11-24"}}
    "2026-11-21–2026-11-24" -> session = {"x":{"from":"2026-11-21","until":"2026-11-24"}}
    "2026-11-24 2026-11-21" -> bot: Please answer with two dates from 2026-11-01 on, as 2026-11-21 to 2026-11-24.
    "2026-11-21" -> bot: Please answer with two dates from 2026-11-01 on, as 2026-11-21 to 2026-11-24.
    "#);
}

#[test]
fn an_appointment_is_one_of_the_times_that_are_not_over() {
    let times = "{type: appointment, of: [2026-11-21T12:00, 2026-11-24T18:00, {text: Late, value: \"2026-11-24T20:00:00Z\"}], minutes: 30, zone: Europe/Berlin}";
    insta::assert_snapshot!(asking(times).told(), @r#"
    Alice: hi
      bot: ? [2026-11-24 18:00 = 2026-11-24T17:00:00Z | Late = 2026-11-24T20:00:00Z]
        wants {"kind":"appointment","choices":[{"text":"2026-11-24 18:00","value":"2026-11-24T17:00:00Z"},{"text":"Late","value":"2026-11-24T20:00:00Z"}],"minutes":30}
      (waits for an answer)
    "#);
    insta::assert_snapshot!(outcomes(times, &["1", "2026-11-24 18:00", "late", "3"]), @r#"
    "1" -> session = {"x":"2026-11-24T17:00:00Z"}
    "2026-11-24 18:00" -> session = {"x":"2026-11-24T17:00:00Z"}
    "late" -> session = {"x":"2026-11-24T20:00:00Z"}
    "3" -> bot: Please choose one of the times. [2026-11-24 18:00 = 2026-11-24T17:00:00Z | Late = 2026-11-24T20:00:00Z]
    "#);
    let over = on_message(
        "- ask: When?\n  input: {type: appointment, of: [2026-11-20T12:00]}\n  give_up: {do: [{say: We are full.}]}\n",
    );
    insta::assert_snapshot!(Story::of(&over).alice("hi").told(), @"
    Alice: hi
      bot: We are full.
      (done)
    ");
    let none = on_message("- ask: Which?\n  input: {type: choice, of: \"{{ [] }}\"}\n- say: never");
    insta::assert_snapshot!(Story::of(&none).alice("hi").told(), @"
    Alice: hi
      bot: Sorry, there is nothing to choose from right now.
      (stopped: Asked: bot.yaml:5: there is nothing to choose from)
    ");
}

#[test]
fn files_places_and_contacts_come_as_they_are_sent() {
    let photo = json!({ "url": "/files/1", "name": "a.JPG", "content_type": "image/jpeg", "size": 2_000_000, "media": "image" });
    let letter = json!({ "url": "/files/2", "name": "a.pdf", "content_type": "application/pdf", "size": 1_000, "media": "document" });
    let files = |files: &[&Value]| json!({ "files": files });
    let wants = "{type: file, accept: [image, .PDF], size: 1 MB}";
    let sent = |input: &str, name: &str, data: Value| outcome(&asking(input).sends(name, data));
    insta::assert_snapshot!([
        sent(wants, "chat.file", files(&[&letter])),
        sent(wants, "chat.file", files(&[&photo])),
        sent(wants, "chat.file", files(&[&letter, &letter])),
        sent(wants, "chat.file_too_big", json!({ "files": [], "limit": 1 })),
        sent("{type: file, accept: image, count: 3}", "chat.file", files(&[&photo, &photo])),
        sent("{type: file, accept: image}", "chat.file", files(&[&letter])),
        sent("location", "chat.location", json!({ "latitude": 52.5, "longitude": 13.4 })),
        sent("contact", "chat.contact", json!({ "phone_number": "+4930123456", "first_name": "Alice" })),
        sent("phone", "chat.contact", json!({ "phone_number": "+49 30 123456" })),
    ].join("\n"), @r#"
    session = {"x":{"url":"/files/2","name":"a.pdf","content_type":"application/pdf","size":1000,"media":"document"}}
    bot: Please send a file (image, pdf) of at most 1 MB.
    bot: Please send a file (image, pdf) of at most 1 MB.
    bot: Please send a file (image, pdf) of at most 1 MB.
    session = {"x":[{"url":"/files/1","name":"a.JPG","content_type":"image/jpeg","size":2000000,"media":"image"},{"url":"/files/1","name":"a.JPG","content_type":"image/jpeg","size":2000000,"media":"image"}]}
    bot: Please send a file (image).
    session = {"x":{"latitude":52.5,"longitude":13.4}}
    session = {"x":{"phone_number":"+4930123456","first_name":"Alice"}}
    session = {"x":"+4930123456"}
    "#);
    insta::assert_snapshot!(outcomes("location", &["52.5, 13.4", "95, 13", "here"]), @r#"
    "52.5, 13.4" -> session = {"x":{"latitude":52.5,"longitude":13.4}}
    "95, 13" -> bot: Please send a place.
    "here" -> bot: Please send a place.
    "#);
    insta::assert_snapshot!(outcomes("contact", &["+49 30 123456", "Bob"]), @r#"
    "+49 30 123456" -> session = {"x":{"phone_number":"+4930123456"}}
    "Bob" -> bot: Please send a contact, or a telephone number.
    "#);
    insta::assert_snapshot!(outcomes(wants, &["here it is"]), @r#""here it is" -> bot: Please send a file (image, pdf) of at most 1 MB."#);
    // What the question does not want is for behaviors.
    let other = asking("location").sends("chat.sticker", json!({ "emoji": "🍕" }));
    assert!(other.told().ends_with("(nobody reacts)"), "{}", other.told());
}

#[test]
fn what_is_filled_into_a_form_of_the_channel_is_an_answer() {
    let filled = |answer: Value| json!({ "kind": "slider", "fields": [{ "type": "slider", "label": "?", "answer": answer }] });
    let sent = |input: &str, data: Value| outcome(&asking(input).sends("chat.form_filled", data));
    insta::assert_snapshot!([
        sent("slider", filled(json!(30))),
        sent("slider", filled(json!(300))),
        sent("{type: choice, of: [S, L]}", filled(json!({ "id": "1", "label": "L" }))),
        sent("{type: checkboxes, of: [S, L]}", json!({ "kind": "form", "fields": [{ "type": "checkbox", "label": "?", "answers": [{ "label": "S" }, { "label": "L" }] }] })),
        sent("email", filled(json!(null))),
    ].join("\n"), @r#"
    session = {"x":30}
    bot: Please answer with a number from 0 to 100 without a fraction.
    session = {"x":"L"}
    session = {"x":["S","L"]}
    bot: Please answer with a mail address.
    "#);
}

#[test]
fn who_confirms_repeats_the_words() {
    insta::assert_snapshot!(outcomes("{type: confirmation, phrase: \"Delete {{ customer.name }}\"}", &["delete  alice", "yes"]), @r#"
    "delete  alice" -> session = {"x":true}
    "yes" -> bot: Please write exactly this: Delete Alice
    "#);
    insta::assert_snapshot!(asking("confirmation").alice("8").alice("0007").told(), @r#"
    Alice: hi
      bot: ?
    Please write 0007.
        wants {"kind":"confirmation","phrase":"0007"}
      (waits for an answer)
    Alice: 8
      bot: Please write exactly this: 0007
        wants {"kind":"confirmation","phrase":"0007"}
      (waits for an answer)
    Alice: 0007
      session = {"x":true}
      (done)
    "#);
}

#[test]
fn a_condition_may_stand_beside_an_input() {
    let bot = on_message(
        "
- ask: How many?
  input: {type: number, min: 1}
  validate: answer != 13
  retry: Not so many.
  into: session.count
",
    );
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("13").alice("12").told(), @r#"
    Alice: hi
      bot: How many?
        wants {"kind":"number","min":1}
      (waits for an answer)
    Alice: 13
      bot: Not so many.
        wants {"kind":"number","min":1}
      (waits for an answer)
    Alice: 12
      session = {"count":12}
      (done)
    "#);
}

#[test]
fn a_wrong_input_is_told_where_it_stands() {
    let wrong = on_message(
        "
- ask: x
  input: rate
- ask: x
  input: {type: choice}
- ask: x
  input: {type: choice, of: []}
- ask: x
  input: {type: slider, min: 5, max: 1}
- ask: x
  input: {type: number, min: many, most: 3}
- ask: x
  input: {type: file, size: big, count: 11}
- ask: x
  input: {type: date, from: soon, zone: Mars}
- ask: x
  input: {type: email}
  validate: email
- ask: x
  input: {of: [1]}
- ask: x
  input: {type: images, of: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
- ask: x
  input: {type: calendar, range: often}
- ask: x
  input: {type: number, step: 0}
- ask: x
  input: buttons
- ask: x
  input: {type: file, count: 11}
",
    );
    let problems = load(&wrong).expect_err("a bot that is wrong");
    insta::assert_snapshot!(told(&problems), @r#"
    bot.yaml:7:16: error[unknown_input]: there is no input "rate"; there are text, number, email, phone, date, calendar, buttons, choice, checkboxes, rating, slider, images, file, location, contact, confirmation, appointment (did you mean "date"?)
    bot.yaml:9:16: error[missing_key]: the input choice needs the key `of`
    bot.yaml:11:35: error[wrong_count]: `of` has 1 to 50 things to choose from
    bot.yaml:13:44: error[wrong_range]: `max` (1) is less than `min` (5)
    bot.yaml:15:36: error[wrong_kind]: `min` is a number, not a text
    bot.yaml:15:42: error[unknown_key]: the input number has no key "most"; it knows type, min, max, step
    bot.yaml:17:35: error[wrong_size]: `size` is as 5 MB or 300 kB, not "big"
    bot.yaml:19:35: error[wrong_date]: "soon" is no day: write today, 30 days, or a date as 2026-11-21
    bot.yaml:21:16: error[two_kinds]: `input` says already what kind of answer is wanted; `validate` beside it is a condition
    bot.yaml:24:16: error[missing_key]: `input` needs the key `type`
    bot.yaml:26:35: error[wrong_count]: `of` has 1 to 9 things to choose from
    bot.yaml:28:40: error[wrong_kind]: `range` is true or false, not a text
    bot.yaml:30:37: error[wrong_range]: `step` is more than nothing
    bot.yaml:32:16: error[missing_key]: `validate: buttons` needs `buttons`
    bot.yaml:34:36: error[wrong_kind]: `count` is a number from 1 to 10
    "#);
}
