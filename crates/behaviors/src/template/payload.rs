//! A payload of a webhook, written by a template over one event. Compiled once per endpoint, run for each delivery.
//!
//! The language is that of bots' templates, with their filters and limits; the one name is `event`, the whole envelope
//! (`event.type`, `event.data.text`). What a customer wrote cannot change the shape of a payload: values are escaped for
//! the content type, in JSON by where they stand (see `json`).

mod content_type;
mod json;
mod print;

use minijinja::context;
use minijinja::value::Serde;

use super::guard::Mention;
use super::{Capped, Fault, TEMPLATE_FUEL_MAX, Template, Templates, description, functions};
use crate::nearest::nearest;
use crate::problem::{Problem, Severity};

pub use content_type::{ContentType, InvalidContentType};

/// The most that a payload may be, in bytes: what common receivers take.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// How many instructions one payload may take: about two milliseconds.
pub const PAYLOAD_FUEL_MAX: u64 = 100_000;

/// The name that a problem gives for its file.
const FILE: &str = "payload";

/// The one name that a payload's template sees.
const EVENT: &str = "event";

/// The fields of an event, by `tidings_model::envelope`.
const EVENT_FIELDS: [&str; 19] = [
    "seq",
    "order",
    "id",
    "type",
    "version",
    "time",
    "received_at",
    "workspace",
    "channel",
    "chat",
    "thread",
    "author",
    "visibility",
    "custom_id",
    "cause",
    "root",
    "depth",
    "properties",
    "data",
];

/// The template of an endpoint's payloads, compiled.
#[derive(Debug)]
pub struct PayloadTemplate {
    templates: Templates,
    template: Template,
    content_type: ContentType,
}

/// Compiles the template of a JSON payload.
pub fn payload(source: &str) -> Result<PayloadTemplate, Problem> {
    payload_as(source, ContentType::json())
}

/// Compiles the template of a payload with another content type.
pub fn payload_as(source: &str, content_type: ContentType) -> Result<PayloadTemplate, Problem> {
    let mut templates = Templates::new();
    templates.environment.set_fuel(Some(PAYLOAD_FUEL_MAX));
    if content_type.is_json() {
        if let Some(offset) = source.find(|c| json::MARKS.contains(&c)) {
            let message = "a control character cannot stand in JSON: remove it".to_owned();
            return Err(compile_problem(Fault::at(source, offset, message)));
        }
        json::add_to(&mut templates.environment);
    } else {
        print::add_to(&mut templates.environment, content_type.escape());
    }
    let (template, mentions) = templates.text(source).map_err(compile_problem)?;
    for mention in &mentions {
        check_name(source, mention)?;
    }
    Ok(PayloadTemplate { templates, template, content_type })
}

impl PayloadTemplate {
    /// The content type of what it writes.
    pub fn content_type(&self) -> &ContentType {
        &self.content_type
    }

    /// Writes the payload of an event, given as `tidings_model::envelope::to_value`. The same event gives the same bytes.
    pub fn render(&self, event: &serde_json::Value) -> Result<Vec<u8>, Problem> {
        let capped = Capped { bytes: Vec::new(), full: false, bytes_max: PAYLOAD_BYTES_MAX };
        if !self.content_type.is_json() {
            let mut output = capped;
            let outcome = self.run(event, &mut output);
            return check_size(&output).and(outcome).map(|()| output.bytes);
        }
        let mut output = json::JsonOutput::new(capped);
        let outcome = self.run(event, &mut output);
        let output = output.into_inner();
        check_size(&output).and(outcome)?;
        match serde_json::from_slice::<serde::de::IgnoredAny>(&output.bytes) {
            Ok(_) => Ok(output.bytes),
            Err(error) => Err(not_json(&output.bytes, &error)),
        }
    }

    fn run(
        &self,
        event: &serde_json::Value,
        output: &mut dyn std::io::Write,
    ) -> Result<(), Problem> {
        let environment = &self.templates.environment;
        environment
            .get_template(&self.template.name)
            .and_then(|template| {
                let names = context! { event => minijinja::Value::from(Serde(event)) };
                template.render_captured_to(names, output).map(|_| ())
            })
            .map_err(|error| run_problem(&error))
    }
}

fn check_name(source: &str, mention: &Mention) -> Result<(), Problem> {
    let root = mention.root.as_str();
    let (message, near) = if root != EVENT && !functions().any(|function| function == root) {
        (
            format!(
                "there is no {root:?} in a payload: all values are in `event`, as `event.data`"
            ),
            nearest(root, [EVENT]),
        )
    } else if let Some(field) = mention.field.as_deref()
        && root == EVENT
        && !EVENT_FIELDS.contains(&field)
    {
        (
            format!("an event has no field {field:?}: what belongs to its type is in `event.data`"),
            nearest(field, EVENT_FIELDS),
        )
    } else {
        return Ok(());
    };
    let fault = Fault::at(source, mention.offset, message);
    Err(Problem { nearest: near, code: "unknown_name", ..compile_problem(fault) })
}

