//! A wrong file is told with file, type and field. Each case is the right file with one thing changed.

use tidings_catalogue::{Catalogue, CatalogueError, Kind, WrongEntry};

/// A right file: everything that a file may hold.
const RIGHT: &str = r##"
title = "Pizzas"
plugin = "oven"

[defs.size]
enum = ["S", "L"]

[[type]]
name = "pizza.baked"
title = "Pizza baked"
description = "The oven is done."
group = "Kitchen"
kind = "after"
version = 1
heard_by = ["app", "group"]
channels = ["telegram"]
raised_by = "The oven rings."
sample = '''{"size": "L"}'''
aliases = [
  { system = "cerb", name = "event.pizza.baked", where = { scope = "group", author = "bot" }, plugin = "oven" },
  { system = "jaicp", name = "pizzaBaked", where = { channel = "telegram", "data.size" = "L" }, deprecated = true },
]
[type.schema]
type = "object"
required = ["size"]
[type.schema.properties]
size = { "$ref" = "#/$defs/size" }

[[type]]
name = "pizza.baking"
title = "Pizza baking"
description = "The oven is asked."
group = "Kitchen"
kind = "before"
version = 2
heard_by = ["agent"]
channels = []
raised_by = "The oven is switched on."
sample = '''{}'''
[type.schema]
type = "object"
[type.answer]
within_ms = 500
default = '''{}'''
sample = '''{"refused": true}'''
[type.answer.schema]
type = "object"
[type.answer.schema.properties]
refused = { type = "boolean" }
"##;

fn load(text: &str) -> Result<Catalogue, CatalogueError> {
    Catalogue::from_files([("pizza.toml", text)])
}

/// What is wrong with the right file when one part is replaced.
fn wrong(part: &str, with: &str) -> WrongEntry {
    assert!(RIGHT.contains(part), "{part:?} is not in the file");
    let mut error = load(&RIGHT.replacen(part, with, 1)).expect_err(&format!("{with:?} is wrong"));
    let first = error.wrong.remove(0);
    assert_eq!(first.file, "pizza.toml");
    first
}

#[test]
fn the_right_file_is_right() {
    let catalogue = load(RIGHT).expect("a right file");
    let baking = catalogue.get_str("pizza.baking").expect("a type");
    assert_eq!(baking.kind, Kind::Before);
    assert_eq!(baking.plugin.as_deref(), Some("oven"));
    assert!(catalogue.resolve("pizzaBaked").expect("an alias").alias.expect("an alias").deprecated);
}

