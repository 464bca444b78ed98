//! A question on channels that show less and less of it.

use tidings_behaviors::Say;
use tidings_behaviors::wanted::nearest;
use tidings_model::Shows;

use crate::world::{Story, on_message};

/// What a step says, as channels show it.
fn shown(step: &str, shows: Shows) -> String {
    let story = Story::of(&on_message(step)).alice("hi");
    let said = story.said.expect("it says something");
    let Say { text, buttons, .. } = nearest(said, shows);
    let buttons: Vec<String> = buttons.into_iter().map(|button| button.text).collect();
    if buttons.is_empty() { text } else { format!("{text} [{}]", buttons.join(" | ")) }
}

const RICH: Shows = Shows { buttons: 13, pictures: true, forms: false };
const THREE: Shows = Shows { buttons: 3, pictures: false, forms: false };

#[test]
fn what_cannot_be_shown_is_a_list_in_the_text() {
    let steps = [
        "- ask: {text: Which size?, input: {type: choice, of: [S, M, L, XL]}}",
        "- ask: {text: Which one?, input: {type: choice, of: [S, L]}, buttons: [{text: Menu, url: 'https://x.example'}, {text: Large, value: L}]}",
        "- ask: {text: How many?, input: {type: choice, of: [1, 2, 5]}}",
        "- ask: {text: What on it?, input: {type: checkboxes, of: [Olives, Capers]}}",
        "- ask: {text: Which?, input: {type: images, of: [{text: Funghi, image: 'https://x.example/f.png'}, Diavola]}}",
        "- ask: {text: How was it?, input: rating}",
        "- ask: {text: How hungry?, input: {type: slider, max: 10}}",
        "- ask: {text: When?, input: {type: appointment, of: [2026-11-24T18:00]}}",
        "- ask: {text: From when to when?, input: {type: calendar, range: true}}",
        "- ask: {text: 'Is it?', buttons: ['Yes', {text: Why?, url: 'https://x.example'}], validate: buttons}",
        "- say: {text: 'More?', buttons: [A, B, C, D, {text: Menu, url: 'https://x.example'}]}",
        "- ask: {text: Your mail?, input: email}",
    ];
    let told: Vec<String> = steps
        .iter()
        .map(|step| {
            let ways = [RICH, THREE, Shows::TEXT].map(|shows| shown(step, shows));
            format!("{step}\n{}", ways.join("\n--\n"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n\n"), @"
    - ask: {text: Which size?, input: {type: choice, of: [S, M, L, XL]}}
    Which size? [S | M | L | XL]
    --
    Which size?
    1. S
    2. M
    3. L
    4. XL
    --
    Which size?
    1. S
    2. M
    3. L
    4. XL

    - ask: {text: Which one?, input: {type: choice, of: [S, L]}, buttons: [{text: Menu, url: 'https://x.example'}, {text: Large, value: L}]}
    Which one? [S | Menu | Large]
    --
    Which one? [S | Menu | Large]
    --
    Which one?
    1. S
    2. L
    Menu: https://x.example

    - ask: {text: How many?, input: {type: choice, of: [1, 2, 5]}}
    How many? [1 | 2 | 5]
    --
    How many? [1 | 2 | 5]
    --
    How many?
    – 1
    – 2
    – 5

    - ask: {text: What on it?, input: {type: checkboxes, of: [Olives, Capers]}}
    What on it?
    1. Olives
    2. Capers
    (several, as 1, 2)
    --
    What on it?
    1. Olives
    2. Capers
    (several, as 1, 2)
    --
    What on it?
    1. Olives
    2. Capers
    (several, as 1, 2)

    - ask: {text: Which?, input: {type: images, of: [{text: Funghi, image: 'https://x.example/f.png'}, Diavola]}}
    Which? [Funghi | Diavola]
    --
    Which?
    1. Funghi https://x.example/f.png
    2. Diavola
    --
    Which?
    1. Funghi https://x.example/f.png
    2. Diavola

    - ask: {text: How was it?, input: rating}
    How was it? [1 | 2 | 3 | 4 | 5]
    --
    How was it?
    (1 to 5)
    --
    How was it?
    (1 to 5)

    - ask: {text: How hungry?, input: {type: slider, max: 10}}
    How hungry?
    (a number from 0 to 10 without a fraction)
    --
    How hungry?
    (a number from 0 to 10 without a fraction)
    --
    How hungry?
    (a number from 0 to 10 without a fraction)

    - ask: {text: When?, input: {type: appointment, of: [2026-11-24T18:00]}}
    When? [2026-11-24 18:00]
    --
    When? [2026-11-24 18:00]
    --
    When?
    1. 2026-11-24 18:00

    - ask: {text: From when to when?, input: {type: calendar, range: true}}
    From when to when?
    (two dates, as 2026-11-21 to 2026-11-24)
    --
    From when to when?
    (two dates, as 2026-11-21 to 2026-11-24)
    --
    From when to when?
    (two dates, as 2026-11-21 to 2026-11-24)

    - ask: {text: 'Is it?', buttons: ['Yes', {text: Why?, url: 'https://x.example'}], validate: buttons}
    Is it? [Yes | Why?]
    --
    Is it? [Yes | Why?]
    --
    Is it?
    1. Yes
    Why?: https://x.example

    - say: {text: 'More?', buttons: [A, B, C, D, {text: Menu, url: 'https://x.example'}]}
    More? [A | B | C | D | Menu]
    --
    More? [A | B | C | D | Menu]
    --
    More?
    – A
    – B
    – C
    – D
    Menu: https://x.example

    - ask: {text: Your mail?, input: email}
    Your mail?
    --
    Your mail?
    --
    Your mail?
    ");
}
