//! Every promise of the contract.

use crate::place::Folder;

tidings_store::conformance_tests!(Folder::new());
