//! What others read, held against what they were promised: one binary.
//!
//! In reading order: `pizzeria` (events of ours, as the catalogue describes them), `wotnot`.

mod catalogue;
mod pizzeria;
mod wotnot;
