//! A part of `XPath`: steps down and to attributes, with simple predicates. Each step goes through each node once, so a path
//! takes the product of its steps, the nodes and their depth at most.

use std::collections::BTreeMap;

use minijinja::{Error, State, Value};
use roxmltree::Node;

use super::numbers::shortened;
use super::work::charge;
use super::xml::{element, read, text};
use super::{failed, text_of};

/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 500;

/// The most steps of a path.
const STEPS_MAX: usize = 20;

/// The most predicates of a step.
const PREDICATES_MAX: usize = 5;

/// How many visited nodes cost as much as an instruction.
const VISITED_PER_FUEL: usize = 16;

/// A step of a path.
#[derive(Debug)]
struct Step<'p> {
    /// Whether it begins at everything below.
    deep: bool,
    to: To<'p>,
    predicates: Vec<Predicate<'p>>,
}

/// Where a step leads.
#[derive(Debug)]
enum To<'p> {
    Here,
    Parent,
    /// Elements by their name, or all.
    Children(Option<&'p str>),
    Attribute(Option<&'p str>),
    Text,
}

/// What must be so of an element.
#[derive(Debug)]
enum Predicate<'p> {
    Number(usize),
    Last,
    Has(Operand<'p>),
    Compares(Operand<'p>, Comparison, &'p str),
}

/// What a predicate looks at.
#[derive(Debug)]
enum Operand<'p> {
    Own,
    Attribute(&'p str),
    Child(&'p str),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
}

pub(super) fn xpath(
    state: &mut State<'_, '_>,
    value: &Value,
    path: &str,
) -> Result<Vec<Value>, Error> {
    let mut visited = 0;
    let found = find(value, path, &mut visited);
    charge(state, u64::try_from(visited / VISITED_PER_FUEL).unwrap_or(u64::MAX))?;
    found
}

/// What a path finds; counts the nodes that it visits.
fn find(value: &Value, path: &str, visited: &mut usize) -> Result<Vec<Value>, Error> {
    let steps = parse(path)?;
    let text_of_document = text_of(value)?;
    let document = read(&text_of_document)?;
    let mut nodes = vec![document.root()];
    for step in &steps {
        if step.deep {
            nodes = below(&nodes, visited);
        }
        *visited += nodes.len();
        match &step.to {
            To::Here => nodes.retain(|node| !node.is_root() && keeps(*node, step)),
            To::Parent => nodes = once(nodes.iter().filter_map(Node::parent)),
            To::Children(name) => {
                nodes = once(nodes.iter().flat_map(|node| children(*node, *name, step)));
            }
            To::Attribute(name) => {
                let found = nodes.iter().flat_map(Node::attributes);
                let named = found.filter(|found| name.is_none_or(|name| name == found.name()));
                return Ok(named.map(|found| Value::from(found.value())).collect());
            }
            To::Text => {
                let texts = nodes.iter().map(|node| text(*node)).filter(|text| !text.is_empty());
                return Ok(texts.map(Value::from).collect());
            }
        }
    }
    Ok(nodes.into_iter().filter(Node::is_element).map(element).collect())
}

/// The nodes with all elements below them.
fn below<'d, 'i>(nodes: &[Node<'d, 'i>], visited: &mut usize) -> Vec<Node<'d, 'i>> {
    let own = |node: &Node<'d, 'i>| node.is_element() || node.is_root();
    let all = nodes.iter().flat_map(Node::descendants).inspect(|_| *visited += 1);
    once(all.filter(own))
}

/// Each node once, in the order of the document.
fn once<'d, 'i>(nodes: impl Iterator<Item = Node<'d, 'i>>) -> Vec<Node<'d, 'i>> {
    let by_id: BTreeMap<u32, Node<'d, 'i>> = nodes.map(|node| (node.id().get(), node)).collect();
    by_id.into_values().collect()
}

fn children<'d, 'i>(node: Node<'d, 'i>, name: Option<&str>, step: &Step<'_>) -> Vec<Node<'d, 'i>> {
    let named = |child: &Node<'_, '_>| name.is_none_or(|name| child.tag_name().name() == name);
    let mut found: Vec<_> = node.children().filter(Node::is_element).filter(named).collect();
    for predicate in &step.predicates {
        match predicate {
            Predicate::Number(number) => {
                found = found.into_iter().skip(number.saturating_sub(1)).take(1).collect();
            }
            Predicate::Last => found = found.last().copied().into_iter().collect(),
            Predicate::Has(_) | Predicate::Compares(..) => {
                found.retain(|node| holds(*node, predicate));
            }
        }
    }
    found
}

fn keeps(node: Node<'_, '_>, step: &Step<'_>) -> bool {
    step.predicates.iter().all(|predicate| holds(node, predicate))
}

/// Whether a predicate holds of an element. Of one alone, it is the first and the last.
fn holds(node: Node<'_, '_>, predicate: &Predicate<'_>) -> bool {
    let any = |operand: &Operand<'_>, does: &dyn Fn(&str) -> bool| match operand {
        Operand::Own => does(&text(node)),
        Operand::Attribute(name) => {
            node.attributes().any(|found| found.name() == *name && does(found.value()))
        }
        Operand::Child(name) => node.children().any(|child| {
            child.is_element() && child.tag_name().name() == *name && does(&text(child))
        }),
    };
    match predicate {
        Predicate::Number(number) => *number == 1,
        Predicate::Last => true,
        Predicate::Has(Operand::Own) => !text(node).is_empty(),
        Predicate::Has(operand) => any(operand, &|_| true),
        Predicate::Compares(operand, comparison, literal) => {
            any(operand, &|found| match comparison {
                Comparison::Equal => found == *literal,
                Comparison::NotEqual => found != *literal,
                Comparison::Contains => found.contains(literal),
                Comparison::StartsWith => found.starts_with(literal),
            })
        }
    }
}

fn parse(path: &str) -> Result<Vec<Step<'_>>, Error> {
    if path.len() > PATH_BYTES_MAX {
        return Err(failed(format!("a path has at most {PATH_BYTES_MAX} bytes")));
    }
    let wrong = || failed(format!("not a path that `xpath` knows: {:?}", shortened(path)));
    let mut rest = path.trim();
    let mut steps = Vec::new();
    while !rest.is_empty() || steps.is_empty() {
        let deep = rest.starts_with("//");
        let after = rest.strip_prefix("//").or_else(|| rest.strip_prefix('/'));
        if after.is_none() && !steps.is_empty() {
            return Err(wrong());
        }
        let ended = matches!(steps.last(), Some(Step { to: To::Attribute(_) | To::Text, .. }));
        if ended || steps.len() >= STEPS_MAX {
            return Err(wrong());
        }
        let (to, left) = to(after.unwrap_or(rest)).ok_or_else(wrong)?;
        let (predicates, left) = predicates(left).ok_or_else(wrong)?;
        let takes_predicates = matches!(to, To::Children(_) | To::Here);
        if predicates.len() > PREDICATES_MAX || (!takes_predicates && !predicates.is_empty()) {
            return Err(wrong());
        }
        steps.push(Step { deep, to, predicates });
        rest = left;
    }
    Ok(steps)
}

