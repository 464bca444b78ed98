//! The language from outside: a bot's text in, effects out.

mod examples;
mod forms;
mod inputs;
mod laws;
mod meanwhile;
mod nearest;
mod outside;
mod problems;
mod stories;
mod timing;
mod trials;
mod world;
