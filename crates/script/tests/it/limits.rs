//! Whatever takes too much ends, is told why, and harms no other script.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_script::{Fault, Request, Sandbox};

use crate::kit::{LONG, SHORT, fault, fault_within, outcome, request, sandbox, settings, value};

#[tokio::test]
async fn what_does_not_end_is_ended() {
    let sandbox = sandbox();
    for code in [
        "while (true) {}",
        "for (;;) { try { throw 1 } catch {} finally { continue } }",
        // These never ask the engine whether they may go on.
        r#"new Array(1e9) + """#,
        "return new Array(0xffffffff).indexOf(1)",
        "const n = 3n ** 200000n; for (;;) n * n",
        // A regular expression that tries all ways.
        r#"return /^(a+)+$/.test("a".repeat(50) + "b")"#,
        "(function again() { Promise.resolve().then(again) })(); await new Promise(() => {})",
        "async function f() { for (;;) await null } await f()",
        "return {toJSON() { for (;;); }}",
        "throw {get message() { for (;;); }, toString() { for (;;); }}",
        "console.log({toJSON() { for (;;); }})",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', {get() { for (;;); }}); throw e",
    ] {
        assert_eq!(fault_within(&sandbox, code, SHORT).await, Fault::TimedOut, "{code}");
        assert_eq!(value(&sandbox, "return 1").await, 1, "after {code}");
    }
}

#[tokio::test]
async fn what_was_logged_before_the_time_was_over_is_kept() {
    // Time enough to come to the first line on a busy machine.
    let time_max = Duration::from_secs(2);
    let sandbox = sandbox();
    let run = async |forever: &str| {
        let request = request(&format!("console.log('here'); {forever}"));
        sandbox.run(request, time_max).await.expect_err("it never ends")
    };
    let (polite, rude) = tokio::join!(run("while (true) {}"), run(r#"new Array(1e9) + """#));
    for failed in [polite, rude] {
        assert_eq!(failed.fault, Fault::TimedOut);
        assert_eq!(failed.log.lines, ["here"]);
    }
}

#[tokio::test]
async fn the_settings_end_what_may_take_longer() {
    let mut settings = settings();
    settings.time_max = SHORT;
    assert_eq!(fault(&Sandbox::new(settings), "for (;;);").await, Fault::TimedOut);
}

#[tokio::test]
async fn what_wants_too_much_memory_is_ended() {
    let sandbox = sandbox();
    for code in [
        "let a = []; while (1) a.push(new Array(1e6).fill(1))",
        "let a = []; for (;;) a.push({a})",
        "let s = 'x'; for (;;) { s += s; s.charCodeAt(0) }",
        "return new ArrayBuffer(2e9)",
        "const b = []; for (;;) b.push(new Uint8Array(1 << 20))",
        "return 'x'.repeat(1e8)",
        "const m = new Map(); for (let i = 0;; i++) m.set(i, i)",
        "const all = []; for (;;) all.push(Promise.resolve().then(() => all))",
        "const keep = []; for (;;) { try { keep.push(new Array(1e5).fill(0)) } catch (e) { throw e } }",
    ] {
        assert_eq!(fault(&sandbox, code).await, Fault::OutOfMemory, "{code}");
        assert_eq!(value(&sandbox, "return 1").await, 1, "after {code}");
    }
}

#[tokio::test]
async fn a_script_may_have_the_memory_that_it_may_have() {
    let sandbox = sandbox();
    assert_eq!(value(&sandbox, "return new Uint8Array(24 << 20).fill(1).length").await, 24 << 20);
    assert_eq!(value(&sandbox, "return new Array(1e6).fill(1).length").await, 1_000_000);
}

#[tokio::test]
async fn calls_that_go_too_deep_are_errors_of_the_script() {
    let sandbox = sandbox();
    for code in [
        "(function down() { down() })()",
        "const deep = '['.repeat(1e5); return JSON.parse(deep)",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a).length",
        "return new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('')",
        "return eval('('.repeat(1e5) + '1' + ')'.repeat(1e5))",
        "const p = {get a() { return this.a }}; return p.a",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x",
    ] {
        let fault = fault(&sandbox, code).await;
        assert!(matches!(fault, Fault::Threw { .. }), "{code}: {fault:?}");
    }
    let caught =
        "try { (function down() { down() })() } catch (e) { return e instanceof RangeError }";
    assert_eq!(value(&sandbox, caught).await, true);
}

#[tokio::test]
async fn what_is_too_big_is_told_with_how_big_it_may_be() {
    let mut settings = settings();
    settings.code_bytes_max = 100;
    settings.input_bytes_max = 100;
    settings.output_bytes_max = 100;
    let sandbox = Sandbox::new(settings);
    let text = |letters: usize| "x".repeat(letters);
    assert_eq!(value(&sandbox, "return 'x'.repeat(98)").await, text(98));
    let bytes_max = 100;
    assert_eq!(fault(&sandbox, "return 'x'.repeat(99)").await, Fault::OutputTooBig { bytes_max });
    assert_eq!(fault(&sandbox, "return 'ä'.repeat(50)").await, Fault::OutputTooBig { bytes_max });
    assert_eq!(value(&sandbox, &format!("return 1//{}", text(90))).await, 1);
    let code = format!("return 1//{}", text(91));
    assert_eq!(fault(&sandbox, &code).await, Fault::CodeTooBig { bytes_max });
    let run = async |input: Value| {
        let request = Request { input, ..request("return input.length") };
        sandbox.run(request, LONG).await
    };
    assert_eq!(run(json!(text(98))).await.expect("it fits").value, 98);
    let failed = run(json!(text(99))).await.expect_err("it does not");
    assert_eq!(failed.fault, Fault::InputTooBig { bytes_max });
}

#[tokio::test]
async fn an_output_as_big_as_it_may_be_comes_through() {
    let sandbox = sandbox();
    let long = value(&sandbox, "return 'ä'.repeat((128 << 10) - 1)").await;
    assert_eq!(long.as_str().map(str::len), Some((256 << 10) - 2));
    let code = format!("return 1 //{}", "\u{1}".repeat(100_000));
    assert_eq!(value(&sandbox, &code).await, 1);
}

#[tokio::test]
async fn an_input_that_fills_the_memory_is_told() {
    let mut settings = settings();
    settings.memory_bytes_max = 1 << 20;
    let sandbox = Sandbox::new(settings);
    let input = json!(vec![0; 300_000]);
    let failed = sandbox.run(Request { input, ..request("return 1") }, LONG).await;
    assert_eq!(failed.expect_err("it is too much").fault, Fault::OutOfMemory);
    assert_eq!(outcome(&sandbox, "return 1").await.expect("it ends").value, 1);
}