fn check_size(output: &Capped) -> Result<(), Problem> {
    if !output.full {
        return Ok(());
    }
    let message = format!("it writes more than {PAYLOAD_BYTES_MAX} bytes: send fewer fields");
    Err(problem(0, 1, "payload_too_big", message))
}

fn compile_problem(fault: Fault) -> Problem {
    problem(fault.line, fault.column, "payload_syntax", fault.message)
}

fn run_problem(error: &minijinja::Error) -> Problem {
    let line = error.line().unwrap_or(0);
    if error.kind() == minijinja::ErrorKind::OutOfFuel {
        let message = "it takes too long: walk through fewer items".to_owned();
        return problem(line, 1, "payload_too_slow", message);
    }
    problem(line, 1, "payload_failed", description(error))
}

/// The payload is not JSON: where, in what was written, with what stands there.
fn not_json(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let line = String::from_utf8_lossy(
        bytes.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default(),
    );
    let from = error.column().saturating_sub(EXCERPT_CHARS / 2);
    let near: String = line.chars().skip(from).take(EXCERPT_CHARS).collect();
    let message = format!(
        "what it writes is not JSON ({error}) near {near:?}: `{{{{ value }}}}` writes whole JSON values outside of quotes, \
         and text inside of them"
    );
    problem(0, 1, "payload_not_json", message)
}

/// How much of a wrong payload a problem shows, in characters.
const EXCERPT_CHARS: usize = 40;

fn problem(line: usize, column: usize, code: &'static str, message: String) -> Problem {
    let file = FILE.to_owned();
    Problem { file, line, column, code, message, nearest: None, severity: Severity::Error }
}

