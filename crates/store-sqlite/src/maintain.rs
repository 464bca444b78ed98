//! What an operator needs beside reading and writing: forgetting, copying, looking for damage.

pub(crate) mod backup;
pub(crate) mod forget;
pub(crate) mod verify;
