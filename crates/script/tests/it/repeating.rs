//! The same request gives the same outcome: clock and chance come with it, and nothing of one script is left for the next.

use serde_json::{Value, json};
use tidings_script::Request;

use crate::kit::{LONG, NOW_MS, request, sandbox, value};

#[tokio::test]
async fn the_clock_stands_still() {
    let sandbox = sandbox();
    let code = r#"
        const before = Date.now(); for (let i = 0; i < 1e5; i++);
        class Mine extends Date {}
        return {
            now: Date.now() === before && before,
            new: +new Date(), called: Date(), sub: +new Mine(), reflected: +Reflect.construct(Date, []),
            by: +new (new Date()).constructor(), inherited: Object.getPrototypeOf(Date) === Function.prototype,
            given: +new Date(0), parts: new Date(2024, 0, 2, 3).toISOString(), parsed: Date.parse("2024-01-02"), utc: Date.UTC(2024, 0),
            zone: new Date().getTimezoneOffset(), local: new Date().toString(), name: Date.name, length: Date.length,
            kind: new Date() instanceof Date && new Mine() instanceof Mine, other: typeof performance,
        };
    "#;
    assert_eq!(
        value(&sandbox, code).await,
        json!({
            "now": NOW_MS, "new": NOW_MS, "called": "Mon May 06 2024 07:08:09 GMT+0000", "sub": NOW_MS, "reflected": NOW_MS,
            "by": NOW_MS, "inherited": true,
            "given": 0, "parts": "2024-01-02T03:00:00.000Z", "parsed": 1_704_153_600_000_i64, "utc": 1_704_067_200_000_i64,
            "zone": 0, "local": "Mon May 06 2024 07:08:09 GMT+0000", "name": "Date", "length": 7,
            "kind": true, "other": "undefined",
        })
    );
}

#[tokio::test]
async fn the_machines_clock_is_not_found_behind_the_scripts() {
    let sandbox = sandbox();
    for code in [
        "Reflect.construct = real => real; return +new Date()",
        "Date.prototype.toString = function () { return this.constructor }; return Date().now()",
        "Array.prototype[Symbol.iterator] = function () { return [][Symbol.iterator]() }; return Date.now()",
        "return +new (Object.getPrototypeOf(new Date()).constructor)()",
        "Object.defineProperty = () => { throw 1 }; return +new Date()",
    ] {
        assert_eq!(value(&sandbox, code).await, NOW_MS, "{code}");
    }
}

#[tokio::test]
async fn chance_repeats_itself_by_its_seed() {
    let sandbox = sandbox();
    let drawn = async |seed: u64| {
        let code = "return Array.from({length: 50}, Math.random)".to_owned();
        let request = Request { code, input: Value::Null, now_ms: 0, seed };
        let numbers = sandbox.run(request, LONG).await.expect("it ends").value;
        serde_json::from_value::<Vec<f64>>(numbers).expect("numbers")
    };
    let first = drawn(1).await;
    assert_eq!(first, drawn(1).await);
    assert_ne!(first, drawn(2).await);
    assert!(first.iter().all(|number| (0.0..1.0).contains(number)));
    let mean = first.iter().sum::<f64>() / 50.0;
    assert!((0.3..0.7).contains(&mean), "{mean}");
    assert_eq!(drawn(0).await, drawn(0).await);
    assert_ne!(drawn(0).await[0], drawn(u64::MAX).await[0]);
}

#[tokio::test]
async fn one_script_sees_nothing_of_another() {
    let mut settings = crate::kit::settings();
    settings.processes_max = 1;
    let sandbox = tidings_script::Sandbox::new(settings);
    let spoiling = r#"
        globalThis.left = 1; Object.prototype.left = 2; Array.prototype.map = () => "spoiled";
        Math.random = () => 4; Date.now = () => 4; console.log = undefined; JSON.stringify = () => "4";
        Object.freeze(globalThis); input.left = 3; delete globalThis.Map;
        return 0;
    "#;
    let looking = r#"
        console.log("here");
        return [typeof left, ({}).left ?? null, [1].map(x => x), Math.random() < 1, Date.now(), JSON.stringify(1),
            Object.isFrozen(globalThis), input, typeof Map];
    "#;
    let before = value(&sandbox, looking).await;
    assert_eq!(value(&sandbox, spoiling).await, 0);
    assert_eq!(value(&sandbox, looking).await, before);
    assert_eq!(
        before,
        json!(["undefined", null, [1], true, NOW_MS, "1", false, {"name": "Alice"}, "function"])
    );
}

#[tokio::test]
async fn whatever_a_script_does_it_does_again() {
    let sandbox = sandbox();
    let code = r#"
        const seen = new Map(); const order = [];
        for (let i = 0; i < 2000; i++) seen.set(Math.floor(Math.random() * 100), i);
        const wait = n => new Promise(kept => queueMicrotask(() => { order.push(n); kept() }));
        await Promise.all([3, 1, 2].map(wait));
        let depth = 0; (function down() { depth++; down() }).call.bind(null);
        try { (function down() { depth++; down() })() } catch (e) { order.push(e.name) }
        console.log(depth, Date());
        return [[...seen], order];
    "#;
    let first = sandbox.run(request(code), LONG).await.expect("it ends");
    for _ in 0..5 {
        let again = sandbox.run(request(code), LONG).await.expect("it ends");
        assert_eq!(again, first);
    }
    let elsewhere = crate::kit::sandbox().run(request(code), LONG).await.expect("it ends");
    assert_eq!(elsewhere, first, "in another process");
}
