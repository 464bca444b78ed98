//! Templates and conditions: one language, Jinja as MiniJinja reads it. Compiled once when a bot is loaded, run by steps.
//!
//! A template sees the values that it is given and nothing else: no other template, no file, no clock. What it costs is
//! bounded in time (fuel), in output, and in memory (see `guard`). A name that is unknown is found when the bot is
//! loaded; a value that is not there is empty, so that `{{ session.name }}` may be said before it is known.
//!
//! What can be done with values stands in one table (`filters`), of which the page of the reference is made.

mod filters;
mod guard;
mod measure;
pub mod payload;
mod plain;
mod words;

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

pub use payload::{ContentType, InvalidContentType, PayloadTemplate, payload, payload_as};

pub use filters::reference_page;

pub(crate) use guard::Mention;
pub(crate) use measure::{VALUE_BYTES_MAX, json_fits, round, rounded, to_json};
pub(crate) use plain::{Named, Plain, Root};

/// The longest text of a template, in bytes: four times the longest message that it could write.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 64_000;

/// The most that a template writes, in bytes: four messages of Telegram's longest.
pub(crate) const OUTPUT_BYTES_MAX: usize = 16 * 1024;

/// How many instructions one template may take: 50,000 were measured to take about a millisecond. Its filters may take as
/// much again.
pub(crate) const TEMPLATE_FUEL_MAX: u64 = 20_000;

/// The name under which a condition keeps its value.
const VALUE_NAME: &str = "__value";

/// The compiled templates of one bot.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    count: usize,
}

/// A text with code in it, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    name: String,
    /// The names that it mentions, those among them that it makes itself as well.
    pub(crate) names: Arc<[String]>,
}

/// An expression, compiled: a condition, or a value.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    name: String,
    /// As with a [`Template`].
    pub(crate) names: Arc<[String]>,
    /// As it was written, for traces.
    pub(crate) source: String,
    /// The same as a condition that needs no template, where it is one.
    pub(crate) plain: Option<Arc<Plain>>,
}

/// What compiling gives beside the compiled thing: the names from outside that it uses, with where they stand.
pub(crate) type Compiled<T> = (T, Vec<Mention>);

/// Why a text does not compile; line and column start at 1, within the text.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

/// Why a template that compiled gives nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It took too long, or made too much.
    Limit(String),
    /// It asked for what cannot be.
    Failed(String),
}

