//! There is no way out: neither names nor constructors give more than the language. (What the process itself may do is
//! tested in `src/walls.rs`, from within.)

use serde_json::json;

use crate::kit::{sandbox, value};

#[tokio::test]
async fn there_is_nothing_but_the_language() {
    let sandbox = sandbox();
    let code = r#"
        const names = ["require", "module", "exports", "process", "std", "os", "bjson", "Deno", "Bun", "fetch", "XMLHttpRequest", "WebSocket",
            "Worker", "setTimeout", "setInterval", "setImmediate", "load", "loadScript", "print", "scriptArgs", "read", "open",
            "importScripts", "navigator", "window", "performance", "__loadScript", "gc"];
        return names.filter(name => name in globalThis || eval("typeof " + name) !== "undefined");
    "#;
    assert_eq!(value(&sandbox, code).await, json!([]));
}

#[tokio::test]
async fn all_globals_are_known() {
    let sandbox = sandbox();
    let names = value(&sandbox, "return Object.getOwnPropertyNames(globalThis).sort().join(' ')");
    insta::assert_snapshot!(
        names.await.as_str().expect("a text"),
        @"AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DOMException DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array InternalError Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet atob btoa console decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis input isFinite isNaN parseFloat parseInt queueMicrotask undefined unescape"
    );
}

#[tokio::test]
async fn no_module_can_be_loaded() {
    let sandbox = sandbox();
    for name in [
        "std",
        "os",
        "qjs:std",
        "qjs:os",
        "bjson",
        "fs",
        "./x.js",
        "/etc/passwd",
        "file:///etc/passwd",
    ] {
        let code = format!(
            "try {{ await import('{name}'); return 'loaded' }} catch (e) {{ return e.name }}"
        );
        assert_eq!(value(&sandbox, &code).await, "ReferenceError", "{name}");
    }
}

#[tokio::test]
async fn constructors_lead_to_the_same_world() {
    let sandbox = sandbox();
    for code in [
        "return Function('return this')() === globalThis",
        "return (async () => {}).constructor('return this').call(undefined).then(that => that === globalThis)",
        "return (function* () {}).constructor('yield this')().next().value === globalThis",
        "return (0, eval)('this') === globalThis",
        "return [].map.constructor('return this')() === globalThis",
        "return console.log.constructor('return this')() === globalThis",
        "return Math.random.constructor('return this')() === globalThis",
        "return input.constructor.constructor('return this')() === globalThis",
        "try { null.x } catch (e) { return e.constructor.constructor('return this')() === globalThis }",
        "Error.prepareStackTrace = (e, sites) => sites; const s = new Error().stack; delete Error.prepareStackTrace; return s.every(site => [undefined, null, globalThis].includes(site.getThis?.()))",
    ] {
        assert_eq!(value(&sandbox, code).await, true, "{code}");
    }
}

#[tokio::test]
async fn a_script_cannot_wait_for_the_machine() {
    let sandbox = sandbox();
    let code = r#"
        const cell = new Int32Array(new SharedArrayBuffer(4));
        try { return Atomics.wait(cell, 0, 0, 1e6) } catch (e) { return e.name }
    "#;
    assert!(
        ["TypeError", "ReferenceError"]
            .contains(&value(&sandbox, code).await.as_str().expect("a name"))
    );
}
