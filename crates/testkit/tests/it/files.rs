//! Files that people upload in chats: taken, refused, shown, removed. Each story is told with files in a folder and with
//! files in a bucket of a real S3 server.

mod bucket;
mod dropped;
mod refused;
mod shown;
mod unused;

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, CustomerClient, Refused};
use tidings_testkit::world::{Answer, Start, World, answer};

use self::bucket::Bucket;

/// Tells each story twice.
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        mod in_a_folder {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $story() {
                    super::$story($crate::files::Keeper::Folder).await;
                }
            )*
        }
        mod in_a_bucket {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $story() {
                    let bucket = $crate::files::Bucket::start().await;
                    super::$story($crate::files::Keeper::Bucket(bucket)).await;
                }
            )*
        }
    };
}
use stories;

/// Who keeps the files of a story.
pub(crate) enum Keeper {
    Folder,
    Bucket(Bucket),
}

impl Keeper {
    fn settings(&self) -> Settings {
        let files_in_s3 = match self {
            Self::Folder => None,
            Self::Bucket(bucket) => Some(bucket.settings()),
        };
        Settings { files_in_s3, ..Settings::default() }
    }

    /// How many objects are kept whose names have this in them.
    fn objects(&self, world: &World, id: &str) -> usize {
        let folder = match self {
            Self::Folder => world.app.settings().files_folder.clone(),
            Self::Bucket(bucket) => bucket.folder(),
        };
        below(&folder).iter().filter(|path| path.to_string_lossy().contains(id)).count()
    }
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Alice and Bob in a chat, with somebody who keeps files.
struct Desk {
    world: World,
    keeper: Keeper,
    bob: AgentClient,
    alice: CustomerClient,
    chat: String,
}

impl Desk {
    async fn open(keeper: Keeper) -> Self {
        let settings = keeper.settings();
        Self::open_with(keeper, settings).await
    }

    async fn open_with(keeper: Keeper, settings: Settings) -> Self {
        let world = World::begin(Start { settings, ..Start::default() }).await;
        let bob = AgentClient::hired(&world, "bob@example.com", Role::Administrator).await;
        let channel = world.web_channel().await;
        let alice = CustomerClient::comes(&world, channel).await;
        let (chat, _) = alice.starts_chat().await;
        Self { world, keeper, bob, alice, chat }
    }

    /// Alice uploads a file; gives its address.
    async fn uploaded(&self, name: &str, content_type: &str, bytes: &[u8]) -> String {
        let answer = self.alice.chat.upload("upload_file", name, content_type, bytes).await;
        url_of(answer)
    }

    /// Alice sends a file that was uploaded; she is signed in anew, as her token lasts some hours only.
    async fn sent(&self, url: &str) -> Result<Value, Refused> {
        let event = json!({ "type": "file", "url": url });
        let alice = CustomerClient::known(&self.world, self.alice.channel, self.alice.id).await;
        let said = json!({ "chat_id": self.chat, "event": event, "attach_to_last_thread": true });
        alice.call("send_event", said).await
    }

    /// The files in the chat, as Bob sees them.
    async fn shown(&self) -> Vec<Value> {
        let chat = self.bob.call("get_chat", json!({ "chat_id": self.chat })).await;
        let chat = chat.expect("the chat is there");
        let events = chat["thread"]["events"].as_array().expect("events").clone();
        events.into_iter().filter(|event| event["type"] == "file").collect()
    }

    /// Reads an address as anybody does.
    async fn read(&self, url: &str) -> Answer {
        answer(self.world.http.get(url)).await
    }
}

fn url_of(answer: Result<Value, Refused>) -> String {
    let answer = answer.expect("the file is taken");
    answer["url"].as_str().expect("it has an address").to_owned()
}

/// The id of a file, out of its address.
fn id_of(url: &str) -> &str {
    url.rsplit('/').nth(1).expect("an address has an id")
}

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height)
        .write_to(&mut bytes, format)
        .expect("a picture can be written");
    bytes.into_inner()
}
