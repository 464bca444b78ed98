//! The importer from outside: files of Cerb in, bots out, which must load.

mod bots;
mod laws;
mod refusals;
mod translations;
mod world;
