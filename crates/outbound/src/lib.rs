//! The way out: an HTTP client for addresses given by others. Level 1: it uses no other crate of ours.
//!
//! Called by whatever sends: deliveries, the behaviors' `http` step, the channels. It refuses private networks at the
//! moment of connecting, follows no redirect, and puts one deadline and one limit of bytes over each call. Nothing else
//! in Tidings makes an HTTP client (`clippy.toml` says so).
//!
//! In reading order: [`client`] (the front door), [`request`], [`error`], [`download`], [`transfer`], [`policy`] and [`allow`] (what
//! the operator allows), [`address`] (what is refused, and why), [`resolve`] (names to checked addresses).

pub mod address;
pub mod allow;
pub mod client;
pub mod download;
pub mod error;
pub mod policy;
pub mod request;
pub mod resolve;
pub mod transfer;

pub use allow::{AllowRule, InvalidAllowRule};
pub use client::{Client, PostError};
pub use download::{DownloadError, Downloaded};
pub use error::{FailKind, Failed, Refused, SendError, Unbuildable};
pub use policy::Policy;
pub use request::{Answer, Request};
pub use transfer::Opened;
