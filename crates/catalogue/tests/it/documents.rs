//! What is told to machines is read by the programs of others: AsyncAPI's own parser, a validator of OpenAPI, and ajv.
//! They need Node and the packages pinned in `tests/validators`; `cargo xtask test` installs them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tidings_catalogue::documents::{answer_schema, data_schema};
use tidings_catalogue::{Kind, asyncapi, asyncapi_json, webhooks};

use crate::builtin;

fn validators() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validators");
    assert!(
        folder.join("node_modules").is_dir(),
        "the validators are not installed: npm ci --prefix crates/catalogue/tests/validators"
    );
    folder
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

/// What a validator says of a document; what it complains of fails the test.
fn said(program: &str, document: Option<&Path>, input: &str) -> String {
    let mut child = Command::new("node")
        .arg(validators().join(program))
        .args(document)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut stdin = child.stdin.take().expect("it has an input");
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && written.is_ok(), "{program}: {complained}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn facts() -> usize {
    builtin().types().filter(|each| each.kind == Kind::After).count()
}

#[test]
fn the_asyncapi_document_is_fresh() {
    let committed = std::fs::read_to_string(reference("asyncapi.json")).unwrap_or_default();
    assert!(
        committed == asyncapi_json(&builtin()),
        "docs/reference/asyncapi.json is not what the catalogue says; run\n  \
         cargo run -p tidings-catalogue --example asyncapi > docs/reference/asyncapi.json"
    );
}

#[test]
fn asyncapis_own_parser_takes_the_document() {
    // Each fact by two ways, and the record of a gap.
    let said = said("asyncapi.js", Some(&reference("asyncapi.json")), "");
    assert_eq!(said, format!("3.0.0 2 {}", 2 * facts() + 1));
}

#[test]
fn the_openapi_document_and_its_webhooks_are_valid() {
    let said = said("openapi.js", Some(&reference("openapi.json")), "");
    assert_eq!(said, format!("3.1 {}", facts()));
}

#[test]
fn every_sample_fits_the_schema_that_is_served() {
    let catalogue = builtin();
    let mut cases = Vec::new();
    for each in catalogue.types() {
        let name = each.name.as_str();
        let values = json!([each.sample()]);
        cases.push(json!({ "name": name, "schema": data_schema(each), "values": values }));
        if let (Some(answer), Some(schema)) = (&each.answer, answer_schema(each)) {
            let values = json!([answer.sample(), answer.default]);
            cases.push(
                json!({ "name": format!("{name}: answer"), "schema": schema, "values": values }),
            );
        }
    }
    let values: usize =
        cases.iter().filter_map(|case| case["values"].as_array()).map(Vec::len).sum();
    assert_eq!(said("schemas.js", None, &Value::from(cases).to_string()), values.to_string());
}

#[test]
fn every_fact_is_told_by_both_ways_and_no_question_is() {
    let catalogue = builtin();
    let document = asyncapi(&catalogue);
    let openapi = webhooks(&catalogue);
    for each in catalogue.types() {
        let name = each.name.as_str();
        let is_told = each.kind == Kind::After;
        for channel in ["webhooks", "stream"] {
            let message = &document["channels"][channel]["messages"][name];
            assert_eq!(message.is_object(), is_told, "{name} by {channel}");
        }
        assert_eq!(openapi.webhooks.contains_key(name), is_told, "{name} in OpenAPI");
    }
}

#[test]
fn a_schema_has_an_id_that_stays() {
    let catalogue = builtin();
    let payment = catalogue.get_str("payment.precheckout").expect("it is ours");
    let answer = answer_schema(payment).expect("somebody waits for it");
    assert_eq!(data_schema(payment)["$id"], "urn:tidings:event-type:payment.precheckout:1");
    assert_eq!(answer["$id"], "urn:tidings:event-type:payment.precheckout:1:answer");
    let message = catalogue.get_str("chat.message").expect("it is ours");
    assert!(answer_schema(message).is_none());
}