impl Templates {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(TEMPLATE_FUEL_MAX));
        environment.set_debug(false);
        filters::add_to(&mut environment);
        Self { environment, count: 0 }
    }

    /// Compiles a text with code in it.
    pub(crate) fn text(&mut self, source: &str) -> Result<Compiled<Template>, Fault> {
        check_length(source)?;
        let guarded =
            guard::text(source).map_err(|error| Fault::at(source, error.offset, error.message))?;
        let name = self.compile(source, guarded.source)?;
        let names = roots(&guarded.mentions, source);
        let mentions = self.used(&name, guarded.mentions);
        Ok((Template { name, names }, mentions))
    }

    /// Compiles an expression.
    pub(crate) fn expression(&mut self, source: &str) -> Result<Compiled<Expression>, Fault> {
        check_length(source)?;
        let guarded = guard::condition(source)
            .map_err(|error| Fault::at(source, error.offset, error.message))?;
        // Fuel is told by a template's state, not by MiniJinja's expressions; so a condition is a template that keeps
        // its value. The guard has seen that brackets are closed, so the expression cannot end this early.
        let name =
            self.compile(source, format!("{{% set {VALUE_NAME} = ({}) %}}", guarded.source))?;
        let names = roots(&guarded.mentions, source);
        let mentions = self.used(&name, guarded.mentions);
        let plain = Plain::parse(source).map(Arc::new);
        Ok((Expression { name, names, source: source.trim().to_owned(), plain }, mentions))
    }

    /// Writes a template's text, taking what it costs from the fuel.
    pub(crate) fn render(
        &self,
        template: &Template,
        names: Value,
        fuel: &mut u64,
    ) -> Result<String, Failure> {
        let mut output = Capped { bytes: Vec::new(), full: false, bytes_max: OUTPUT_BYTES_MAX };
        let outcome = self.run(&template.name, names, &mut output, fuel);
        if output.full {
            return Err(Failure::Limit(format!("it writes more than {OUTPUT_BYTES_MAX} bytes")));
        }
        outcome?;
        String::from_utf8(output.bytes)
            .map_err(|_| Failure::Failed("it writes what is not text".to_owned()))
    }

    /// The value of an expression, taking what it costs from the fuel.
    pub(crate) fn evaluate(
        &self,
        expression: &Expression,
        names: Value,
        fuel: &mut u64,
    ) -> Result<Value, Failure> {
        self.run(&expression.name, names, &mut io::sink(), fuel)
    }

    fn run(
        &self,
        name: &str,
        names: Value,
        output: &mut dyn io::Write,
        fuel: &mut u64,
    ) -> Result<Value, Failure> {
        if *fuel == 0 {
            return Err(Failure::Limit(
                "the templates of this turn took too long together".to_owned(),
            ));
        }
        let template = self.environment.get_template(name).map_err(|error| failure(&error))?;
        let captured =
            template.render_captured_to(names, output).map_err(|error| failure(&error))?;
        let state = captured.state();
        let consumed = state.fuel_levels().map_or(TEMPLATE_FUEL_MAX, |(consumed, _)| consumed);
        *fuel = fuel.saturating_sub(consumed + filters::worked(state) + FUEL_OF_ANY_RUN);
        Ok(state.lookup(VALUE_NAME).unwrap_or_default())
    }

    fn compile(&mut self, source: &str, guarded: String) -> Result<String, Fault> {
        let name = self.count.to_string();
        self.count += 1;
        self.environment.add_template_owned(name.clone(), guarded).map_err(|error| Fault {
            line: error.line().unwrap_or(1).min(source.lines().count().max(1)),
            column: 1,
            message: description(&error),
        })?;
        Ok(name)
    }

    /// Of all that is mentioned, what is not declared by the template itself.
    fn used(&self, name: &str, mentions: Vec<Mention>) -> Vec<Mention> {
        let undeclared: HashSet<String> = self
            .environment
            .get_template(name)
            .map(|template| template.undeclared_variables(false))
            .unwrap_or_default();
        mentions.into_iter().filter(|mention| undeclared.contains(&mention.root)).collect()
    }
}

/// The names of the functions that every template knows.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> + Clone {
    filters::names(filters::Kind::Function)
}

/// The name and the value of a seed among the names of a template, so that it may draw.
pub(crate) fn seed(seed: u64) -> (&'static str, Value) {
    (filters::SEED, Value::from(seed))
}

/// The first names of what is mentioned, each once; with the time of the turn, which `date` and `ago` ask for themselves.
fn roots(mentions: &[Mention], source: &str) -> Arc<[String]> {
    let mut roots: BTreeSet<&str> = mentions.iter().map(|mention| &*mention.root).collect();
    if source.contains("date") || source.contains("ago") {
        roots.insert(filters::NOW);
    }
    roots.into_iter().map(str::to_owned).collect()
}

/// What starting a template costs, in fuel: so that many empty ones are bounded as well.
pub(crate) const FUEL_OF_ANY_RUN: u64 = 20;

fn check_length(source: &str) -> Result<(), Fault> {
    if source.len() <= TEMPLATE_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("a template has at most {TEMPLATE_BYTES_MAX} bytes, and this one {}", source.len());
    Err(Fault { line: 1, column: 1, message })
}

impl Fault {
    fn at(source: &str, offset: usize, message: String) -> Self {
        let (line, column) = line_and_column(source, offset);
        Self { line, column, message }
    }
}

