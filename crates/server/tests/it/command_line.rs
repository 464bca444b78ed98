//! The commands, as they are typed and as they answer.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tidings_services::{MailServer, MailSpeaks};

use crate::installation::{Installation, TIDINGS, TOKEN, complaint, eventually, printed};

fn check(installation: &Installation) -> Output {
    installation.run(&["check", "data/bots"])
}

#[test]
fn check_names_what_is_wrong_with_file_line_and_column() {
    let installation = Installation::new();
    installation.write_bot("good", crate::killing::ECHO.replace("bot: echo", "bot: good").as_str());
    let good = check(&installation);
    assert!(good.status.success(), "{good:?}");
    insta::assert_snapshot!(printed(&good), @"1 bots, 1 behaviors: 0 errors, 0 warnings");

    installation.write_bot(
        "bad",
        "bot: bad\nbehaviors:\n  - name: greet\n    on: chat.mesage\n    do:\n      - sai: hello\n",
    );
    let bad = check(&installation);
    assert_eq!(bad.status.code(), Some(1));
    insta::assert_snapshot!(printed(&bad), @r#"
    data/bots/bad/bot.yaml:4:9: error[unknown_event]: there is no event type or alias "chat.mesage" (did you mean "chat.message"?)
    data/bots/bad/bot.yaml:6:9: error[unknown_step]: there is no step "sai"; there are say, ask, form, choose, repeat, set, wait, label, note, emit, close, hand_over, give_back, call, http, mail, create, update, delete, find, script, classify, notify, assign, move, change, refuse, answer, stop (did you mean "say"?)
    2 bots, 1 behaviors: 2 errors, 0 warnings
    "#);
    let nowhere = installation.run(&["check", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1));
    insta::assert_snapshot!(complaint(&nowhere), @"tidings: there is no folder nowhere");
}

#[test]
fn bots_of_cerb_are_imported_counted_and_not_written_over() {
    let installation = Installation::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../import/fixtures/branch.json");
    let bad = installation.beside("bad.json");
    std::fs::write(&bad, "{\"bots\": [{}]}").expect("a file");
    let bad = bad.display().to_string();

    let first = installation.run(&["import", "cerb", fixture, "--into", "data/bots"]);
    assert!(first.status.success(), "{first:?}");
    let told = printed(&first);
    assert!(
        told.lines().any(|line| line.split_whitespace().eq(["nodes", "8", "0", "8"])),
        "{told}"
    );
    assert!(told.trim_end().ends_with("1 files of bots in data/bots"), "{told}");
    assert!(check(&installation).status.code().is_some());

    let again = installation.run(&["import", "cerb", fixture, "--into", "data/bots"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("is there already: say --replace"), "{again:?}");
    let replaced =
        installation.run(&["import", "cerb", fixture, "--into", "data/bots", "--replace"]);
    assert!(replaced.status.success(), "{replaced:?}");

    let half = installation.run(&["import", "cerb", &bad, fixture, "gone.json", "--into", "other"]);
    assert_eq!(half.status.code(), Some(1));
    let told = printed(&half);
    assert!(told.contains("error[not_cerb]") && told.contains("bots[0] has no `name`"), "{told}");
    assert!(told.contains("error[cannot_read]: cannot read gone.json"), "{told}");
    assert!(told.trim_end().ends_with("1 files of bots in other"), "{told}");
}

#[test]
fn event_types_are_told_by_name_and_alias() {
    let installation = Installation::new();
    let all = printed(&installation.run(&["event-types"]));
    assert!(all.lines().count() > 50 && all.contains("chat.message "), "{all}");
    let one = printed(&installation.run(&["event-types", "chat.started"]));
    assert!(one.contains("Sample:") && one.contains("Raised when:"), "{one}");
    let by_alias = printed(&installation.run(&["event-types", "message:text", "--json"]));
    let by_alias: Value = serde_json::from_str(&by_alias).expect("JSON");
    assert_eq!(by_alias["type"], "chat.message", "{by_alias}");
    let list = printed(&installation.run(&["event-types", "--json"]));
    let list: Vec<Value> = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list.len(), all.lines().count());
    let unknown = installation.run(&["event-types", "chat.mesage"]);
    assert_eq!(unknown.status.code(), Some(1));
    insta::assert_snapshot!(complaint(&unknown), @r#"tidings: no event type or alias "chat.mesage", did you mean "chat.message"?"#);
}

#[test]
fn the_api_and_the_settings_print_themselves() {
    let installation = Installation::new();
    let openapi: Value =
        serde_json::from_str(&printed(&installation.run(&["openapi"]))).expect("JSON");
    assert_eq!(openapi["openapi"], "3.1.0");
    assert!(openapi["paths"]["/api/v1/events"]["post"].is_object());
    let settings = printed(&installation.run(&["settings"]));
    assert!(settings.contains("[http]") && settings.contains("listen = \"127.0.0.1:8080\""));
}

#[tokio::test]
async fn trigger_and_events_speak_to_a_running_server() {
    let installation = Installation::new();
    let away = installation.run(&["events"]);
    assert_eq!(away.status.code(), Some(1));
    assert!(complaint(&away).contains("cannot reach http://"), "{away:?}");

    let server = installation.start().await;
    let made = installation.run(&["trigger", "chat.custom"]);
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_str(&printed(&made)).expect("JSON");
    assert_eq!((&made["type"], &made["seq"]), (&json!("chat.custom"), &json!(1)));
    let own =
        installation.run(&["trigger", "note.added", "--data", "{\"text\": \"mind the gap\"}"]);
    assert!(own.status.success(), "{own:?}");
    let unknown = installation.run(&["trigger", "chat.costum"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(complaint(&unknown).contains("the nearest: chat.custom"), "{unknown:?}");
    let misfit = installation.run(&["trigger", "chat.message", "--data", "{}"]);
    assert!(complaint(&misfit).contains("invalid_data"), "{misfit:?}");

    let shown = printed(&installation.run(&["events"]));
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains("chat.custom") && shown.contains("mind the gap"), "{shown}");
    let lines = printed(&installation.run(&["events", "--json", "--since", "1"]));
    let event: Value = serde_json::from_str(&lines).expect("one event, as JSON");
    assert_eq!(event["data"]["text"], "mind the gap");
    let filtered = printed(&installation.run(&["events", "--type", "note.added"]));
    assert_eq!(filtered.lines().count(), 1, "{filtered}");
    server.stop().await;
}

/// `tidings events --follow --json`, and the numbers that it showed. Ended when it is dropped.
struct Following {
    child: std::process::Child,
    shown: Arc<Mutex<Vec<u64>>>,
}

impl Following {
    fn start(installation: &Installation) -> Self {
        let mut child = Command::new(TIDINGS)
            .args(["events", "--follow", "--json", "--since", "0", "--url", &installation.url()])
            .env("TIDINGS_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .spawn()
            .expect("tidings starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let shown: Arc<Mutex<Vec<u64>>> = Arc::default();
        let into = Arc::clone(&shown);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).expect("JSON");
                into.lock().expect("not poisoned").push(event["seq"].as_u64().expect("a number"));
            }
        });
        Self { child, shown }
    }

    async fn until_shown(&mut self, up_to: u64) {
        let wanted: Vec<u64> = (1..=up_to).collect();
        eventually("each event is shown once, in order", async || {
            assert!(self.child.try_wait().expect("asked").is_none(), "it ended");
            *self.shown.lock().expect("not poisoned") == wanted
        })
        .await;
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn following_goes_on_after_a_restart() {
    let installation = Installation::new();
    let server = installation.start().await;
    installation.raise("one").await;
    let mut following = Following::start(&installation);
    installation.raise("two").await;
    following.until_shown(2).await;
    server.stop().await;
    let server = installation.start().await;
    installation.raise("three").await;
    following.until_shown(3).await;
    server.kill();
    let server = installation.start().await;
    installation.raise("four").await;
    following.until_shown(4).await;
    server.stop().await;
}

#[tokio::test]
async fn the_doctor_asks_the_mail_server() {
    let mut installation = Installation::new();
    installation.start().await.stop().await;
    let mut server = MailServer::start().await.expect("a mail server");
    installation.set("TIDINGS__MAIL__URL", &server.url());
    let half = installation.as_set(&["doctor", "--data", "data"]);
    assert!(printed(&half).contains("mail.from: is needed with mail.url"), "{half:?}");
    installation.set("TIDINGS__MAIL__FROM", "Tidings <tidings@example.com>");
    installation.set("TIDINGS__MAIL__TO", "olga@example.com, otto@example.com");
    let well = installation.as_set(&["doctor", "--data", "data"]);
    assert!(printed(&well).contains("ok    mail: the mail server answers"), "{well:?}");
    server.stop().await.expect("it stops");
    let sick = installation.as_set(&["doctor", "--data", "data"]);
    assert!(printed(&sick).contains("WRONG mail: see mail.url: "), "{sick:?}");
    assert!(!printed(&sick).contains("let-me-in"), "{sick:?}");
    assert_eq!(server.mails().expect("they can be read").len(), 0, "nobody is written to");
}

#[tokio::test]
async fn the_doctor_trusts_a_mail_server_by_the_added_authorities() {
    let mut installation = Installation::new();
    installation.start().await.stop().await;
    let pem = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../outbound/tests/data/tls").join(name)
    };
    let speaks = MailSpeaks::Tls { certificate: pem("server.pem"), key: pem("server.key") };
    let server = MailServer::start_speaking(speaks).await.expect("a mail server");
    for (name, value) in [
        ("URL", server.url().as_str()),
        ("FROM", "Tidings <tidings@example.com>"),
        ("TO", "olga@example.com"),
    ] {
        installation.set(&format!("TIDINGS__MAIL__{name}"), value);
    }
    let sick = installation.as_set(&["doctor", "--data", "data"]);
    assert!(printed(&sick).contains("WRONG mail: see mail.url: "), "{sick:?}");
    std::fs::copy(pem("authority.pem"), installation.data().join("ours.pem")).expect("copied");
    installation.set("TIDINGS__OUTBOUND__CA_FILE", "ours.pem");
    let well = installation.as_set(&["doctor", "--data", "data"]);
    assert!(printed(&well).contains("ok    mail: the mail server answers"), "{well:?}");
}

#[tokio::test]
async fn the_doctor_tells_well_from_sick() {
    let installation = Installation::new();
    let nothing = installation.run(&["doctor", "--data", "data"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(printed(&nothing).contains("holds no installation"), "{nothing:?}");

    installation.write_bot("echo", crate::killing::ECHO);
    let server = installation.start().await;
    installation.raise("one").await;
    let busy = installation.run(&["doctor", "--data", "data"]);
    assert!(busy.status.success(), "{busy:?}");
    assert!(printed(&busy).contains("whose /readyz tells of damage"), "{busy:?}");
    server.stop().await;

    let well = installation.run(&["doctor", "--data", "data"]);
    assert!(well.status.success(), "{well:?}");
    let said = printed(&well);
    assert!(said.lines().all(|line| line.starts_with("ok    ")), "{said}");
    assert!(said.contains("no damage") && said.contains("bots: 1 in"), "{said}");

    installation.write_bot("echo", "bot: echo\nbehaviors: nothing\n");
    std::fs::write(installation.data().join("tidings.toml"), "[http]\nlissten = 1\n")
        .expect("written");
    let key = installation.data().join("secret.key");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, mode).expect("changed");
    let sick = installation.run(&["doctor", "--data", "data"]);
    assert_eq!(sick.status.code(), Some(1));
    let said = printed(&sick);
    for wrong in ["WRONG settings", "WRONG key: others can read", "WRONG bots: 1 problems"] {
        assert!(said.contains(wrong), "{wrong} is not in {said}");
    }
}

#[test]
fn check_runs_the_bots_own_tests() {
    let installation = Installation::new();
    let text =
        "behaviors:\n  - {name: greet, on: chat.message, do: [{say: 'Hello {{ event.text }}'}]}\n";
    installation.write_bot("greeter", text);
    let tests = installation.data().join("bots/greeter/tests");
    std::fs::create_dir_all(&tests).expect("a folder");
    let test = "tests:\n  - name: greets\n    steps:\n      - message: Alice\n        expect: [{say: Hello Alice}]\n";
    std::fs::write(tests.join("a.yaml"), test).expect("written");
    let checked = installation.run(&["check", "data/bots", "--test"]);
    assert!(checked.status.success());
    assert_eq!(
        printed(&checked).trim(),
        "1 bots, 1 behaviors: 0 errors, 0 warnings\n1 tests: 1 passed, 0 failed"
    );
    std::fs::write(tests.join("a.yaml"), test.replace("Hello", "Bye")).expect("written");
    let checked = installation.run(&["check", "data/bots", "--test"]);
    assert!(!checked.status.success());
    let told = printed(&checked);
    assert!(told.contains("a.yaml:4: the test \"greets\" fails"), "{told}");
    assert!(told.contains(r#"came:     [{"say":"Hello Alice"}]"#), "{told}");
}
