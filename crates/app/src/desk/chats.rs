//! What is done with a chat as a whole: begun, joined and left, handed over, closed.
//!
//! [`opening`] begins it and [`placing`] says where it goes then; [`joining`], [`transfer`], [`access`] and [`closing`]
//! follow; [`members`] holds what they share.

pub mod access;
pub mod closing;
pub mod joining;
pub(in crate::desk) mod members;
pub mod opening;
pub mod placing;
pub mod transfer;