/// The line and the column in characters, from 1, of a byte of a text.
pub(crate) fn line_and_column(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn failure(error: &minijinja::Error) -> Failure {
    if error.kind() == ErrorKind::OutOfFuel {
        return Failure::Limit("it takes too long".to_owned());
    }
    match error.detail() {
        Some(detail) if detail.starts_with(filters::TOO_BIG) => Failure::Limit(detail.to_owned()),
        Some(_) | None => Failure::Failed(description(error)),
    }
}

/// The error in words, without the name that templates have inside.
fn description(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// Takes so much and no more.
struct Capped {
    bytes: Vec<u8>,
    full: bool,
    bytes_max: usize,
}

impl Capped {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.bytes.len() + bytes.len() > self.bytes_max {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn rendered(source: &str) -> String {
        let mut templates = Templates::new();
        let template = match templates.text(source) {
            Ok((template, _)) => template,
            Err(fault) => return format!("{}:{}: {}", fault.line, fault.column, fault.message),
        };
        let names = context! {
            name => "Alice", price => 1234.5, yes => true, nothing => (), size => 3,
            list => ["a", "b"], when => "2026-11-21T18:30:00Z", map => context! { a => 1 },
        };
        let mut fuel = 1_000_000;
        match templates.render(&template, names, &mut fuel) {
            Ok(text) => text,
            Err(Failure::Limit(message)) => format!("LIMIT {message}"),
            Err(Failure::Failed(message)) => format!("FAILED {message}"),
        }
    }

    #[test]
    fn values_print_as_people_write_them() {
        let cases = [
            "Hello {{ name }}!",
            "{{ yes }} {{ nothing }} {{ unknown.deep }} {{ 1.0 }} {{ list }} {{ map }}",
            "{{ unknown | default('friend') }} {{ list | json }} {{ 'a b&c' | urlencode }}",
            "{{ price | number(2) }} {{ price | number(0, '.') }} {{ 'abcdefgh' | truncate(5) }}",
            "{{ when | date('%d.%m.%Y %H:%M', 'Europe/Berlin') }} {{ '2026-11-21' | date('%A') }}",
            "{{ size * 2 + 1 }} {{ name ~ '!' }} {{ list | join(', ') }} {{ list + ['c'] }}",
            "{% for x in list %}{{ loop.index }}{{ x }} {% endfor %}{% if size > 2 %}big{% endif %}",
            "{{ list | map('upper') | join }} {{ [map] | map(attribute='a') | sum }}",
            "{{ 0.1 + 0.2 }} {{ 10 / 4 }} {{ [0.5, 1 / 3] }} {{ 1e16 * 10 }}",
            "{{ name | upper | replace('A', 'o') }} {{ -size | abs }} {{ range(3) | json }}",
        ];
        insta::assert_snapshot!(cases.map(rendered).join("\n"), @r#"
        Hello Alice!
        true   1.0 ["a","b"] {"a":1}
        friend ["a","b"] a%20b%26c
        1234.50 1234 abcd…
        21.11.2026 19:30 Saturday
        7 Alice! a, b ["a","b","c"]
        1a 2b big
        AB 1
        0.3 2.5 [0.5,0.333333333333333] 100000000000000000.0
        oLICE 3 [0,1,2]
        "#);
    }

    #[test]
    fn nothing_grows_without_end() {
        let cases = [
            "{{ 'x' * 100000000 }}",
            "{{ [1] * 100000000 }}",
            "{{ size * list }}",
            "{% for i in range(5000) %}{{ 'xxxxxxxxxx' }}{% endfor %}",
            "{% for i in range(100000000) %}{% endfor %}",
            "{% for i in range(5000) %}{% for j in range(5000) %}{% endfor %}{% endfor %}",
            "{{ 'x' | replace('', 'y' | replace('y', 'z')) }}",
            "{{ range(5000) | join('0123456789') | replace('1', '0123456789') | replace('1', '0123456789') }}",
            "{{ range(500) | map('replace', '1', range(200) | join('-')) | length }}",
            "{{ 'x' | date('%') }} ",
            "{{ name | nosuch }}",
            "{{ name is nosuch }}",
            "{{ nosuch() }}",
            "{{ 1 / 0 }}",
            "one\n{{ name | }}",
        ];
        insta::assert_snapshot!(cases.map(rendered).join("\n"), @r#"
        FAILED invalid operation: only numbers are multiplied
        FAILED invalid operation: only numbers are multiplied
        FAILED invalid operation: only numbers are multiplied
        LIMIT it writes more than 16384 bytes
        LIMIT too big: a range
        LIMIT it takes too long
        zxz
        LIMIT too big: what `join` makes
        LIMIT too big: what `map` makes
        FAILED invalid operation: `date` needs a date or a time
        1:11: there is no filter "nosuch"
        1:12: there is no test "nosuch"
        FAILED unknown function: nosuch is unknown
        FAILED invalid operation: unable to calculate 1 / 0
        2:1: syntax error: unexpected end of variable block, expected identifier
        "#);
    }
}
