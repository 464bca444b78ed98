//! A real S3 server, which checks every signature: `s3s-fs`, which `cargo xtask test` installs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tidings_app::settings::{S3Settings, Secret};

const BUCKET: &str = "tidings";
const ACCESS_KEY: &str = "AKTIDINGS";
const SECRET_KEY: &str = "a secret of tests";

/// A server with one bucket.
pub(crate) struct Bucket {
    server: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let port = free_port();
        let server = Command::new(program())
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("s3s-fs starts; `cargo xtask test` installs it into target/tools");
        for _ in 0..400 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Self { server, port, folder }
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            bucket: BUCKET.into(),
            region: "us-east-1".into(),
            endpoint: format!("http://127.0.0.1:{}", self.port),
            access_key_id: ACCESS_KEY.into(),
            secret_access_key: Secret::new(SECRET_KEY),
            prefix: "chat/".into(),
            path_style: true,
        }
    }

    /// Where the server keeps what is in the bucket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

fn program() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/s3s-fs");
    if installed.is_file() { installed } else { "s3s-fs".into() }
}
