//! Documents as they came in, byte for byte, in a folder.
//!
//! Not the database: a document may be hundreds of megabytes and is only ever read whole. Not a cache either: an object
//! is never changed and never removed once a row refers to it.
//!
//! # Invariants
//! - An object has its final name only when its bytes and that name are on the disk ([`Incoming::keep`] syncs the file,
//!   renames it and syncs the folder). Whoever stores a row that refers to it does so after.
//! - What was not kept is a temporary file, removed when dropped, or at the next start.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::bulk::hex;

/// Prefix of files that are still being written.
const TEMPORARY: &str = "incoming-";

/// A folder of immutable objects, named by their SHA-256.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    folder: PathBuf,
}

/// Why an object was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Larger than the limit that was given.
    #[error("larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The disk.
    #[error("object store failed")]
    Io(#[from] io::Error),
}

impl ObjectStore {
    /// Uses (and makes) a folder, and removes what an earlier process left half written.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) && !in_use(&entry.path()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { folder })
    }

    /// Where the objects are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts to take an object in; `name` is any text that no other call uses at the same time.
    pub fn receive(&self, name: &str, limit_bytes: u64) -> io::Result<Incoming> {
        let path = self.folder.join(format!("{TEMPORARY}{name}"));
        let file = File::options().write(true).create_new(true).open(&path)?;
        // Held while the file is written: another process that starts meanwhile sees that it is no stray.
        file.lock()?;
        let hash = Context::new(&SHA256);
        Ok(Incoming {
            folder: self.folder.clone(),
            path,
            file,
            hash,
            size_bytes: 0,
            limit_bytes,
            kept: false,
        })
    }

    /// Opens an object for reading.
    pub fn read(&self, sha256: &[u8]) -> io::Result<BufReader<File>> {
        Ok(BufReader::with_capacity(
            1 << 16,
            File::open(self.folder.join(object_name(sha256)))?,
        ))
    }
}

fn object_name(sha256: &[u8]) -> String {
    hex(sha256)
}

/// Whether a living process still writes to a temporary file.
fn in_use(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// An object on its way in.
pub struct Incoming {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    hash: Context,
    size_bytes: u64,
    limit_bytes: u64,
    kept: bool,
}

/// An object whose bytes have all arrived, still under its temporary name.
#[derive(Debug)]
pub struct Received {
    incoming: Incoming,
    sha256: [u8; 32],
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming")
            .field("path", &self.path)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

impl Incoming {
    /// Appends a piece; past the limit nothing is written.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), ObjectError> {
        self.size_bytes = self.size_bytes.saturating_add(piece.len() as u64);
        if self.size_bytes > self.limit_bytes {
            return Err(ObjectError::TooLarge {
                limit_bytes: self.limit_bytes,
            });
        }
        self.hash.update(piece);
        self.file.write_all(piece)?;
        Ok(())
    }

    /// All bytes are here.
    #[must_use]
    pub fn finish(self) -> Received {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.hash.clone().finish().as_ref());
        Received { incoming: self, sha256 }
    }
}

impl Received {
    /// SHA-256 of the bytes: the object's name.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Its size.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.incoming.size_bytes
    }

    /// Reads it before it is kept.
    pub fn read(&self) -> io::Result<BufReader<File>> {
        Ok(BufReader::with_capacity(1 << 16, File::open(&self.incoming.path)?))
    }

    /// Puts it on the disk under its final name. Keeping the same bytes twice is harmless.
    pub fn keep(mut self) -> io::Result<()> {
        let incoming = &mut self.incoming;
        incoming.file.sync_all()?;
        fs::rename(&incoming.path, incoming.folder.join(object_name(&self.sha256)))?;
        incoming.kept = true;
        File::open(&incoming.folder)?.sync_all()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // Best effort: the next start removes what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn keeps_what_came_under_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::open(folder.path().join("objects")).unwrap();
        for name in ["a", "b"] {
            let mut incoming = store.receive(name, 100).unwrap();
            incoming.write(b"one ").unwrap();
            incoming.write(b"two").unwrap();
            let received = incoming.finish();
            let sha256 = received.sha256();
            received.keep().unwrap();
            let mut text = String::new();
            store.read(&sha256).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "one two");
        }
        assert_eq!(names(store.folder()).len(), 1);
    }

    #[test]
    fn what_is_too_large_or_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::open(folder.path().to_owned()).unwrap();
        let mut incoming = store.receive("a", 3).unwrap();
        incoming.write(b"one").unwrap();
        assert!(matches!(incoming.write(b"!"), Err(ObjectError::TooLarge { limit_bytes: 3 })));
        drop(incoming);
        drop(store.receive("b", 3).unwrap().finish());
        assert_eq!(names(store.folder()), [""; 0]);
    }

    #[test]
    fn a_start_removes_strays_but_not_what_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("incoming-stray"), b"half").unwrap();
        let store = ObjectStore::open(folder.path().to_owned()).unwrap();
        let living = store.receive("living", 3).unwrap();
        ObjectStore::open(folder.path().to_owned()).unwrap();
        assert_eq!(names(store.folder()), ["incoming-living"]);
        drop(living);
    }
}
