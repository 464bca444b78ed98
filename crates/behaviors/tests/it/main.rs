//! The language from outside: a bot's text in, effects out.

mod examples;
mod laws;
mod problems;
mod stories;
mod world;
