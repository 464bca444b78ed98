//! A bot's text as it lies in its folder, and the version that the text has. Called by `app` and `tidings check`.

use sha2::{Digest, Sha256};
use tidings_model::BotName;

/// A bot's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotSource {
    /// The name of its folder.
    pub name: BotName,
    /// Its files: the name for messages, and the text.
    pub files: Vec<(String, String)>,
}

impl BotSource {
    /// The version: the SHA-256 of all names and texts, in hex. The order in which the files were found does not matter.
    pub fn version(&self) -> String {
        let mut hash = Sha256::new();
        for (name, text) in self.sorted() {
            // The lengths keep one file's end and the next one's beginning apart.
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The files in the order in which they are read: by name.
    pub(crate) fn sorted(&self) -> Vec<&(String, String)> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort();
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_of_the_text_not_of_the_order() {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let source = |files| BotSource { name: "pizzeria".parse().expect("a name"), files };
        let ab = source(vec![file("a.yaml", "x"), file("b.yaml", "y")]).version();
        let ba = source(vec![file("b.yaml", "y"), file("a.yaml", "x")]).version();
        assert_eq!(ab, ba);
        assert_eq!(ab.len(), 64);
        assert_ne!(ab, source(vec![file("a.yaml", "xb.yaml"), file("", "y")]).version());
    }
}
