//! Files that are not Cerb's are told of with their place, and the others come in all the same.

use serde_json::json;
use tidings_import::refusal::FILE_BYTES_MAX;
use tidings_import::{CerbFile, cerb};

fn told(bytes: &[u8]) -> String {
    let imported = cerb(&[CerbFile { name: "alice.json", bytes }]);
    let refused = imported.refused.iter().map(|refusal| format!("{}: {refusal}", refusal.code()));
    refused.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_not_cerbs_is_told_with_its_place() {
    let node = |value: serde_json::Value| {
        json!({"behavior": {"title": "x", "event": {"key": "event.api.custom_request"}, "nodes": [value]}}).to_string()
    };
    let mut deep = json!({"type": "switch", "title": "x"});
    for _ in 0..40 {
        deep = json!({"type": "outcome", "title": "x", "nodes": [deep]});
    }
    let cases = [
        told(b""),
        told(b"{\"behavior\": {"),
        told(b"[]"),
        told(b"{}"),
        told(b"{\"behavior\": 3}"),
        told(b"{\"behavior\": {\"title\": \"x\", \"nodes\": []}}"),
        told(b"{\"bots\": [{}]}"),
        told(b"{\"bots\": {\"a\": 1}}"),
        told(node(json!({"title": "x"})).as_bytes()),
        told(node(json!({"type": "party", "title": "x"})).as_bytes()),
        told(node(json!([])).as_bytes()),
        told(node(deep).as_bytes()),
        told(&b"[".repeat(1_000)),
        told(&b" ".repeat(FILE_BYTES_MAX + 1)),
        told(b"\xff\xfe{}"),
    ];
    insta::assert_snapshot!(cases.join("\n"), @r#"
    not_json: alice.json:1:0: this is not JSON: EOF while parsing a value
    not_json: alice.json:1:14: this is not JSON: EOF while parsing an object
    not_cerb: alice.json: the file is not an object, as files of Cerb are
    not_cerb: alice.json: the file has none of `behavior`, `behavior_fragment`, `bots`, `behaviors`, `behavior_nodes`
    not_cerb: alice.json: behavior is not an object
    not_cerb: alice.json: behavior has no `event.key`
    not_cerb: alice.json: bots[0] has no `name`
    not_cerb: alice.json: bots is not a list
    not_cerb: alice.json: behavior.nodes[0] has no `type`
    not_cerb: alice.json: behavior.nodes[0].type is "party", which is no kind of node
    not_cerb: alice.json: behavior.nodes[0] is not an object
    too_deep: alice.json: behavior.nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0].nodes[0] nests too deep: at most 16 levels of nodes are read
    too_deep: alice.json: the file nests too deep: at most 128 levels of JSON are read
    file_too_long: alice.json has 10485761 bytes, and at most 10485760 are read
    not_json: alice.json:1:1: this is not JSON: expected value
    "#);
}

#[test]
fn one_file_that_cannot_be_read_does_not_keep_the_others() {
    let good = include_str!("../../fixtures/behavior.json");
    let files = [
        CerbFile { name: "bad.json", bytes: b"{" },
        CerbFile { name: "good.json", bytes: good.as_bytes() },
        CerbFile { name: "good.json", bytes: good.as_bytes() },
    ];
    let imported = cerb(&files);
    assert_eq!(imported.refused.len(), 1);
    let names: Vec<String> =
        imported.files.iter().map(|file| format!("{}/{}", file.bot, file.file)).collect();
    assert_eq!(names, ["good/thank-for-a-rating.yaml", "good-2/thank-for-a-rating.yaml"]);
}

/// Templates that grow as they are translated, or nest as deep as they are long.
#[test]
fn a_template_that_is_made_to_hurt_is_marked_and_hurts_nobody() {
    let chain = |operator: &str| format!("{{{{ x{} }}}}", operator.repeat(5_000));
    let mut woven = "x".to_owned();
    for _ in 0..2_000 {
        woven = format!("\"#{{{woven}}}\"");
    }
    for template in [
        chain(" == null"),
        chain(" + 1"),
        chain("|upper"),
        chain(".a"),
        chain(" is empty"),
        format!("{{{{ x{} }}}}", " == null".repeat(60)),
        format!("{{{{ {woven} }}}}"),
    ] {
        let action = json!({"action": "send_message", "message": template});
        let node = json!({"type": "action", "title": "x", "params": {"actions": [action]}});
        let file = json!({"behavior": {"title": "x", "event": {"key": "event.message.chat.portal"},
            "nodes": [node]}});
        let bytes = file.to_string();
        let imported = cerb(&[CerbFile { name: "alice.json", bytes: bytes.as_bytes() }]);
        let written: usize = imported.files.iter().map(|file| file.text.len()).sum();
        assert!(imported.refused.is_empty(), "{:?}", imported.refused);
        assert!(written < 200_000, "{written} bytes of {} were written", template.len());
    }
}
