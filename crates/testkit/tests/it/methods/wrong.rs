//! Wrong arguments that the table of parameters tells: of each right call, one thing made wrong at a time.

use serde_json::{Map, Value, json};
use tidings_wire::livechat::{Kind, Method, Param};

/// A payload with one thing wrong, and the field that the answer must name.
pub(super) struct Wrong {
    pub(super) payload: Value,
    pub(super) field: String,
    pub(super) what: String,
}

/// Everything that the table tells to be wrong, as far as the payload has a place for it.
pub(super) fn wrong(method: &Method, payload: &Value) -> Vec<Wrong> {
    let mut found = Vec::new();
    for param in method.params.iter().filter(|param| param.kind != Kind::File) {
        let Some((parent, field, name)) = place(payload, param.path) else { continue };
        let mut with = |what: &str, value: Option<Value>| {
            let mut payload = payload.clone();
            let Some(Value::Object(parent)) = payload.pointer_mut(&parent) else { return };
            match value {
                Some(value) => parent.insert(name.clone(), value),
                None => parent.shift_remove(&name),
            };
            let what = format!("{field} {what}");
            found.push(Wrong { payload, field: field.clone(), what });
        };
        if param.required && !name.starts_with('<') {
            with("left out", None);
        }
        for value in bad_values(method, param) {
            let what = value.to_string();
            with(&format!("as {}", what.chars().take(40).collect::<String>()), Some(value));
        }
    }
    found
}

/// Whether a payload gives a parameter.
pub(super) fn has(payload: &Value, path: &str) -> bool {
    let Some((parent, _, name)) = place(payload, path) else { return false };
    payload.pointer(&parent).and_then(|parent| parent.get(name)).is_some()
}

/// Where a parameter stands: the pointer of its parent, the name that answers give the place, its own name. Where the
/// path says any name, it is the first one that is there.
fn place(payload: &Value, path: &str) -> Option<(String, String, String)> {
    let (mut at, mut field, mut pointer) = (payload, String::new(), String::new());
    let mut segments = path.split('.').peekable();
    loop {
        let segment = segments.next()?;
        let (name, in_list) =
            segment.strip_suffix("[]").map_or((segment, false), |name| (name, true));
        let name = if name.starts_with('<') {
            at.as_object()?.keys().next()?.clone()
        } else {
            name.to_owned()
        };
        if !field.is_empty() {
            field.push('.');
        }
        field.push_str(&name);
        if segments.peek().is_none() {
            at.as_object()?;
            return Some((pointer, field, name));
        }
        at = at.get(&name)?;
        pointer.push('/');
        pointer.push_str(&name);
        if in_list {
            at = at.get(0)?;
            field.push_str("[0]");
            pointer.push_str("/0");
        }
    }
}

fn bad_values(method: &Method, param: &Param) -> Vec<Value> {
    // In an address and in a form there is nothing but text.
    let is_text = method.http_get || method.params.iter().any(|param| param.kind == Kind::File);
    let is_text_good = is_text && param.kind == Kind::Text;
    let mut bad = match param.kind {
        Kind::Text if is_text_good => vec![],
        Kind::Text => vec![json!(7)],
        Kind::Bool => vec![json!("perhaps")],
        Kind::Integer => vec![json!("many"), json!(1.5)],
        Kind::Time => vec![json!("yesterday")],
        Kind::Object => vec![json!("text")],
        Kind::Texts | Kind::Integers | Kind::Objects => vec![json!("text"), json!([[]])],
        Kind::List => vec![json!("text")],
        Kind::Any | Kind::File => vec![],
    };
    let unheard_of = match param.kind {
        Kind::Text => Some(json!("nonsense")),
        Kind::Texts => Some(json!(["nonsense"])),
        Kind::Bool
        | Kind::Integer
        | Kind::Time
        | Kind::Object
        | Kind::Integers
        | Kind::Objects
        | Kind::List
        | Kind::Any
        | Kind::File => None,
    };
    bad.extend(unheard_of.filter(|_| !param.allowed.is_empty()));
    if let (Kind::Integer, Some(min)) = (param.kind, param.min) {
        bad.push(json!(min - 1));
    }
    if let Some(max) = param.max {
        let one_more = usize::try_from(max + 1).expect("limits are not below zero");
        bad.extend(match param.kind {
            Kind::Integer => Some(json!(max + 1)),
            Kind::Text => Some(json!("x".repeat(one_more))),
            Kind::Texts => Some(json!(vec!["x"; one_more])),
            Kind::Integers => Some(json!(vec![0; one_more])),
            Kind::Objects => Some(json!(vec![Map::new(); one_more])),
            Kind::Bool | Kind::Time | Kind::Object | Kind::List | Kind::Any | Kind::File => None,
        });
    }
    bad
}