fn to(rest: &str) -> Option<(To<'_>, &str)> {
    if let Some(left) = rest.strip_prefix("text()") {
        return Some((To::Text, left));
    }
    if let Some(left) = rest.strip_prefix("..") {
        return Some((To::Parent, left));
    }
    if let Some(left) = rest.strip_prefix('.') {
        return Some((To::Here, left));
    }
    if let Some(rest) = rest.strip_prefix('@') {
        let (name, left) = star_or_name(rest)?;
        return Some((To::Attribute(name), left));
    }
    let (name, left) = star_or_name(rest)?;
    Some((To::Children(name), left))
}

fn star_or_name(rest: &str) -> Option<(Option<&str>, &str)> {
    if let Some(left) = rest.strip_prefix('*') {
        return Some((None, left));
    }
    let (name, left) = name(rest)?;
    Some((Some(name), left))
}

/// A name, without the prefix of its namespace.
fn name(rest: &str) -> Option<(&str, &str)> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let end = rest.find(|c: char| !part(c)).unwrap_or(rest.len());
    let (name, left) = rest.split_at(end);
    let local = name.split_once(':').map_or(name, |(_, local)| local);
    let starts = local.starts_with(|c: char| c.is_alphabetic() || c == '_');
    (starts && !local.contains(':')).then_some((local, left))
}

fn predicates(mut rest: &str) -> Option<(Vec<Predicate<'_>>, &str)> {
    let mut predicates = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let (predicate, left) = predicate(inner.trim_start())?;
        rest = left.trim_start().strip_prefix(']')?;
        predicates.push(predicate);
    }
    Some((predicates, rest))
}

fn predicate(rest: &str) -> Option<(Predicate<'_>, &str)> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if end > 0 {
        let (digits, left) = rest.split_at(end);
        let number = digits.parse().ok().filter(|number| *number > 0)?;
        return Some((Predicate::Number(number), left));
    }
    if let Some(left) = rest.strip_prefix("last()") {
        return Some((Predicate::Last, left));
    }
    for (start, comparison) in
        [("contains(", Comparison::Contains), ("starts-with(", Comparison::StartsWith)]
    {
        if let Some(inner) = rest.strip_prefix(start) {
            let (operand, left) = operand(inner.trim_start())?;
            let (literal, left) = literal(left.trim_start().strip_prefix(',')?.trim_start())?;
            let left = left.trim_start().strip_prefix(')')?;
            return Some((Predicate::Compares(operand, comparison, literal), left));
        }
    }
    let (operand, left) = operand(rest)?;
    let left = left.trim_start();
    let (comparison, right) = match (left.strip_prefix("!="), left.strip_prefix('=')) {
        (Some(right), _) => (Comparison::NotEqual, right),
        (None, Some(right)) => (Comparison::Equal, right),
        (None, None) => return Some((Predicate::Has(operand), left)),
    };
    let (literal, left) = literal(right.trim_start())?;
    Some((Predicate::Compares(operand, comparison, literal), left))
}

