//! The way out: an HTTP client for addresses given by others. Level 1: it uses no other crate of ours.
//!
//! Called by whatever sends: deliveries, the behaviors' `http` step, the channels. It refuses private networks at the
//! moment of connecting, follows no redirect, and puts one deadline and one limit of bytes over each call. Nothing else
//! in Tidings makes an HTTP client (`clippy.toml` says so).
//!
//! In reading order: [`client`] (the front door), [`request`] and [`target`] (a call, and where to), [`error`] and [`phases`]
//! (what came of it, and when), [`download`], [`transfer`], [`policy`] and [`allow`] (what the operator allows), [`address`]
//! (what is refused, and why), [`resolve`] (names to checked addresses), [`proxy`]. Below them `dial` makes connections for the pool of
//! hyper, `course` watches them for a call, `body` reads answers. [`tls`] says how TLS is
//! spoken, [`identities`] keeps the connections of each identity apart, [`certificate`] tells of one.

pub mod address;
pub mod allow;
mod body;
pub mod certificate;
pub mod client;
mod course;
mod dial;
pub mod download;
pub mod error;
pub mod identities;
pub mod phases;
pub mod policy;
pub mod proxy;
pub mod request;
pub mod resolve;
mod socks;
pub mod target;
pub mod tls;
pub mod transfer;

pub use allow::{AllowRule, InvalidAllowRule};
pub use certificate::Certificate;
pub use client::{Client, Options, PostError, add_usual_headers};
pub use download::{DownloadError, Downloaded};
pub use error::{FailKind, Failed, Refused, SendError, Unbuildable};
pub use phases::{Phase, Phases};
pub use policy::Policy;
pub use proxy::{InvalidProxy, Proxy};
pub use request::{Answer, Call, Request};
pub use target::Target;
pub use tls::{Identity, InvalidPem, Roots};
pub use transfer::Opened;
