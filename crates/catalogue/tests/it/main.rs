//! What the vocabulary promises: the files are right, every name of the seed means what it should, a wrong file is told
//! with its place, and the hot path neither panics nor allocates.

mod builtin;
mod documents;
mod expressions;
mod filters;
mod names;
mod own;
mod reference;
mod validation;
mod wrong_files;

use tidings_catalogue::Catalogue;

/// The vocabulary of the binary.
fn builtin() -> Catalogue {
    Catalogue::builtin().expect("the built-in files are right")
}
