//! The witness file: what stands beside the database and is no part of a backup of it.
//!
//! The file states when it was made itself, as its file system says. That moment cannot be set by any tool that copies or restores
//! files, so a copy of the file does not fit what it states. Whether the database may be trusted is
//! [`judged`](crate::domain::serial::floor::judge) elsewhere.
//!
//! # Invariants
//! - The file is there whole or not at all, and on the disk before [`write`] returns.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::domain::serial::floor::{Seen, Witness};

/// Its name in the data folder.
pub const NAME: &str = "serial-witness.json";

/// When a file was made, to the nanosecond; its number where the file system does not keep that.
pub fn birth(path: &Path) -> io::Result<String> {
    Ok(birth_of(&fs::metadata(path)?))
}

fn birth_of(file: &fs::Metadata) -> String {
    let born = file.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    match born {
        // A file system that keeps none may say 1970.
        Some(born) if !born.is_zero() => format!("born {}.{:09}", born.as_secs(), born.subsec_nanos()),
        Some(_) | None => format!("inode {}", file.ino()),
    }
}

/// Reads what is there.
pub fn read(folder: &Path) -> io::Result<Seen> {
    let path = folder.join(NAME);
    match fs::read(&path) {
        Ok(bytes) => Ok(match serde_json::from_slice::<Witness>(&bytes) {
            Ok(witness) => Seen::Witness(Box::new(witness), birth(&path)?),
            Err(_) => Seen::Unreadable,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Seen::Nothing),
        Err(error) => Err(error),
    }
}

/// Puts a witness in the place of the one that is there. `birth` of what is given is filled in; `name` is any text that no other
/// call uses at the same time.
pub fn write(folder: &Path, mut witness: Witness, name: &str) -> io::Result<()> {
    let temporary = folder.join(format!("{NAME}.{name}"));
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
        witness.birth = birth_of(&file.metadata()?);
        let text = serde_json::to_vec(&witness).map_err(io::Error::other)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(NAME))?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // What is left is removed at the next start at the latest.
        let _gone = fs::remove_file(&temporary);
    }
    written
}

/// Removes what an earlier process left half written.
pub fn remove_temporary(folder: &Path) -> io::Result<()> {
    let prefix = format!("{NAME}.");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            match fs::remove_file(entry.path()) {
                // Another process on the same folder was faster.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::domain::serial::floor::{Counters, Identity};

    use super::*;

    fn witness(next: u64) -> Witness {
        Witness {
            database: Identity("hub=1".to_owned()),
            birth: String::new(),
            database_birth: None,
            log_position: None,
            counters: Counters::from([("09521001001014/1".parse().unwrap(), next)]),
        }
    }

    fn seen(folder: &Path) -> (Witness, String) {
        match read(folder).unwrap() {
            Seen::Witness(witness, birth) => (*witness, birth),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_fits_where_it_was_written_and_no_copy_of_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(matches!(read(folder).unwrap(), Seen::Nothing));
        for next in 1..4 {
            write(folder, witness(next), "a").unwrap();
            let (found, birth) = seen(folder);
            assert_eq!((found.counters, found.birth), (witness(next).counters, birth));
        }
        let older = fs::read(folder.join(NAME)).unwrap();
        write(folder, witness(4), "a").unwrap();
        // Restored in place, as `cp` and `rsync --inplace` do.
        fs::write(folder.join(NAME), &older).unwrap();
        let (found, birth) = seen(folder);
        assert_ne!(found.birth, birth);
        fs::write(folder.join(NAME), &older[..older.len() / 2]).unwrap();
        assert!(matches!(read(folder).unwrap(), Seen::Unreadable));
        fs::write(folder.join(format!("{NAME}.b")), "").unwrap();
        remove_temporary(folder).unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    }
}
