//! Files in a bucket: Amazon S3, or whatever speaks its API (Ceph, Garage, R2).
//!
//! Requests are signed in their address (Signature Version 4), each for a short time. The signature's time is that of this
//! machine and no other: the bucket compares it with its own.

use std::path::Path;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use tidings_outbound::{Client, Opened};

use super::{ByteRange, FileBody, FileStoreError, ObjectName, Source};
use crate::settings::S3Settings;

/// How long a signed address can be used: longer than clocks differ, shorter than anybody needs to copy it from a log.
const SIGNED_FOR: Duration = Duration::from_secs(300);

/// How long the bucket may take to begin its answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// How long one file may take on its way to the bucket: as long as it may take to come here.
const PUT_TIME_MAX: Duration = Duration::from_secs(300);

/// How much of an answer that refuses is kept for people.
const TOLD_BYTES_MAX: usize = 1_024;

/// A bucket, and the way to it.
pub struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    client: Client,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("bucket", &self.bucket.name()).finish_non_exhaustive()
    }
}

/// The settings name no bucket that can be called.
#[derive(Debug, thiserror::Error)]
pub enum WrongS3Settings {
    /// The endpoint is no URL.
    #[error("files.endpoint: must be a URL as https://s3.eu-central-1.amazonaws.com")]
    Endpoint(#[from] url::ParseError),
    /// Endpoint and bucket make no URL.
    #[error("files.bucket: {0}")]
    Bucket(#[from] rusty_s3::BucketError),
    /// The name of a bucket could end elsewhere.
    #[error("files.bucket: must be letters, digits, dots and dashes")]
    BucketName,
    /// A prefix could end elsewhere.
    #[error(
        "files.prefix: must be letters, digits, dashes, underscores and single slashes, and end with a slash"
    )]
    Prefix,
}

/// The bucket of the settings.
pub(super) fn bucket(settings: &S3Settings) -> Result<Bucket, WrongS3Settings> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let name = &settings.bucket;
    if !name.bytes().all(|byte| plain(byte) || byte == b'.') || name.trim_matches('.').is_empty() {
        return Err(WrongS3Settings::BucketName);
    }
    if let Some(folders) = settings.prefix.strip_suffix('/') {
        if !folders.split('/').all(|part| !part.is_empty() && part.bytes().all(plain)) {
            return Err(WrongS3Settings::Prefix);
        }
    } else if !settings.prefix.is_empty() {
        return Err(WrongS3Settings::Prefix);
    }
    let endpoint = settings.endpoint.parse()?;
    let style = if settings.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
    Ok(Bucket::new(endpoint, style, name.clone(), settings.region.clone())?)
}

impl S3 {
    /// A bucket, reached by this client.
    pub fn new(settings: &S3Settings, client: Client) -> Result<Self, WrongS3Settings> {
        Ok(Self {
            bucket: bucket(settings)?,
            credentials: Credentials::new(
                settings.access_key_id.clone(),
                settings.secret_access_key.expose().to_owned(),
            ),
            prefix: settings.prefix.clone(),
            client,
        })
    }

    fn key(&self, name: &ObjectName) -> String {
        format!("{}{}", self.prefix, name.key())
    }

    pub(super) async fn put(&self, name: &ObjectName, from: &Path) -> Result<(), FileStoreError> {
        let file = tokio::fs::File::open(from).await?;
        let length = file.metadata().await?.len();
        let key = self.key(name);
        let url = self.bucket.put_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let body = FileBody { source: Source::Disk(file), left: length }.stream();
        let put = self.client.put(url.as_str(), HeaderMap::new(), body, length, PUT_TIME_MAX);
        let answer = put.await?;
        if answer.status().is_success() { Ok(()) } else { Err(refused(answer).await) }
    }

    pub(super) async fn open(
        &self,
        name: &ObjectName,
        range: Option<ByteRange>,
    ) -> Result<FileBody, FileStoreError> {
        let key = self.key(name);
        let url = self.bucket.get_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let mut headers = HeaderMap::new();
        if let Some(ByteRange { first, length }) = range
            && let Some(last) = (first + length).checked_sub(1)
            && let Ok(value) = HeaderValue::try_from(format!("bytes={first}-{last}"))
        {
            headers.insert(RANGE, value);
        }
        let answer = self.client.open(Method::GET, url.as_str(), headers, ANSWER_TIME_MAX).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::NOT_FOUND => return Err(FileStoreError::Missing),
            _ => return Err(refused(answer).await),
        }
        let announced = answer.headers().get(CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse().ok());
        let left: Option<u64> = match range {
            // A bucket that gives the whole where a part was asked for would give the wrong bytes.
            Some(range) => Some(range.length).filter(|&length| Some(length) == announced),
            None => announced,
        };
        match left {
            Some(left) => Ok(FileBody { source: Source::Bucket(answer), left }),
            None => {
                let told = "the answer has another length than was asked for".into();
                Err(FileStoreError::Refused { status: answer.status(), told })
            }
        }
    }

    pub(super) async fn delete(&self, name: &ObjectName) -> Result<(), FileStoreError> {
        let key = self.key(name);
        let url = self.bucket.delete_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let answer = self
            .client
            .open(Method::DELETE, url.as_str(), HeaderMap::new(), ANSWER_TIME_MAX)
            .await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refused(answer).await),
        }
    }
}

/// What the bucket said, for the log of the operator.
async fn refused(answer: Opened) -> FileStoreError {
    let status = answer.status();
    let told = match answer.head(TOLD_BYTES_MAX, ANSWER_TIME_MAX).await {
        Ok(head) => String::from_utf8_lossy(&head).into_owned(),
        Err(error) => error.to_string(),
    };
    FileStoreError::Refused { status, told }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn settings(bucket: &str, prefix: &str) -> S3Settings {
        S3Settings {
            bucket: bucket.into(),
            region: "eu-central-1".into(),
            endpoint: "https://s3.example".into(),
            access_key_id: "key".into(),
            secret_access_key: Secret::new("secret"),
            prefix: prefix.into(),
            path_style: true,
        }
    }

    #[test]
    fn a_bucket_and_a_prefix_stay_where_they_are() {
        for (bucket_name, prefix) in [("files", ""), ("my.files", "chat/"), ("a-b_c", "a/b_c/")] {
            assert!(bucket(&settings(bucket_name, prefix)).is_ok(), "{bucket_name} {prefix}");
        }
        for (bucket_name, prefix) in [
            ("", ""),
            ("..", ""),
            ("a/b", ""),
            ("a", "chat"),
            ("a", "../"),
            ("a", "a//b/"),
            ("a", "/"),
        ] {
            assert!(bucket(&settings(bucket_name, prefix)).is_err(), "{bucket_name} {prefix}");
        }
    }
}
