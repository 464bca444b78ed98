//! Values in and out, what is logged, and what is said of code that is wrong.

use insta::assert_snapshot;
use serde_json::json;
use tidings_script::{Log, Request};

use crate::kit::{LONG, NOW_MS, fault, outcome, sandbox, told, value};

#[tokio::test]
async fn what_goes_in_comes_out() {
    let sandbox = sandbox();
    let mut deep = json!("bottom");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    for input in [
        json!(null),
        json!(true),
        json!(-0.5),
        json!(9_007_199_254_740_991_i64),
        json!(1e300),
        json!("Zoë \u{0} \u{2028} 🙂 \"quoted\" \\"),
        json!({"b": [1, {"a": null}], "a": {}, "": [], "__proto__": 1, "constructor": 2}),
        deep,
    ] {
        let request = Request {
            code: "return input".to_owned(),
            input: input.clone(),
            now_ms: NOW_MS,
            seed: 1,
        };
        let outcome = sandbox.run(request, LONG).await.expect("it ends");
        assert_eq!(outcome.value, input);
        assert_eq!(outcome.log, Log::default());
    }
}

#[tokio::test]
async fn code_is_the_body_of_an_async_function() {
    let sandbox = sandbox();
    for (code, expected) in [
        ("", json!(null)),
        ("// nothing", json!(null)),
        ("return", json!(null)),
        ("return undefined", json!(null)),
        ("return 1 + 1 // two", json!(2)),
        ("return `hello ${input.name}`", json!("hello Alice")),
        (
            "const {name} = input; return {name, letters: [...name].length}",
            json!({"name": "Alice", "letters": 5}),
        ),
        ("return NaN", json!(null)),
        ("return [undefined, function () {}]", json!([null, null])),
        ("return {when: new Date()}", json!({"when": "2024-05-06T07:08:09.010Z"})),
        ("return await Promise.resolve(3)", json!(3)),
        ("return Promise.all([1, Promise.resolve(2)])", json!([1, 2])),
        ("return {then: kept => kept(4)}", json!(4)),
        ("let n = 0; for await (const x of [1, Promise.resolve(2)]) n += x; return n", json!(3)),
        ("return await new Promise(kept => queueMicrotask(() => kept(5)))", json!(5)),
        (
            "try { await Promise.reject(new Error('no')) } catch (e) { return e.message }",
            json!("no"),
        ),
        ("loose = 6; return this === globalThis && globalThis.loose", json!(6)),
        ("'use strict'; try { loose = 6 } catch (e) { return e.name }", json!("ReferenceError")),
        ("return JSON.parse('{\"a\": [1]}').a", json!([1])),
        ("return 'x'.repeat(3).replace(/x/g, 'y') + [3, 1, 2].toSorted()", json!("yyy1,2,3")),
        ("return String(2n ** 70n)", json!("1180591620717411303424")),
        ("return eval('1 + 1') + new Function('return 2')()", json!(4)),
    ] {
        assert_eq!(value(&sandbox, code).await, expected, "{code}");
    }
}

