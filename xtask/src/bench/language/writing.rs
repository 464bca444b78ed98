//! A text with code in it, beside MiniJinja bare: the same template over the same values, which are JSON on both sides.
//!
//! What a render takes here is what a turn that says it takes, less what the same turn takes when the text stands there
//! already: limits, names and what filters may cost are in it. Bare, the template is handed the values that it uses.

use std::hint::black_box;

use anyhow::{Context, ensure};
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde_json::json;
use tidings_behaviors::{Effect, Facts};

use super::rules::facts;
use super::{Plan, best, bot, cause, seeds};
use crate::bench::book::Book;

pub(super) const SAID: &str = "a text, a whole turn that says it";
pub(super) const RENDER: &str = "a text, rendered";
pub(super) const BARE: &str = "a text, MiniJinja bare";

const TEMPLATE: &str = "Hello {{ customer.name }}! {{ event.count }} pizzas ({{ event.size | lower }}) to \
    {{ event.city | upper }} make {{ event.total / 100 }} euros.{% if client.orders > 5 %} Thank you for order \
    {{ client.orders + 1 }}.{% endif %}{% for line in event.lines %} {{ loop.index }}. {{ line.name }} x {{ line.count }}\
    {% endfor %}";

pub(super) fn measure(book: &mut Book, plan: &Plan) -> anyhow::Result<()> {
    let facts = facts();
    let mut bare = Environment::new();
    bare.add_template("text", TEMPLATE).context("MiniJinja refuses the template")?;
    let text = render(&bare, &facts)?;
    let bot = bot(&[json!([{ "say": TEMPLATE }]), json!([{ "say": text }])])?;
    let cause = cause();
    let say =
        |behavior| tidings_behaviors::start(&bot, behavior, black_box(&facts), &cause, seeds());
    let effects = say(0).context("nothing is said")?.effects;
    let said = matches!(effects.as_slice(), [Effect::Say(said)] if said.text == text);
    ensure!(said, "the bot says something else than {text:?}: {effects:?}");
    let said = best(plan, || drop(black_box(say(0))));
    let fixed = best(plan, || drop(black_box(say(1))));
    let bare = best(plan, || drop(black_box(render(&bare, black_box(&facts)))));
    for (name, nanoseconds) in [(SAID, said), (RENDER, said - fixed), (BARE, bare)] {
        book.note(name, "us", nanoseconds / 1e3);
    }
    Ok(())
}

fn render(environment: &Environment<'_>, facts: &Facts) -> anyhow::Result<String> {
    let names = context! {
        event => Value::from(Serde(&facts.event)),
        customer => Value::from(Serde(&facts.customer)),
        client => Value::from(Serde(&facts.client)),
    };
    Ok(environment.get_template("text")?.render(names)?)
}
