//! What the classifier promises: `quality` measures it on sentences, `stories` shows what it gives, `laws` holds for any
//! text, `limits` is what it refuses.

mod fixture;
mod laws;
mod limits;
mod quality;
mod stories;
