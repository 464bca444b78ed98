//! A bucket of a real S3 server, which checks every signature.

use std::path::PathBuf;

use tidings_app::settings::{S3Settings, Secret};
use tidings_services::S3;

/// A server with one bucket.
pub(crate) struct Bucket {
    server: S3,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        Self { server: S3::start().await.expect("an S3 server") }
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            bucket: S3::BUCKET.into(),
            region: "us-east-1".into(),
            endpoint: self.server.url(),
            access_key_id: S3::ACCESS_KEY.into(),
            secret_access_key: Secret::new(S3::SECRET_KEY),
            prefix: "chat/".into(),
            path_style: true,
        }
    }

    /// Where the server keeps what is in its buckets.
    pub(crate) fn folder(&self) -> PathBuf {
        self.server.buckets()
    }
}
