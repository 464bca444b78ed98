//! What a document says that this release does not know: kept beside what was read, and written again with it.
//!
//! Nodes of two releases work on the same documents while one is rolled out. The older one changes what it knows; what it
//! does not know stays as the newer one wrote it. A field that a type knows and leaves out when it is empty does go away.
//!
//! It is kept wherever a field may be: in the document, in an object inside it, in an element of a list. Inside, it belongs
//! to the thing that it was said of, by the names in [`NAMED_BY`], and goes with it; an element without a name keeps
//! nothing. What is in a variant that is told by a tag (`#[serde(tag)]`) is not kept either: a new field goes beside it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;
use tidings_store::Body;

use super::written::{to_body, to_value};

/// The fields that tell which thing an object inside a document is.
const NAMED_BY: [&str; 4] = ["id", "who", "channel", "at"];

/// The members of a document that its type does not know; nearly always none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unknown(Vec<Member>);

/// One of them.
#[derive(Clone, Debug, PartialEq)]
struct Member {
    /// The way to the object that it is a member of.
    place: Vec<Step>,
    name: String,
    value: Value,
}

/// A step into a document, and which thing was there.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field { name: String, thing: Thing },
    Element { thing: Thing },
}

/// Which thing an object is: its values of [`NAMED_BY`].
type Thing = [Option<Value>; NAMED_BY.len()];

impl Unknown {
    /// Nothing.
    pub const NOTHING: Self = Self(Vec::new());

    /// Reads a document's body, and what its type does not know of it.
    pub fn read<T: DeserializeOwned>(body: &Value) -> Result<(T, Self), serde_json::Error> {
        let mut members = Vec::new();
        let value = serde_ignored::deserialize(body, |path| members.extend(member(&path, body)))?;
        Ok((value, Self(members)))
    }

    /// What of it is inside a field of the document.
    #[must_use]
    pub fn inside(&self, field: &str) -> Self {
        let is_inside =
            |step: &Step| matches!(step, Step::Field { name, .. } if name.as_str() == field);
        let inside = self.0.iter().filter(|member| member.place.first().is_some_and(is_inside));
        Self(inside.cloned().collect())
    }

    /// The body of a document that says this, and what is unknown again, of each thing that is still there.
    pub fn put_back<T: Serialize>(&self, said: &T) -> Body {
        if self.0.is_empty() {
            return to_body(said);
        }
        let mut body = to_value(said);
        self.say_in(&mut body);
        body.into()
    }

    fn say_in(&self, body: &mut Value) {
        for Member { place, name, value } in &self.0 {
            if let Some(Value::Object(object)) = follow(place, body) {
                object.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }
}

/// The member that was passed over; `None` where nothing would tell its place again.
fn member(path: &Path<'_>, body: &Value) -> Option<Member> {
    let Path::Map { parent, key } = path else { return None };
    let (place, object) = find(parent, body).and_then(|found| into_variant(found, key))?;
    Some(Member { place, name: key.clone(), value: object.get(key)?.clone() })
}

/// The steps of a way, and what is at its end.
fn find<'a>(path: &Path<'_>, body: &'a Value) -> Option<(Vec<Step>, &'a Value)> {
    match path {
        Path::Root => Some((Vec::new(), body)),
        Path::Some { parent } | Path::NewtypeStruct { parent } => find(parent, body),
        Path::Map { parent, key } => {
            into_field(find(parent, body).and_then(|found| into_variant(found, key))?, key)
        }
        Path::NewtypeVariant { parent } => into_only_field(find(parent, body)?),
        Path::Seq { parent, index } => {
            let (mut place, list) = find(parent, body)?;
            let element = list.get(index)?;
            let thing = thing(element);
            thing.iter().flatten().next()?;
            place.push(Step::Element { thing });
            Some((place, element))
        }
    }
}

/// A variant with fields is an object with one field, its name, which is left out of the way to what it holds.
fn into_variant<'a>(
    (place, object): (Vec<Step>, &'a Value),
    key: &str,
) -> Option<(Vec<Step>, &'a Value)> {
    match object.get(key) {
        Some(_) => Some((place, object)),
        None => into_only_field((place, object)),
    }
}

fn into_only_field((place, object): (Vec<Step>, &Value)) -> Option<(Vec<Step>, &Value)> {
    let name = object.as_object()?.keys().next()?;
    into_field((place, object), name)
}

fn into_field<'a>(
    (mut place, object): (Vec<Step>, &'a Value),
    name: &str,
) -> Option<(Vec<Step>, &'a Value)> {
    let value = object.get(name)?;
    place.push(Step::Field { name: name.to_owned(), thing: thing(value) });
    Some((place, value))
}

/// What is at a place now, if it is still the same thing.
fn follow<'a>(place: &[Step], body: &'a mut Value) -> Option<&'a mut Value> {
    place.iter().try_fold(body, |inside, step| match step {
        Step::Field { name, thing: was } => inside.get_mut(name).filter(|now| thing(now) == *was),
        Step::Element { thing: was } => {
            inside.as_array_mut()?.iter_mut().find(|now| thing(now) == *was)
        }
    })
}

fn thing(object: &Value) -> Thing {
    NAMED_BY.map(|name| object.get(name).cloned())
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Shop {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        motto: Option<String>,
        oven: Option<Oven>,
        cooks: Vec<Cook>,
        state: State,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Oven {
        id: u8,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Cook {
        who: String,
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum State {
        Open { since: u8 },
    }

    fn body() -> Value {
        json!({
            "name": "Napoli", "motto": "hot", "stars": 3,
            "oven": { "id": 1, "heat": 400 },
            "cooks": [{ "who": "Alice", "hat": true }, { "who": "Bob", "hat": false }],
            "state": { "Open": { "since": 1, "until": 2 } },
        })
    }

    fn rewritten(change: impl FnOnce(&mut Shop)) -> Value {
        let (mut shop, unknown) = Unknown::read::<Shop>(&body()).expect("it reads");
        change(&mut shop);
        let mut after = serde_json::to_value(&shop).expect("it is written");
        unknown.say_in(&mut after);
        after
    }

    #[test]
    fn what_is_not_known_stays_wherever_it_is() {
        assert_eq!(rewritten(|_| ()), body());
    }

    #[test]
    fn what_is_known_changes_and_goes_away() {
        let after = rewritten(|shop| {
            shop.motto = None;
            shop.name = "Roma".into();
        });
        let mut expected = body();
        expected["name"] = "Roma".into();
        expected.as_object_mut().expect("an object").remove("motto");
        assert_eq!(after, expected);
    }

    #[test]
    fn it_goes_with_the_thing_that_it_was_said_of() {
        let after = rewritten(|shop| {
            shop.oven = Some(Oven { id: 2 });
            shop.cooks.reverse();
            shop.cooks.pop();
            shop.cooks.insert(0, Cook { who: "Carol".into() });
        });
        assert_eq!(after["oven"], json!({ "id": 2 }), "another oven");
        assert_eq!(after["cooks"], json!([{ "who": "Carol" }, { "who": "Bob", "hat": false }]));
        assert!(rewritten(|shop| shop.oven = None)["oven"].is_null());
    }

    #[test]
    fn what_is_inside_a_field_can_move_with_it() {
        let (_, unknown) = Unknown::read::<Shop>(&body()).expect("it reads");
        let mut moved = json!({ "oven": { "id": 1 }, "cooks": [{ "who": "Bob" }] });
        unknown.inside("oven").say_in(&mut moved);
        assert_eq!(moved, json!({ "oven": { "id": 1, "heat": 400 }, "cooks": [{ "who": "Bob" }] }));
    }
}