#[test]
fn each_wrong_field_is_told_with_its_place() {
    let baked = Some("pizza.baked");
    let baking = Some("pizza.baking");
    for (part, with, event_type, field, message) in [
        // Keys and kinds of values.
        ("title = \"Pizzas\"\n", "", None, "title", "is missing"),
        ("plugin = \"oven\"\n", "pluggin = \"oven\"\n", None, "pluggin", "there is no such key"),
        ("group = \"Kitchen\"\n", "", baked, "group", "is missing"),
        (
            "title = \"Pizza baked\"",
            "title = \" \"",
            baked,
            "title",
            "must be a text that is not empty",
        ),
        ("version = 1", "version = 1\nverzion = 1", baked, "verzion", "there is no such key"),
        ("version = 1", "version = 0", baked, "version", "must be a whole number from 1 to 1000"),
        (
            "kind = \"after\"",
            "kind = \"later\"",
            baked,
            "kind",
            "\"later\" is none of after, before, interactive, computed",
        ),
        ("heard_by = [\"agent\"]", "heard_by = []", baking, "heard_by", "somebody must hear it"),
        (
            "heard_by = [\"agent\"]",
            "heard_by = [\"all\"]",
            baking,
            "heard_by",
            "\"all\" is none of app, group, watcher, agent",
        ),
        (
            "channels = []",
            "channels = [\"Tele Gram\"]",
            baking,
            "channels",
            "\"Tele Gram\" is not the word for a kind of channel",
        ),
        ("channels = []", "channels = [7]", baking, "channels", "must be a list of texts"),
        // Names.
        (
            "name = \"pizza.baked\"",
            "name = \"Pizza.Baked\"",
            Some("Pizza.Baked"),
            "name",
            "is not the name of an event type",
        ),
        (
            "name = \"pizza.baked\"",
            "name = \"pasta.boiled\"",
            Some("pasta.boiled"),
            "name",
            "types of this file begin with \"pizza.\"",
        ),
        ("name = \"pizza.baked\"\n", "", None, "type.name", "every type needs a name"),
        (
            "name = \"pizza.baking\"",
            "name = \"pizza.baked\"",
            baked,
            "name",
            "the name \"pizza.baked\" is taken by pizza.baked",
        ),
        // Schemas and samples.
        (
            "required = [\"size\"]",
            "requird = [\"size\"]",
            baked,
            "schema",
            "\"requird\" is not a keyword",
        ),
        ("required = [\"size\"]", "required = \"size\"", baked, "schema", "is not of type"),
        ("#/$defs/size", "#/$defs/sise", baked, "schema", "there is no part \"sise\" under [defs]"),
        (
            "#/$defs/size",
            "https://example.org/size.json",
            baked,
            "schema",
            "does not refer to a part of this file",
        ),
        ("enum = [\"S\", \"L\"]", "pattern = \"(\"", baked, "schema", "regex"),
        (
            "enum = [\"S\", \"L\"]",
            "type = \"string\"\nformat = \"pizza\"",
            baked,
            "schema",
            "pizza",
        ),
        (
            "{\"size\": \"L\"}",
            "{\"size\": \"XL\"}",
            baked,
            "sample",
            "does not fit the schema: /size: the value is not one of",
        ),
        ("{\"size\": \"L\"}", "{size: L}", baked, "sample", "is not JSON"),
        // Answers.
        (
            "kind = \"after\"",
            "kind = \"interactive\"",
            baked,
            "answer",
            "is missing: somebody waits for it",
        ),
        ("kind = \"before\"", "kind = \"after\"", baking, "answer", "nobody waits for the answer"),
        (
            "within_ms = 500",
            "within_ms = 5000000",
            baking,
            "answer.within_ms",
            "must be a whole number from 1 to 30000",
        ),
        ("within_ms = 500\n", "", baking, "answer.within_ms", "is missing"),
        (
            "{\"refused\": true}",
            "{\"refused\": 1}",
            baking,
            "answer.sample",
            "does not fit the schema",
        ),
        (
            "default = '''{}'''",
            "default = '''[]'''",
            baking,
            "answer.default",
            "does not fit the schema",
        ),
        // Aliases.
        ("{ system = \"cerb\", ", "{ ", baked, "aliases.0.system", "is missing"),
        (
            "system = \"cerb\"",
            "system = \"zendesk\"",
            baked,
            "aliases.0.system",
            "\"zendesk\" is none of cerb, jaicp, livechat, wotnot",
        ),
        ("\"pizzaBaked\"", "\"event.pizza.baked\"", baked, "aliases.1.name", "is taken by"),
        (
            "\"pizzaBaked\"",
            "\"pizza.baking\"",
            baking,
            "name",
            "the name \"pizza.baking\" is taken by pizza.baked",
        ),
        ("\"pizzaBaked\"", "\"pizza *\"", baked, "aliases.1.name", "is not a name"),
        (
            "scope = \"group\"",
            "scoop = \"group\"",
            baked,
            "aliases.0.where.scoop",
            "is not a constraint",
        ),
        (
            "scope = \"group\"",
            "scope = \"everybody\"",
            baked,
            "aliases.0.where.scope",
            "is none of app, group, watcher, agent",
        ),
        (
            "scope = \"group\"",
            "scope = \"watcher\"",
            baked,
            "aliases.0.where.scope",
            "which is not in heard_by",
        ),
        (
            "author = \"bot\"",
            "author = \"robot\"",
            baked,
            "aliases.0.where.author",
            "is none of customer, agent, bot",
        ),
        ("author = \"bot\"", "author = 7", baked, "aliases.0.where.author", "must be a text"),
        (
            "channel = \"telegram\"",
            "channel = \"viber\"",
            baked,
            "aliases.1.where.channel",
            "not among the type's channels",
        ),
        (
            "\"data.size\" = \"L\"",
            "\"data.weight\" = 3",
            baked,
            "aliases.1.where.data.weight",
            "which is not in the schema",
        ),
        (
            "\"data.size\" = \"L\"",
            "\"data.size\" = [\"L\"]",
            baked,
            "aliases.1.where.data.size",
            "must be one value",
        ),
        (
            "\"data.size\" = \"L\"",
            "\"data.a..b\" = 3",
            baked,
            "aliases.1.where.data.a..b",
            "is not a path",
        ),
        (
            "deprecated = true",
            "deprecated = \"yes\"",
            baked,
            "aliases.1.deprecated",
            "must be true or false",
        ),
        (
            "deprecated = true",
            "depricated = true",
            baked,
            "aliases.1.depricated",
            "there is no such key",
        ),
    ] {
        let told = wrong(part, with);
        assert_eq!(told.event_type.as_deref(), event_type, "{with:?}: {told}");
        assert_eq!(told.field.as_deref(), Some(field), "{with:?}: {told}");
        assert!(told.message.contains(message), "{with:?}: {told}");
    }
}

