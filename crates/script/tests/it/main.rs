//! Scripts in real children: what they may, what they may not, and that an end of one is no end of others.

mod children;
mod kit;
mod language;
mod limits;
mod repeating;
mod walls;
