//! Every promise of a move, from a file into another.

use crate::place::Folder;

tidings_store::transfer_conformance_tests!(Folder::new());
