//! Whatever is given, the importer gives an answer, and what it gives can be loaded.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidings_behaviors::Severity;
use tidings_import::{CerbFile, cerb};

use crate::world::{Words, bots, problems};

/// Any JSON, with the keys and words that Cerb has.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "behavior",
        "behaviors",
        "bots",
        "behavior_nodes",
        "behavior_fragment",
        "package",
        "nodes",
        "type",
        "title",
        "params",
        "actions",
        "action",
        "groups",
        "conditions",
        "condition",
        "oper",
        "value",
        "var",
        "event",
        "key",
        "switch",
        "outcome",
        "loop",
        "subroutine",
        "status",
        "uid",
        "name",
        "variables",
        "any",
        "event.macro.task",
        "_set_custom_var",
        "send_message",
        "prompt_buttons",
        "_run_subroutine",
        "{{ticket_subject}}",
        "{{{uid.a}}}",
        "configure",
        "prompts",
        "library",
        "point",
        "foreach_json",
        "as_placeholder",
        "behavior_id",
    ]);
    let text = prop_oneof![word.clone().prop_map(str::to_owned), "\\PC{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Pieces of templates, right and wrong.
fn any_template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "x",
        "ticket_subject",
        " ",
        "|",
        "upper",
        "default('a')",
        "if ",
        "else",
        "elseif ",
        "endif",
        "for a in x",
        "endfor",
        "set a = ",
        "set a",
        "endset",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'b'",
        "\"c #{x} d\"",
        "1",
        "..",
        "~",
        "+",
        "-",
        "==",
        "not ",
        " in ",
        " is ",
        "empty",
        "?",
        ":",
        ",",
        ".",
        "a",
        "=>",
        "matches '/a/'",
        "\n",
        "é",
        "date('Y')",
        "spaceless",
        "endspaceless",
        "verbatim",
        "endverbatim",
        "\\",
        "'",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn loads(bytes: &[u8]) -> Result<(), TestCaseError> {
    let imported = cerb(&[CerbFile { name: "any.json", bytes }]);
    for bot in bots(&imported.files) {
        for problem in problems(&bot, &Words { all_ask: true }) {
            let is_wrong = problem.severity == Severity::Error;
            prop_assert!(!is_wrong, "{problem}\n{:?}", bot.files);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        loads(&bytes)?;
    }

    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        loads(value.to_string().as_bytes())?;
    }

    #[test]
    fn no_tree_makes_it_panic(params in any_json(), more in any_json(), kind in 0..5_usize) {
        let kind = ["switch", "outcome", "action", "loop", "subroutine"][kind];
        let node = json!({"type": kind, "title": "t", "params": params, "nodes": [
            {"type": "action", "title": "u", "params": {"actions": [more]}},
        ]});
        let file = json!({"behavior": {"title": "x", "event": {"key": "event.message.chat.worker"}, "nodes": [node]}});
        loads(file.to_string().as_bytes())?;
    }

    #[test]
    fn every_template_comes_out_as_one_that_parses_or_is_marked(template in any_template(), other in any_template()) {
        let actions = json!([
            {"action": "_set_custom_var", "var": "x", "value": template},
            {"action": "send_message", "message": other},
            {"action": "core.bot.action.record.create", "context": "task", "changeset_json": format!("{{\"a\": \"{template}\"}}")},
        ]);
        let outcome = json!({"type": "outcome", "title": "o", "params": {"groups": [{"any": 0, "conditions": [
            {"condition": "_custom_script", "tpl": template, "oper": "is", "value": other},
        ]}]}, "nodes": []});
        let file = json!({"behavior": {"title": "x", "event": {"key": "event.mail.received"}, "nodes": [
            {"type": "action", "title": "a", "params": {"actions": actions}},
            {"type": "switch", "title": "s", "nodes": [outcome]},
        ]}});
        loads(file.to_string().as_bytes())?;
    }
}
