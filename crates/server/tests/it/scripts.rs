//! `tidings script-sandbox`: the binary as a child that runs scripts, with its own allocator and all that it links.

use std::time::Duration;

use serde_json::json;
use tidings_script::{Fault, Request, Sandbox, Settings};

use crate::installation::{Installation, TIDINGS, http};

/// For scripts that end: longer than any of them takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// For the one that does not.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_binary_is_a_sandbox() {
    let mut settings = Settings::new(TIDINGS, &["script-sandbox"]);
    settings.time_max = LONG;
    let sandbox = Sandbox::new(settings);
    let run_within = async |code: &str, time_max| {
        let request =
            Request { code: code.to_owned(), input: json!({"n": 20}), now_ms: 0, seed: 1 };
        sandbox.run(request, time_max).await
    };
    let run = async |code: &str| run_within(code, LONG).await;
    let outcome = run("console.log('here'); return input.n + 1").await.expect("it ends");
    assert_eq!((outcome.value, outcome.log.lines), (json!(21), vec!["here".to_owned()]));
    let big = run("return 'x'.repeat(200_000)").await.expect("it ends");
    assert_eq!(big.value.as_str().map(str::len), Some(200_000));
    let hoarding = run("const all = []; for (;;) all.push(new Array(1e4).fill(1))").await;
    assert_eq!(hoarding.expect_err("it ends").fault, Fault::OutOfMemory);
    let forever = run_within("new Array(1e9) + ''", SHORT).await;
    assert_eq!(forever.expect_err("it is ended").fault, Fault::TimedOut);
    assert_eq!(run("return 1").await.expect("it ends").value, 1);
}

/// Adds up what a shop ordered; a script that does not end is told.
const SHOP: &str = r#"
behaviors:
  - name: total
    on: webhook.received
    do:
      - script:
          code: |
            console.log(`${input.lines.length} lines`)
            if (input.forever) for (;;) {}
            return {total: input.lines.reduce((sum, line) => sum + line.price * line.count, 0), at: new Date().getFullYear()}
          with: {lines: "{{ event.body.lines }}", forever: "{{ event.body.forever }}"}
          timeout: 300ms
        into: vars.sum
        on_error: [{answer: {status: 422, body: "{{ answer.error.code }}"}}, stop]
      - answer: {body: "{{ vars.sum }}"}
"#;

#[tokio::test]
async fn a_behavior_runs_a_script() {
    let installation = Installation::new();
    installation.write_bot("shop", SHOP);
    let server = installation.start().await;
    let hook = installation.post("/api/v1/hooks", &json!({"name": "shop"})).await;
    let url = hook.body["url"].as_str().expect("an address").to_owned();
    let (_, id) = url.split_once("/hooks/").expect("a path");
    let url = format!("{}/hooks/{id}", installation.url());
    let call = async |body: serde_json::Value| {
        let answer = http().post(&url).json(&body).send().await.expect("it answers");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    let lines = json!([{"price": 7.5, "count": 2}, {"price": 3, "count": 1}]);
    let (status, body) = call(json!({"lines": lines, "forever": false})).await;
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["total"]), (200, &json!(18)));
    assert!(body["at"].as_u64().is_some_and(|year| year > 2020), "{body}");
    let forever = call(json!({"lines": lines, "forever": true})).await;
    assert_eq!(forever, (422, "timed_out".to_owned()));
    let again = call(json!({"lines": [], "forever": false})).await;
    assert_eq!(again.0, 200, "the next script has a sandbox");
    let runs = installation.get("/api/v1/runs").await.body;
    assert!(runs.to_string().contains("2 lines"), "the trace tells what it logged: {runs}");
    server.stop().await;
}