const _: () =
    assert!(PAYLOAD_FUEL_MAX > TEMPLATE_FUEL_MAX, "a payload is made of more than one text");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({
            "seq": 41, "order": 1, "type": "chat.message", "time": "2026-11-21T10:00:00Z",
            "author": { "kind": "customer", "id": "alice" },
            "data": { "text": "Hello \"Bob\"\n", "price": 12.50, "tags": ["a", "b&c"], "none": null },
        })
    }

    fn rendered(source: &str) -> String {
        let template = match payload(source) {
            Ok(template) => template,
            Err(problem) => return problem.to_string(),
        };
        match template.render(&event()) {
            Ok(bytes) => String::from_utf8(bytes).expect("text"),
            Err(problem) => problem.to_string(),
        }
    }

    fn rendered_as(content_type: &str, source: &str) -> String {
        let template = payload_as(source, content_type.parse().expect("a content type"));
        let bytes = template.expect("compiles").render(&event()).expect("renders");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn values_are_json_outside_of_quotes_and_text_inside() {
        let cases = [
            r#"{"text": {{ event.data.text }}, "n": {{ event.data.price }}, "all": {{ event.data.tags }}}"#,
            r#"{"text": "He said {{ event.data.text }} for {{ event.data.price | number(2) }}!"}"#,
            r#"{"none": {{ event.data.none }}, "unknown": {{ event.data.no.such }}, "": "{{ event.data.none }}"}"#,
            r#"{"json": {{ event.data.tags | json }}, "in": "{{ event.data.tags | json }} {{ event.data }}"}"#,
            r#"[{% for tag in event.data.tags %}"{{ tag }}"{% if not loop.last %},{% endif %}{% endfor %}]"#,
            r#"{"{{ event.type | replace('.', '_') }}": {{ event.seq + 1 }}, "escaped \" {{ event.seq }}": true}"#,
            r#"{"when": "{{ event.time | date('%d.%m.%Y') }}", "e": {{ event }}}"#,
        ];
        insta::assert_snapshot!(cases.map(rendered).join("\n"), @r#"
        {"text": "Hello \"Bob\"\n", "n": 12.5, "all": ["a","b&c"]}
        {"text": "He said Hello \"Bob\"\n for 12.50!"}
        {"none": null, "unknown": null, "": ""}
        {"json": ["a","b&c"], "in": "[\"a\",\"b&c\"] {\"text\":\"Hello \\\"Bob\\\"\\n\",\"price\":12.5,\"tags\":[\"a\",\"b&c\"],\"none\":null}"}
        ["a","b&c"]
        {"chat_message": 42, "escaped \" 41": true}
        {"when": "21.11.2026", "e": {"seq":41,"order":1,"type":"chat.message","time":"2026-11-21T10:00:00Z","author":{"kind":"customer","id":"alice"},"data":{"text":"Hello \"Bob\"\n","price":12.5,"tags":["a","b&c"],"none":null}}}
        "#);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let cases = [
            "{\n\"text\": {{ event.data.text | }}}",
            "{\"text\": {{ data.text }}}",
            "{\n\n\"text\": {{ evnt.data }}}",
            "{\"text\": {{ event.tpye }}}",
            "{\"text\": {{ event.data.text | jsn }}}",
            "{\"text\": {{ event.data.text }}",
            "hello {{ event.seq }}",
            "{\"a\":\n {{ event.data.text * 3 }}}",
            "[{% for a in range(5000) %}{% for b in range(5000) %}1,{% endfor %}{% endfor %}1]",
            "[{% for a in range(5000) %}\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",{% endfor %}1]",
            "{% include 'x' %}",
            "\"\u{1}\"",
        ];
        insta::assert_snapshot!(cases.map(rendered).join("\n"), @r#"
        payload:2:1: error[payload_syntax]: syntax error: unexpected end of variable block, expected identifier
        payload:1:13: error[unknown_name]: there is no "data" in a payload: all values are in `event`, as `event.data`
        payload:3:12: error[unknown_name]: there is no "evnt" in a payload: all values are in `event`, as `event.data` (did you mean "event"?)
        payload:1:13: error[unknown_name]: an event has no field "tpye": what belongs to its type is in `event.data` (did you mean "type"?)
        payload:1:31: error[payload_syntax]: there is no filter "jsn", did you mean "json"?
        payload:0:1: error[payload_not_json]: what it writes is not JSON (EOF while parsing an object at line 1 column 26) near "\": \"Hello \\\"Bob\\\"\\n\"": `{{ value }}` writes whole JSON values outside of quotes, and text inside of them
        payload:0:1: error[payload_not_json]: what it writes is not JSON (expected value at line 1 column 1) near "hello 41": `{{ value }}` writes whole JSON values outside of quotes, and text inside of them
        payload:2:1: error[payload_failed]: invalid operation: only numbers are multiplied
        payload:1:1: error[payload_too_slow]: it takes too long: walk through fewer items
        payload:0:1: error[payload_too_big]: it writes more than 262144 bytes: send fewer fields
        payload:1:4: error[payload_syntax]: `{% include %}` is not available in a template
        payload:1:2: error[payload_syntax]: a control character cannot stand in JSON: remove it
        "#);
    }

    #[test]
    fn other_content_types_escape_in_their_way() {
        let source = "text={{ event.data.text }}&tag={{ event.data.tags[1] }}&t={{ event.type | urlencode }}";
        let form = rendered_as("application/x-www-form-urlencoded", source);
        assert_eq!(form, "text=Hello%20%22Bob%22%0A&tag=b%26c&t=chat.message");
        let xml = rendered_as("text/xml; charset=utf-8", "<tag>{{ event.data.tags[1] }}</tag>");
        assert_eq!(xml, "<tag>b&amp;c</tag>");
        let text = rendered_as("text/plain", "{{ event.data.tags[1] }} {{ event.data.none }}.");
        assert_eq!(text, "b&c .");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\"\\\\{}:,\\[\\]a]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[\"\\\\:a-c]{0,4}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_changes_the_shape_of_a_payload(value in values()) {
            let template = payload(r#"{"whole": {{ event.data }}, "text": "a {{ event.data }} b", "end": true}"#);
            let event = json!({ "data": value });
            let bytes = template.expect("compiles").render(&event).expect("JSON");
            let written: Value = serde_json::from_slice(&bytes).expect("JSON");
            prop_assert_eq!(&written["whole"], &value);
            prop_assert_eq!(&written["end"], &json!(true));
            prop_assert_eq!(written.as_object().map(serde_json::Map::len), Some(3));
            let text = written["text"].as_str().expect("a text");
            let inner = text.strip_prefix("a ").and_then(|text| text.strip_suffix(" b"));
            let expected = match value {
                Value::String(text) => text,
                Value::Null => String::new(),
                other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    other.to_string()
                }
            };
            prop_assert_eq!(inner, Some(expected.as_str()));
        }

        #[test]
        fn no_text_breaks_the_compiler(source in "(\\{\\{|\\}\\}|\\{%|%\\}|event|data|[ -~\n]){0,20}") {
            if let Ok(template) = payload(&source)
                && let Ok(bytes) = template.render(&event())
            {
                prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
            }
        }
    }
}
