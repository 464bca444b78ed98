//! What may follow the `?` of a connection's URL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::broker::Kind;

/// What may follow the `?`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// When files end.
    pub(crate) rotation: Rotation,
    /// How Kafka is told who we are.
    pub(crate) sasl: Sasl,
    /// Whom we trust; unset, the machine's own list.
    pub(crate) root_certificates: Option<RootCertificates>,
}

/// Certificates of who signs the broker's certificate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RootCertificates {
    /// Where they were read.
    pub(crate) file: PathBuf,
    /// They, in PEM.
    pub(crate) pem: String,
}

/// When a file ends, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// A file that has as many bytes is followed by a new one: `file_bytes`.
    pub(crate) bytes: u64,
    /// One that is as old as well, at its next line: `file_s`, in seconds.
    pub(crate) age: Duration,
    /// How many files of a row are kept; the oldest are removed: `files`.
    pub(crate) files_max: usize,
}

impl Default for Rotation {
    /// Files that an editor opens, for an hour, and 64 GiB of them.
    fn default() -> Self {
        Self { bytes: 64 << 20, age: Duration::from_secs(3_600), files_max: 1_024 }
    }
}

/// How Kafka is told who we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sasl {
    /// By the password itself.
    #[default]
    Plain,
    /// By what only the password makes, with SHA-256.
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

impl Options {
    pub(super) fn read(
        kind: Kind,
        is_tls: bool,
        mut said: BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut options = Self::default();
        if let Some(file) = said.remove("root_certificates") {
            options.root_certificates = Some(RootCertificates::read(Path::new(&file), is_tls)?);
        }
        match kind {
            Kind::Kafka => options.sasl = Sasl::read(said.remove("sasl"))?,
            Kind::File => options.rotation = Rotation::read(&mut said)?,
            Kind::Nats | Kind::Rabbit | Kind::Redis => {}
        }
        match said.keys().next() {
            Some(unknown) => Err(format!("{unknown:?} is no option of {kind}")),
            None => Ok(options),
        }
    }
}

impl RootCertificates {
    fn read(file: &Path, is_tls: bool) -> Result<Self, String> {
        if !is_tls {
            return Err("root_certificates: the url is one without TLS".into());
        }
        let read = std::fs::read_to_string(file);
        let cannot = |error| format!("root_certificates: cannot read {}: {error}", file.display());
        Ok(Self { file: file.into(), pem: read.map_err(cannot)? })
    }
}

impl Sasl {
    fn read(word: Option<String>) -> Result<Self, String> {
        Ok(match word.as_deref() {
            None | Some("plain") => Self::Plain,
            Some("scram-sha-256") => Self::ScramSha256,
            Some("scram-sha-512") => Self::ScramSha512,
            Some(_) => return Err("sasl: must be plain, scram-sha-256 or scram-sha-512".into()),
        })
    }
}

impl Rotation {
    fn read(said: &mut BTreeMap<String, String>) -> Result<Self, String> {
        let mut number = |name: &str, min: u64| {
            let Some(text) = said.remove(name) else { return Ok(None) };
            let number = text.parse().ok().filter(|number| *number >= min);
            number.map(Some).ok_or_else(|| format!("{name}: must be a number, at least {min}"))
        };
        let usual = Self::default();
        Ok(Self {
            bytes: number("file_bytes", 1)?.unwrap_or(usual.bytes),
            age: number("file_s", 1)?.map_or(usual.age, Duration::from_secs),
            files_max: number("files", 2)?
                .map_or(usual.files_max, |files| usize::try_from(files).unwrap_or(usize::MAX)),
        })
    }
}
