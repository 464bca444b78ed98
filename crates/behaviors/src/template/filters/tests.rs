//! What holds for all filters, functions and tests: their examples are true, their page is fresh, and whatever they are
//! given they answer, with no more than a value may be.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use minijinja::Value;
use minijinja::value::Serde;
use proptest::prelude::*;

use super::table::{Entry, GROUPS, Kind, entries};
use super::{SEED, reference_page};
use crate::template::measure::fits;
use crate::template::{Expression, Failure, Templates};

/// The page, from the crate's folder.
const PAGE: &str = "../../docs/reference/templates.md";

/// The fuel of a turn.
const FUEL: u64 = 1_000_000;

fn names(session: &str, seed: u64) -> Value {
    let session = if session.is_empty() { "{}" } else { session };
    let session: serde_json::Value = serde_json::from_str(session).expect("a session in JSON");
    Value::from_pairs([
        ("session", Value::from(Serde(session))),
        ("now", Value::from("2026-11-21T12:00:00Z")),
        (SEED, Value::from(seed)),
    ])
}

fn rendered(source: &str, names: Value) -> String {
    let mut templates = Templates::new();
    let template = match templates.text(source) {
        Ok((template, _)) => template,
        Err(fault) => return format!("{}:{}: {}", fault.line, fault.column, fault.message),
    };
    match templates.render(&template, names, &mut { FUEL }) {
        Ok(text) => text,
        Err(Failure::Limit(message) | Failure::Failed(message)) => format!("FAILED {message}"),
    }
}