#[test]
fn what_is_no_catalogue_file_is_told() {
    for (file, text, message) in [
        ("pizza.toml", "title = ", "is not TOML"),
        ("pizza.toml", "title = \"Pizzas\"\n", "the file has no type"),
        ("pizza.toml", "title = \"Pizzas\"\ntype = 7\n", "must be a list of tables"),
        ("Pizza.toml", RIGHT, "must be named after its area"),
        ("pizza.yaml", RIGHT, "must be named after its area"),
        ("pizza.toml", &" ".repeat(2 << 20), "is larger than"),
    ] {
        let error = Catalogue::from_files([(file, text)]).expect_err(message);
        assert_eq!(error.wrong[0].file, file);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn several_things_are_told_at_once_but_not_without_end() {
    let two = RIGHT
        .replace("version = 1", "version = \"one\"")
        .replace("within_ms = 500", "within_ms = true");
    let error = load(&two).expect_err("two wrong fields");
    let fields: Vec<_> = error.wrong.iter().map(|entry| entry.field.as_deref()).collect();
    assert_eq!(fields, [Some("version"), Some("answer.within_ms")]);
    assert_eq!(
        error.to_string(),
        "the catalogue of events is wrong\n  \
         pizza.toml: pizza.baked: version: must be a whole number from 1 to 1000\n  \
         pizza.toml: pizza.baking: answer.within_ms: must be a whole number from 1 to 30000"
    );

    let many = format!("title = \"Pizzas\"\n{}", "[[type]]\nname = \"pizza.x\"\n".repeat(1000));
    let error = load(&many).expect_err("nothing is there");
    assert_eq!(error.wrong.len(), tidings_catalogue::error::WRONG_ENTRIES_MAX);
}

#[test]
fn a_file_from_outside_cannot_take_a_name_of_ours() {
    let catalogue = Catalogue::builtin_with([("pizza.toml", RIGHT)]).expect("a right file");
    assert!(catalogue.get_str("pizza.baked").is_some());
    assert!(catalogue.get_str("chat.message").is_some());

    let thief = RIGHT.replace("\"pizzaBaked\"", "\"chat.message\"");
    let error = Catalogue::builtin_with([("pizza.toml", thief)]).expect_err("the name is taken");
    assert_eq!(error.wrong[0].message, "the name \"chat.message\" is taken by chat.message");

    let wrong = RIGHT.replace("{\"size\": \"L\"}", "{}");
    let error = Catalogue::builtin_with([("pizza.toml", wrong)]).expect_err("the sample is wrong");
    assert_eq!(error.wrong[0].field.as_deref(), Some("sample"));
}
