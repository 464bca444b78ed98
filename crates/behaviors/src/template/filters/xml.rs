//! XML as data. There are no document types, so nothing stands for more than it is.

use minijinja::{Error, Value};
use roxmltree::{Document, Node, ParsingOptions};

use super::table::{Entry, filter};
use super::work::heavy;
use super::{failed, text_of, xpath};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "parse_xml",
        "The root element as a mapping: `name`, `attributes`, `text` (what stands in it directly) and `children`, which are \
         alike. Names are without the prefixes of namespaces.",
        "{{ '<a b=\"1\">x<c/></a>' | parse_xml }}",
        r#"{"name":"a","attributes":{"b":"1"},"text":"x","children":[{"name":"c","attributes":{},"text":"","children":[]}]}"#,
        |e, n| heavy(e, n, parse_xml),
    ),
    filter(
        "xpath(path)",
        "What a path finds, as a list: texts of `text()` and `@name`, elements as of `parse_xml`. Of XPath there are `/a/b`, \
         `//b`, `*`, `.`, `..`, `@name`, `@*`, `text()`, and after a step `[2]`, `[last()]`, `[@c]`, `[b]`, `[@c='d']`, \
         `[b!='d']`, `[text()='d']`, `[contains(@c, 'd')]`, `[starts-with(., 'd')]`.",
        "{{ session.xml | xpath('//item[@id=\"2\"]/name/text()') | first }} {{ session.xml | xpath('/list/item/@id') }}",
        r#"Diavola ["1","2"]"#,
        |e, n| heavy(e, n, xpath::xpath),
    )
    .seeing(
        r#"{"xml": "<list><item id='1'><name>Funghi</name></item><item id='2'><name>Diavola</name></item></list>"}"#,
    ),
];

/// How deep elements may nest: a mapping of one nests twice as deep, and values have their limit.
const ELEMENTS_DEPTH_MAX: usize = 30;

/// The most elements and texts.
const NODES_MAX: u32 = 10_000;

fn parse_xml(value: &Value) -> Result<Value, Error> {
    let text = text_of(value)?;
    let document = read(&text)?;
    Ok(element(document.root_element()))
}

/// Reads a document, no deeper than may be walked by recursion.
pub(super) fn read(text: &str) -> Result<Document<'_>, Error> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..Default::default() };
    let document = Document::parse_with_options(text.trim(), options)
        .map_err(|error| failed(format!("not XML that can be read: {error}")))?;
    if !is_within(document.root(), ELEMENTS_DEPTH_MAX + 1) {
        return Err(failed(format!("XML is read {ELEMENTS_DEPTH_MAX} elements deep at most")));
    }
    Ok(document)
}

fn is_within(node: Node<'_, '_>, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else { return false };
    node.children().filter(Node::is_element).all(|child| is_within(child, below))
}

/// An element as a mapping.
pub(super) fn element(node: Node<'_, '_>) -> Value {
    let attributes = node.attributes().map(|attribute| (attribute.name(), attribute.value()));
    let children = node.children().filter(Node::is_element).map(element);
    Value::from_pairs([
        ("name", Value::from(node.tag_name().name())),
        ("attributes", Value::from_pairs(attributes)),
        ("text", Value::from(text(node))),
        ("children", children.collect()),
    ])
}

/// What stands in an element directly, without the white space around it.
pub(super) fn text(node: Node<'_, '_>) -> String {
    let pieces = node.children().filter(Node::is_text).filter_map(|child| child.text());
    pieces.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_grow_or_nest_is_refused() {
        let told = |text: &str| match parse_xml(&Value::from(text)) {
            Ok(value) => value.get_attr("text").map(|text| text.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        let cases = [
            told("<a>1 &lt; 2 &#65; <b>not this</b> <![CDATA[<c>]]></a>"),
            told("<!DOCTYPE a [<!ENTITY x 'xxx'>]><a>&x;</a>"),
            told("<a>&x;</a>"),
            told("<a><b></a>"),
            told("hello"),
            told(""),
            told(&nested(30)),
            told(&nested(31)),
            told(&nested(9_000)),
            told(&format!("<a>{}</a>", "<b/>".repeat(10_001))),
        ];
        insta::assert_snapshot!(cases.join("\n"), @"
        1 < 2 A  <c>
        invalid operation: not XML that can be read: XML with DTD detected
        invalid operation: not XML that can be read: unknown entity reference 'x' at 1:4
        invalid operation: not XML that can be read: expected 'b' tag, not 'a' at 1:7
        invalid operation: not XML that can be read: unknown token at 1:1
        invalid operation: not XML that can be read: the document does not have a root node

        invalid operation: XML is read 30 elements deep at most
        invalid operation: XML is read 30 elements deep at most
        invalid operation: not XML that can be read: nodes limit reached
        ");
    }
}