#[test]
fn every_example_gives_what_it_says() {
    let mut wrong = Vec::new();
    for Entry { call, example, session, gives, .. } in entries() {
        let given = rendered(example, names(session, 7));
        if given != *gives {
            wrong.push(format!("{call}: {example}\n  says  {gives:?}\n  gives {given:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_shows_its_own() {
    for entry in entries() {
        let name = entry.name();
        let shown = match entry.kind {
            Kind::Filter => entry.example.contains(&format!("| {name}")),
            Kind::Function => entry.example.contains(&format!("{name}(")),
            Kind::Test => {
                entry.example.contains(&format!("is {name}"))
                    || entry.example.contains(&format!("('{name}'"))
            }
        };
        assert!(shown, "{name}: {}", entry.example);
        assert!(entry.about.ends_with('.'), "{name}: {}", entry.about);
    }
}

#[test]
fn groups_are_in_order_and_names_are_unique() {
    for group in &GROUPS {
        assert!(group.entries.is_sorted_by_key(Entry::name), "{}", group.title);
    }
    for kind in [Kind::Filter, Kind::Function, Kind::Test] {
        let mut names: Vec<&str> = super::names(kind).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}

#[test]
fn the_page_of_the_reference_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let run =
        "run `cargo run -p tidings-behaviors --example templates > docs/reference/templates.md`";
    assert!(committed == reference_page(), "{PAGE} is not what the table says: {run}");
}

#[test]
fn what_is_drawn_hangs_on_the_seed_alone() {
    let source = "{{ random_string(12) }} {{ random_string(12) }} {{ random(1000) }} {{ range(9) | shuffle }}";
    let drawn = |seed| rendered(source, names("", seed));
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    let told = drawn(1);
    let mut words = told.split(' ');
    assert_ne!(words.next(), words.next(), "two draws of a run differ");
    let unseeded = rendered("{{ random(6) }}", Value::from_pairs([("a", 1)]));
    assert_eq!(
        unseeded,
        "FAILED invalid operation: nothing is drawn here: the same event makes the same"
    );
    assert_eq!(
        rendered("{{ random(5, 5) }} {{ random([]) }} {{ '' | random }}", names("", 1)),
        "5  "
    );
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        "{{ 'a' | regex_find('(') }}",
        "{{ 'a' | regex_find('a', 1) }}",
        "{{ 'a' | regex_find('\\\\w{1000}') }}",
        "{{ 'a' | regex_find('(a)\\\\1') }}",
        "{{ 'x' | repeat(100000) }}",
        "{{ '%999999999s' | format('x') }}",
        "{{ '%s %s' | format('x') }}",
        "{{ '%d' | format('x') }}",
        "{{ 'x' | indent(100000) }}",
        "{{ [1] | batch(0) }}",
        "{{ [1] | batch(1000000000, 'x') }}",
        "{{ [1] | slice(1000000000) }}",
        "{{ 1 is divisibleby(0) }} {{ 0.5 is divisibleby(0) }} {{ 'x' is divisibleby('y') }}",
        "{{ 1 | date_modify('soon') }}",
        "{{ now | date('%Y', 'Europe/Nowhere') }}",
        "{{ 'x' | parse_json }}",
        "{{ '[' * 3 }}",
        "{{ ('[' | repeat(200)) | parse_json }}",
        "{{ (('[' | repeat(50)) ~ (']' | repeat(50))) | parse_json }}",
        "{{ 'x' | trim('x', 'top') }}",
        "{{ 5 | clamp(9, 1) }}",
        "{{ 'x' | hmac('k', 'crc') }}",
        "{{ 'x' | unbase64 }}",
        "{{ {'a': 1} | sort(attribut='a') }}",
        "{{ 5 | currency('EUR', 'xx') }}",
        "{{ 'a' is like('*' | repeat(300)) }}",
        "{{ ('a' | repeat(3000)) | regex_find_all('a') }}",
        "{{ ('a' | repeat(2000)) | regex_replace('a', '$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0') }}",
    ];
    insta::assert_snapshot!(cases.map(|case| rendered(case, names("", 1))).join("\n"), @r#"
    FAILED invalid operation: not a pattern: unclosed group
    FAILED invalid operation: the pattern has no such group
    FAILED invalid operation: not a pattern: Compiled regex exceeds size limit of 524288 bytes.
    FAILED invalid operation: not a pattern: backreferences are not supported
    FAILED too big: what `repeat` makes
    FAILED invalid operation: a place of `format` is 200 wide at most
    FAILED invalid operation: `format` has no value 2
    FAILED invalid operation: `format` needs a number
    FAILED invalid operation: `indent` is 0 to 100 spaces wide
    FAILED invalid operation: `batch` needs a number above 0
    FAILED too big: a number of `batch`
    FAILED too big: a number of `slice`
    false false false
    FAILED invalid operation: "soon" is no change of a time
    FAILED invalid operation: there is no time zone "Europe/Nowhere"
    FAILED invalid operation: `parse_json` needs JSON: expected value at line 1 column 1
    FAILED invalid operation: only numbers are multiplied
    FAILED invalid operation: `parse_json` needs JSON: recursion limit exceeded at line 1 column 128
    FAILED too big: what `parse_json` makes
    FAILED invalid operation: `trim` knows the sides both, left and right, not "top"
    FAILED invalid operation: `clamp` needs the smaller limit first
    FAILED invalid operation: `hmac` knows md5, sha1, sha256, sha384 and sha512
    FAILED invalid operation: `unbase64` needs a text that was written in base64
    FAILED too many arguments: unknown keyword argument 'attribut'
    FAILED invalid operation: `currency` knows no locale "xx"; it knows bg, cs, da, de, de-AT, de-CH, el, en, es, es-MX, et, fi, fr, fr-CH, hi, hr, hu, id, it, ja, ko, lt, lv, nb, nl, pl, pt, pt-PT, ro, ru, sk, sv, tr, uk, zh
    FAILED invalid operation: a pattern of `like` has at most 200 bytes
    FAILED too big: the list of matches
    FAILED too big: what `regex_replace` makes
    "#);
}

#[test]
fn what_filters_work_through_is_fuel_too() {
    let cases = [
        // Each pattern is another one: all must be compiled.
        "{% for i in range(1000) %}{{ 'a' | regex_find('a{' ~ i ~ '}') }}{% endfor %}",
        // Each time 60 KB.
        "{% for i in range(1000) %}{% if ('a' | repeat(60000)) | upper is lower %}x{% endif %}{% endfor %}",
        // Each match may look at all that is left.
        "{{ ('a b ' | repeat(15000)) | regex_find_all('a') | length }}",
    ];
    for case in cases {
        assert_eq!(rendered(case, names("", 1)), "FAILED it takes too long", "{case}");
    }
}

/// A template for each entry and each number of arguments, compiled once.
static CALLS: LazyLock<(Templates, Vec<(String, Expression)>)> = LazyLock::new(|| {
    let mut templates = Templates::new();
    let mut calls = Vec::new();
    for entry in entries() {
        let name = entry.name();
        for arguments in
            ["", "a", "a, b", "a, b, c", "attribute=a", "a, attribute=b", "by=a", "default=a"]
        {
            let source = match entry.kind {
                Kind::Filter if arguments.is_empty() => format!("v | {name}"),
                Kind::Filter => format!("v | {name}({arguments})"),
                Kind::Function => format!("{name}({arguments})"),
                Kind::Test if arguments.is_empty() => format!("v is {name}"),
                Kind::Test => format!("v is {name}({arguments})"),
            };
            let (expression, _) = templates.expression(&source).expect("a call");
            calls.push((source, expression));
        }
    }
    (templates, calls)
});

/// Texts that some filter takes for more than a text.
fn text() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        "",
        " ",
        "a",
        "a,b;c\nd",
        "%s %05.2f%-9d%2$s%'x9d%c",
        "%",
        "$0${a}$$",
        "(a|b)*c\\w+",
        "a.b.[]",
        "0.[].x",
        "*?*",
        "2026-11-21T18:30:00Z",
        "2026-01-31",
        "+1 month",
        "last day of february",
        "9999-12-31",
        "-9999-01-01",
        "%Y-%m-%d %c %999d",
        "Europe/Berlin",
        "de",
        "EUR",
        "sha256",
        "base64",
        "upper",
        "odd",
        "truncate",
        "json",
        "map",
        "{\"a\":[1,{\"b\":null}]}",
        "[[[[[[",
        "<a b='1'>x<b/>&amp;</a>",
        "<a><a><a>",
        "//*[@b='1'][1]/..//text()",
        "**a** [b](c:d) <e>",
        "<p>a<br>b</p><script>",
        "&#x41;&#0;&bogus;&#99999999;",
        "%41%ff+",
        "QUJD",
        "_-==",
        "left",
        "https://u:p@example.com:1/?a=b&a=c#d",
        "Alice <alice@example.com>, \"B",
        "1e308",
        "-5",
        "16",
        "ß",
        "ǆ",
        "İ",
        "😀é",
        "\u{0}",
        "\r\n\r\n",
        "next monday",
        "first",
        "value",
        "ceil",
        "median",
        "a\u{301}",
    ])
    .prop_map(Value::from);
    let long = (
        prop::sample::select(vec![
            "a", "<", "*", "[", "{\"a\":", "<a>", "> ", "%s", "&amp;", "é", "1,", "\n", "`", "_a_",
        ]),
        0_usize..60_000,
    )
        .prop_map(|(piece, bytes)| Value::from(piece.repeat(bytes / piece.len())));
    prop_oneof![6 => known, 1 => long, 2 => ".{0,40}".prop_map(Value::from)]
}

fn value() -> impl Strategy<Value = Value> {
    let numbers = prop::sample::select(vec![
        0,
        1,
        -1,
        2,
        3,
        10,
        16,
        100,
        5_000,
        i64::MAX,
        i64::MIN,
        1_795_262_400,
    ]);
    let leaf = prop_oneof![
        2 => Just(Value::UNDEFINED),
        1 => Just(Value::from(())),
        1 => any::<bool>().prop_map(Value::from),
        3 => numbers.prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        2 => any::<f64>().prop_map(Value::from),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 1e300, 2.5]).prop_map(Value::from),
        1 => any::<i128>().prop_map(Value::from),
        8 => text(),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let fields = prop::collection::vec(("[a-c]{0,2}", inner.clone()), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            fields.prop_map(Value::from_pairs::<Vec<(String, Value)>, _, _>),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_they_are_given_they_answer(v in value(), a in value(), b in value(), c in value()) {
        prop_assume!(fits(&v) && fits(&a) && fits(&b) && fits(&c));
        let names = Value::from_pairs([
            ("v", v), ("a", a), ("b", b), ("c", c), ("now", Value::from("2026-11-21T12:00:00Z")), (SEED, Value::from(1)),
        ]);
        let (templates, calls) = &*CALLS;
        for (source, expression) in calls {
            if let Ok(made) = templates.evaluate(expression, names.clone(), &mut { FUEL }) {
                prop_assert!(fits(&made), "{source} makes too much");
            }
        }
    }
}

#[test]
fn a_time_may_be_seconds_in_a_text_and_eight_digits_are_a_date() {
    let source = "{{ '1795446896' | date('%Y-%m-%d %H:%M:%S') }} {{ date('1795446896') }} {{ '20261224' | date('%d.%m.') }}";
    let expected = "2026-11-23 15:14:56 2026-11-23T15:14:56Z 24.12.";
    assert_eq!(rendered(source, names("", 0)), expected);
}