fn operand(rest: &str) -> Option<(Operand<'_>, &str)> {
    for own in ["text()", "."] {
        if let Some(left) = rest.strip_prefix(own) {
            return Some((Operand::Own, left));
        }
    }
    if let Some(rest) = rest.strip_prefix('@') {
        return name(rest).map(|(name, left)| (Operand::Attribute(name), left));
    }
    name(rest).map(|(name, left)| (Operand::Child(name), left))
}

/// A text in quotes, or a number.
fn literal(rest: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(inner) = rest.strip_prefix(quote) {
            return inner.split_once(quote);
        }
    }
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_what_they_say() {
        let document = "<shop xmlns:x='urn:x' name='Da Bob'><menu><pizza size='L'>Funghi<price>11</price></pizza>\
            <pizza size='S'>Diavola<price>8</price></pizza><x:pizza>Salami<price>8</price></x:pizza></menu>\
            <closed><day>Monday</day><day>Tuesday</day></closed></shop>";
        let told = |path: &str| match find(&Value::from(document), path, &mut 0) {
            Ok(found) => {
                format!("{path}: {}", super::super::json(&found.into(), None).expect("JSON"))
            }
            Err(error) => format!("{path}: {error}"),
        };
        let paths = [
            "/shop/@name",
            "shop/menu/pizza/text()",
            "//pizza[2]/text()",
            "//pizza[last()]/price/text()",
            "//pizza[@size='L']/price",
            "//pizza[price=8][1]/text()",
            "//pizza[price != '8']/@*",
            "//pizza[not]/text()",
            "//pizza[@size]/text()",
            "//*[text()='Monday']/../day[2]/text()",
            "//day[contains(., 'nd')]/text()",
            "//x:pizza[starts-with(text(), 'Sal')]/text()",
            "//day[.=\"Tuesday\"]/./text()",
            "/shop/*/day[1]/text()",
            "//menu//price/text()",
            "//text()",
            "/nothing/here",
            "..",
            "",
            "/",
            "//",
            "/shop/",
            "/shop[",
            "/shop[0]",
            "/shop/@name/x",
            "/shop/text()[1]",
            "/shop/child::menu",
            "/shop menu",
        ];
        insta::assert_snapshot!(paths.map(told).join("\n"), @r#"
        /shop/@name: ["Da Bob"]
        shop/menu/pizza/text(): ["Funghi","Diavola","Salami"]
        //pizza[2]/text(): ["Diavola"]
        //pizza[last()]/price/text(): ["8"]
        //pizza[@size='L']/price: [{"name":"price","attributes":{},"text":"11","children":[]}]
        //pizza[price=8][1]/text(): ["Diavola"]
        //pizza[price != '8']/@*: ["L"]
        //pizza[not]/text(): []
        //pizza[@size]/text(): ["Funghi","Diavola"]
        //*[text()='Monday']/../day[2]/text(): ["Tuesday"]
        //day[contains(., 'nd')]/text(): ["Monday"]
        //x:pizza[starts-with(text(), 'Sal')]/text(): ["Salami"]
        //day[.="Tuesday"]/./text(): ["Tuesday"]
        /shop/*/day[1]/text(): ["Monday"]
        //menu//price/text(): ["11","8","8"]
        //text(): ["Funghi","11","Diavola","8","Salami","8","Monday","Tuesday"]
        /nothing/here: []
        ..: []
        : invalid operation: not a path that `xpath` knows: ""
        /: invalid operation: not a path that `xpath` knows: "/"
        //: invalid operation: not a path that `xpath` knows: "//"
        /shop/: invalid operation: not a path that `xpath` knows: "/shop/"
        /shop[: invalid operation: not a path that `xpath` knows: "/shop["
        /shop[0]: invalid operation: not a path that `xpath` knows: "/shop[0]"
        /shop/@name/x: invalid operation: not a path that `xpath` knows: "/shop/@name/x"
        /shop/text()[1]: invalid operation: not a path that `xpath` knows: "/shop/text()[1]"
        /shop/child::menu: invalid operation: not a path that `xpath` knows: "/shop/child::menu"
        /shop menu: invalid operation: not a path that `xpath` knows: "/shop menu"
        "#);
        assert!(find(&Value::from(document), &"/*".repeat(21), &mut 0).is_err());
        assert!(find(&Value::from(document), &"a".repeat(501), &mut 0).is_err());
    }
}