#[tokio::test]
async fn what_is_logged_comes_beside_the_value() {
    let sandbox = sandbox();
    let code = r#"
        console.log("hello", 1, true, null, undefined, {a: [1]}, [2]);
        console.warn(new TypeError("no"), () => 1, Symbol("s"), 5n);
        const circle = {}; circle.circle = circle;
        console.error(circle, "half \ud83d");
        console.info({ toJSON() { throw 1 }, toString() { throw 2 } });
        console.debug();
        return 1;
    "#;
    let outcome = outcome(&sandbox, code).await.expect("it ends");
    assert_eq!(outcome.value, 1);
    assert_snapshot!(outcome.log.lines.join("\n"), @r#"
    hello 1 true null undefined {"a":[1]} [2]
    TypeError: no () => 1 [symbol] 5
    [object Object] "half \ud83d"
    [object]
    "#);
}

#[tokio::test]
async fn what_was_logged_before_an_error_is_kept_and_much_is_counted() {
    let sandbox = sandbox();
    let code = "for (let i = 0; i < 1000; i++) console.log(i, 'x'.repeat(5000)); throw 'enough'";
    let failed = outcome(&sandbox, code).await.expect_err("it throws");
    assert_eq!(failed.fault.kind(), "threw");
    assert_eq!((failed.log.lines.len(), failed.log.left_out), (100, 900));
    assert!(failed.log.lines.iter().all(|line| line.len() < 1100));
    assert_eq!(failed.log.lines[99].get(..5), Some("99 xx"));
    let next = outcome(&sandbox, "console.log('new')").await.expect("it ends");
    assert_eq!(next.log.lines, ["new"]);
}

#[tokio::test]
async fn errors_tell_their_line() {
    let sandbox = sandbox();
    let told = told(
        &sandbox,
        &[
            "throw new Error('first')",
            "let a = 1;\n\nthrow new RangeError('third')",
            "const f = () => {\n  missing();\n};\nf()",
            "await null;\nnull.x",
            "await Promise.reject(new TypeError('rejected'))",
            "return JSON.parse('{')",
            "throw 'a text'",
            "throw {code: 7}",
            "throw undefined",
            "throw Object.assign(new Error('x'.repeat(10)), {name: 'Own'})",
            "throw Object.create(Error.prototype)",
            "throw {toString() { throw 1 }, toJSON() { throw 2 }}",
            "await new Promise(() => {})",
            "throw new Error('half \\ud83d')",
        ],
    )
    .await;
    assert_snapshot!(told, @r#"
    threw: line 1: Error: first
    threw: line 3: RangeError: third
    threw: line 2: ReferenceError: missing is not defined
    threw: line 2: TypeError: cannot read property 'x' of null
    threw: line 1: TypeError: rejected
    threw: line 1: SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)
    threw: a text
    threw: {"code":7}
    threw: undefined
    threw: line 1: Own: xxxxxxxxxx
    threw: {}
    threw: [object]
    threw: the script waits for a promise that nobody keeps
    threw: line 1: Error: "half \ud83d"
    "#);
}

#[tokio::test]
async fn code_that_is_none_tells_its_line_and_column() {
    let sandbox = sandbox();
    let told = told(
        &sandbox,
        &[
            "let = = 1",
            "let a = 1;\nlet b = ;\nreturn a",
            "if (true) {\nreturn 1",
            "return 'open",
            "let a; let a",
            "/* open",
            "a\0b",
            "ok()\n  \0",
            "import x from 'y'",
            "export const a = 1",
            "}",
        ],
    )
    .await;
    assert_snapshot!(told, @r#"
    syntax: line 1, column 7: SyntaxError: unexpected token in expression: '='
    syntax: line 2, column 9: SyntaxError: unexpected token in expression: ';'
    syntax: line 2, column 9: SyntaxError: unexpected token in expression: ')'
    syntax: line 1, column 8: SyntaxError: unexpected end of string
    syntax: line 1, column 13: SyntaxError: invalid redefinition of lexical identifier
    syntax: line 1, column 1: SyntaxError: unexpected end of comment
    syntax: line 1, column 2: code holds no null characters
    syntax: line 2, column 3: code holds no null characters
    syntax: line 1, column 8: SyntaxError: Unexpected identifier 'x'
    syntax: line 1, column 1: SyntaxError: unsupported keyword: export
    syntax: line 1, column 2: SyntaxError: Unexpected token '}'
    "#);
}

#[tokio::test]
async fn what_is_no_json_is_told() {
    let sandbox = sandbox();
    let told = told(
        &sandbox,
        &[
            "return () => 1",
            "return Symbol('s')",
            "return 1n",
            "const a = []; a.push(a); return a",
            "return {toJSON() { throw new Error('unwilling') }}",
            "return '\\ud83d'",
            "let a = 1; for (let i = 0; i < 200; i++) a = [a]; return a",
        ],
    )
    .await;
    assert_snapshot!(told, @r#"
    not_json: the script's value cannot be said in JSON: it is a function or a symbol
    not_json: the script's value cannot be said in JSON: it is a function or a symbol
    not_json: the script's value cannot be said in JSON: TypeError: BigInt are forbidden in JSON.stringify
    not_json: the script's value cannot be said in JSON: TypeError: circular reference
    not_json: the script's value cannot be said in JSON: Error: unwilling
    not_json: the script's value cannot be said in JSON: a text in it is no Unicode (half a surrogate pair)
    not_json: the script's value cannot be said in JSON: it is nested too deeply
    "#);
    assert_eq!(fault(&sandbox, "return {get a() { throw 1 }}").await.kind(), "not_json");
}
