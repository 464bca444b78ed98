//! The start: the first token, who holds a folder, settings, ports.

use std::path::Path;

use serde_json::json;

use crate::installation::{Installation, TOKEN, complaint, refused};

#[tokio::test]
async fn the_first_start_shows_the_token_once_and_keeps_nothing_of_it() {
    let mut installation = Installation::new();
    installation.set("TIDINGS__LOG__LEVEL", "trace");
    let server = installation.start().await;
    installation.raise("hello").await;
    server.stop().await;
    assert_eq!(installation.log().matches(TOKEN).count(), 1, "shown once, and never logged");

    let server = installation.start().await;
    installation.raise("hello again").await;
    assert_eq!(installation.log().matches(TOKEN).count(), 1, "not shown again");
    assert_not_in(installation.data(), TOKEN.as_bytes());
    server.stop().await;
    assert_not_in(installation.data(), TOKEN.as_bytes());
}

fn assert_not_in(folder: &Path, secret: &[u8]) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_not_in(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).expect("the file can be read");
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "the token is in {}", path.display());
    }
}

#[tokio::test]
async fn a_short_token_is_refused_and_the_next_start_is_a_first_one() {
    let mut installation = Installation::new();
    installation.set("TIDINGS_BOOTSTRAP_TOKEN", "tdg_short");
    let said = complaint(&installation.refused());
    assert!(said.contains("TIDINGS_BOOTSTRAP_TOKEN must have at least 32 characters"), "{said}");
    assert!(!said.contains("tdg_short"), "{said}");
    installation.set("TIDINGS_BOOTSTRAP_TOKEN", TOKEN);
    let server = installation.start().await;
    assert_eq!(installation.get("/api/v1/workspace").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_folder_is_served_once() {
    let installation = Installation::new();
    let server = installation.start().await;
    let data = installation.data().to_owned();
    let second = Installation::new().with_data(&data);
    let said = complaint(&second.refused());
    assert!(said.contains("tidings.db is in use by process "), "{said}");
    assert!(said.contains(&server.id().to_string()), "{said}");
    assert_eq!(installation.get("/api/v1/workspace").await.status, 200, "the first serves on");
    server.kill();
    let server = second.start().await;
    server.stop().await;
}

#[tokio::test]
async fn a_new_folder_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let installation = Installation::new();
    installation.start().await.stop().await;
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(installation.data()), 0o700);
    assert_eq!(mode(&installation.data().join("secret.key")), 0o600);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let installation = Installation::new();
    let _taken = std::net::TcpListener::bind(&installation.address).expect("the port is free");
    let said = complaint(&installation.refused());
    assert!(said.contains(&format!("cannot listen on {}", installation.address)), "{said}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_one_is_named() {
    let installation = Installation::new();
    let file = installation.beside("a-file");
    std::fs::write(&file, "not a folder").expect("written");
    let said = complaint(&Installation::new().with_data(&file).refused());
    assert!(said.contains("cannot make the data folder") && said.contains("a-file"), "{said}");
}

#[test]
fn wrong_settings_end_the_start_and_are_named() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).expect("a folder");
    let file = installation.data().join("tidings.toml");
    for (text, words) in [
        ("[http]\nlissten = \"a\"\n", ["line 2", "lissten"]),
        ("[http]\n\nlisten = \"here\"\n", ["line 3", "listen"]),
        ("[nothing]\n", ["line 1", "nothing"]),
        ("[limits]\nbody_bytes_max = 3\n", ["limits.body_bytes_max", "at least 1024"]),
        ("[storage]\nbytes_max = 3\n", ["storage.bytes_max", "at least"]),
        ("[log]\nlevel = \"a=b=c\"\n", ["log.level", ""]),
    ] {
        std::fs::write(&file, text).expect("written");
        let said = complaint(&installation.refused());
        assert!(words.iter().all(|word| said.contains(word)), "{text:?} gave {said:?}");
    }
    std::fs::remove_file(&file).expect("removed");
    for (name, value, words) in [
        ("TIDINGS__HTTP__LISSTEN", "1", "unknown field `lissten`"),
        ("TIDINGS__HTTP__PUBLIC_URL", "example.org", "http.public_url"),
        ("TIDINGS__OUTBOUND__ALLOW", "localhost, 10.0.0.0/99", "outbound.allow: \"10.0.0.0/99\""),
        ("TIDINGS__LIMITS__BODY_BYTES_MAX", "many", "limits.body_bytes_max"),
        ("TIDINGS__HTTP", "1", "TIDINGS__HTTP names no setting"),
    ] {
        let said = complaint(&refused(installation.command().env(name, value)));
        assert!(said.contains(words), "{name} gave {said:?}");
    }
    let said = complaint(&refused(installation.command().args(["--config", "nowhere.toml"])));
    assert!(said.contains("cannot read nowhere.toml"), "{said}");
}

#[tokio::test]
async fn the_environment_goes_over_the_file() {
    let mut installation = Installation::new();
    std::fs::create_dir_all(installation.data()).expect("a folder");
    let text = "[limits]\nbody_bytes_max = 5000\n[http]\nlisten = \"127.0.0.1:1\"\n";
    std::fs::write(installation.data().join("tidings.toml"), text).expect("written");
    let large = json!({ "type": "chat.custom", "data": { "content": "x".repeat(6_000) } });
    let server = installation.start().await;
    assert_eq!(installation.post("/api/v1/events", &large).await.code(), "body_too_large");
    server.stop().await;
    installation.set("TIDINGS__LIMITS__BODY_BYTES_MAX", "10000");
    let server = installation.start().await;
    assert_eq!(installation.post("/api/v1/events", &large).await.status, 201);
    server.stop().await;
}
