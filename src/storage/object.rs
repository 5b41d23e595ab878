//! Documents as they came in, byte for byte, in a folder.
//!
//! Not the database: a document may be hundreds of megabytes and is only ever read whole.

use std::path::PathBuf;

/// A folder of immutable objects, named by their SHA-256.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    folder: PathBuf,
}

impl ObjectStore {
    /// Uses (and makes) a folder.
    pub fn open(folder: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where the objects are.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }
}
