//! The vocabulary: which types of events there are, what their data looks like, and what other systems call them.
//!
//! It is data, in `catalogue/*.toml`; `catalogue/README.md` tells how a file looks. The binary carries these files. This
//! crate reads them, checks them and answers from them: validation, names and aliases, filters, descriptions and the
//! reference page. A wrong file is an error at start that names file, type and field.
//!
//! In reading order: [`catalogue`] (the front door), [`event_type`] (one entry), [`constraint`] (what an alias demands),
//! [`filter`] (which events somebody wants), [`expression`] (a condition on an event), [`describe`](mod@describe),
//! [`documents`] and [`reference`] (for programs, for machines that read documents, and for people),
//! [`own`] (types that are not ours).

pub mod catalogue;
pub mod constraint;
pub mod describe;
pub mod documents;
pub mod error;
pub mod event_type;
pub mod expression;
pub mod filter;
pub mod own;
pub mod reference;
pub mod shape;

mod builtin;
mod entry;
mod fields;
mod schema;

pub use catalogue::{Catalogue, Resolved};
pub use constraint::{Constraint, DataPath};
pub use describe::describe;
pub use documents::{Webhooks, answer_schema, asyncapi, asyncapi_json, data_schema, webhooks};
pub use error::{CatalogueError, WrongEntry};
pub use event_type::{Alias, Answer, Audience, EventType, Kind, Origin, Status, System};
pub use expression::{Expression, ExpressionError, Facts};
pub use filter::{FilterError, TypeFilter};
pub use reference::reference_page;
pub use shape::{Shape, Violation};
