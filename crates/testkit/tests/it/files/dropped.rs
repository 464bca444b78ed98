//! Uploads that are cut short, by their senders or by an end without warning.

use std::time::Duration;

use serde_json::json;
use tidings_app::pipeline::files::upload::UNUSED_KEPT_FOR;
use tidings_app::pipeline::files::{self, FileStatus, StoredFile, Upload};
use tidings_model::{Clock, FileId};
use tidings_store::{Batch, Body, DocKey, Kind, Put, TimerChange, TimerName, Version};
use tokio::io::AsyncWriteExt;

use super::{Desk, Keeper, below};

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_goes_away_leaves_nothing() {
    let desk = Desk::open(Keeper::Folder).await;
    let address = desk.world.base_url.trim_start_matches("http://").to_owned();
    let mut line = tokio::net::TcpStream::connect(&address).await.expect("the server is there");
    let head = format!(
        "POST /v3.6/customer/action/upload_file HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: 100000\r\n\r\n\
         --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello",
        desk.alice.chat.token
    );
    line.write_all(head.as_bytes()).await.expect("it can be written");
    line.flush().await.expect("it can be written");
    let folder = desk.world.app.settings().files_folder.clone();
    desk.world.until("the file to come in", async || below(&folder).pop()).await;
    drop(line);
    desk.world.until("it to go", async || below(&folder).is_empty().then_some(())).await;
    assert!(desk.world.timers().await.iter().all(|timer| !timer.name.0.starts_with("upload")));
    desk.world.finish().await;
}

/// The process may be killed after the upload was noted and before it is kept, or while it is kept; and the sender, who
/// got no address, never comes again.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_warning_leaves_nothing_half_done() {
    let desk = Desk::open(Keeper::Folder).await;
    let id = FileId::new(desk.world.clock.next_id());
    let file = StoredFile {
        id,
        channel: None,
        chat: None,
        event: None,
        handle: String::new(),
        name: Some("a.txt".into()),
        content_type: Some("text/plain".into()),
        size: Some(5),
        status: FileStatus::Waiting,
        tries: 0,
        upload: Some(Upload { used: false, picture: None }),
    };
    let mut batch = Batch::new(desk.world.workspace);
    batch.puts.push(Put {
        key: DocKey::new(Kind::File, id),
        expected: Some(Version::ABSENT),
        body: Body::of(&file).expect("a file is JSON"),
        index: Vec::new(),
    });
    batch.timers.push(TimerChange::Set {
        name: TimerName(format!("upload:{id}")),
        due: desk.world.app.now() + UNUSED_KEPT_FOR,
        body: json!({ "file": id }),
    });
    desk.world.app.store().commit(batch).await.expect("it can be written");
    let folder = desk.world.app.settings().files_folder.clone();
    let kept = files::path(&desk.world.app, desk.world.workspace, id);
    let incoming = folder.join("incoming").join(id.to_string());
    for path in [&kept, &incoming] {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "hello").expect("a file");
    }
    let url = files::url(&desk.world.app, id);
    let address = url.trim_start_matches(&desk.world.base_url).to_owned();

    let world = desk.world.restart().await;
    assert!(!incoming.exists(), "nobody finishes it");
    let got = world.get(&address).await;
    assert_eq!((got.status, got.code()), (409, "file_not_ready"), "it is not whole");
    world.turn(UNUSED_KEPT_FOR + Duration::from_secs(1));
    world.settle().await;
    assert!(!kept.exists());
    assert_eq!(world.get(&address).await.status, 404);
    world.finish().await;
}
