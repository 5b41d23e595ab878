//! The disk under the hub: made to fail at the k-th call, or asked what it would hold after a power loss.
//!
//! `disk.c` stands between the hub and the C library (`LD_PRELOAD`), arms faults and writes a log of every change to a
//! file or a name. [`Image`] replays that log as a disk would that keeps what was synced and nothing else: data by
//! `fsync`/`fdatasync` of the file, names by `fsync` of their folder. That is stricter than most file systems are, and
//! what POSIX promises.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What happens to the call that is hit. The numbers are those of `disk.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Action {
    /// Fails once with EIO; the next call works.
    Eio = 1,
    /// Fails once with ENOSPC.
    Enospc = 2,
    /// Fails once with EINTR: harmless to correct code.
    Eintr = 3,
    /// Writes half: harmless to correct code.
    Short = 4,
    /// SIGKILL instead of the call.
    KillBefore = 5,
    /// SIGKILL right after the call.
    KillAfter = 6,
    /// ENOSPC from this call on: a disk that is full until the test gives space.
    EnospcFromNowOn = 7,
    /// Half of a write, then SIGKILL.
    KillTorn = 8,
}

impl Action {
    /// Whether the process is gone after it.
    pub(crate) fn kills(self) -> bool {
        match self {
            Self::KillBefore | Self::KillAfter | Self::KillTorn => true,
            Self::Eio | Self::Enospc | Self::Eintr | Self::Short | Self::EnospcFromNowOn => false,
        }
    }
}

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Calls {
    /// write, pwrite, writev.
    Writes = 1,
    /// fsync, fdatasync.
    Syncs = 2,
    /// ftruncate.
    Truncates = 4,
    /// Names: open with O_CREAT, rename, link, unlink, mkdir, rmdir.
    Names = 8,
}

/// The preloaded library, compiled once a test process.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/faults/disk.c");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&target)
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .output();
        let compiled = compiled.expect("the fault tests need a C compiler: apt-get install gcc libc6-dev");
        assert!(
            compiled.status.success(),
            "cc {source}: {}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        target
    })
}

/// The faulty disk of one hub process. Its own files lie outside the folder it watches.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    control: PathBuf,
    log: PathBuf,
    only: Option<&'static str>,
}

impl Disk {
    /// Watches `root`; keeps its own two files in `aside`.
    pub(crate) fn new(root: &Path, aside: &Path) -> Self {
        let root = fs::canonicalize(root).expect("data folder");
        let disk = Self {
            root,
            control: aside.join("disk.control"),
            log: aside.join("disk.log"),
            only: None,
        };
        fs::write(&disk.control, [0; 24]).expect("control page");
        let _ = fs::remove_file(&disk.log);
        disk
    }

    /// The same for files alone whose names have this text in them.
    pub(crate) fn of_files(root: &Path, aside: &Path, only: &'static str) -> Self {
        Self {
            only: Some(only),
            ..Self::new(root, aside)
        }
    }

    /// Puts the disk under a process about to start. With `log`, every change is written down.
    pub(crate) fn under(&self, command: &mut Command, log: bool) {
        command
            .env("LD_PRELOAD", library())
            .env("DISK_ROOT", &self.root)
            .env("DISK_CONTROL", &self.control);
        if log {
            command.env("DISK_LOG", &self.log);
        }
        if let Some(only) = self.only {
            command.env("DISK_ONLY", only);
        }
    }

    /// From now on the `at`-th (from 1) of these calls, counted over the whole process, is hit.
    pub(crate) fn arm(&self, calls: Calls, at: u32, action: Action) {
        let page = fs::OpenOptions::new().write(true).open(&self.control).expect("control page");
        let mut words = Vec::new();
        for word in [action as u32, calls as u32, at, 0, 0] {
            words.extend_from_slice(&word.to_ne_bytes());
        }
        page.write_all_at(&words, 4).expect("control page");
        page.write_all_at(&1_u32.to_ne_bytes(), 0).expect("control page");
    }

    /// The disk is healthy from now on.
    pub(crate) fn heal(&self) {
        let page = fs::OpenOptions::new().write(true).open(&self.control).expect("control page");
        page.write_all_at(&0_u32.to_ne_bytes(), 0).expect("control page");
    }

    /// How many calls were hit since it was armed.
    pub(crate) fn fired(&self) -> u32 {
        let page = fs::read(&self.control).expect("control page");
        u32::from_ne_bytes(page[16..20].try_into().expect("a word"))
    }

    /// Where the log ends now: what a caller has been answered rests on calls before this point.
    pub(crate) fn log_end(&self) -> u64 {
        fs::metadata(&self.log).map(|file| file.len()).unwrap_or(0)
    }

    /// What was written down.
    pub(crate) fn log(&self) -> Vec<u8> {
        fs::read(&self.log).expect("disk log")
    }
}

type FileId = usize;

/// Names and files as the program sees them, and as they would be found after a power loss.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    files: Vec<Content>,
    names: Names,
    durable_names: Names,
    of_inode: HashMap<u64, Thing>,
}

#[derive(Debug, Clone, Default)]
struct Names {
    files: BTreeMap<PathBuf, FileId>,
    folders: BTreeSet<PathBuf>,
}

#[derive(Debug, Clone)]
enum Thing {
    File(FileId),
    Folder(PathBuf),
}

#[derive(Debug, Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Changes since the last sync, in order: any of them may or may not have reached the disk.
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => {
                let end = offset + data.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(data);
            }
            Self::Truncate(len) => content.resize(*len, 0),
        }
    }
}

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unsynced {
    /// None reached the disk.
    Lost,
    /// All reached the disk: what a process kill leaves.
    Kept,
    /// Each did or did not, by a coin thrown from this seed; disks reorder.
    Coin(u64),
}

impl Image {
    /// A folder at rest, all of it on the disk.
    pub(crate) fn of_folder(root: &Path) -> Self {
        let root = fs::canonicalize(root).expect("data folder");
        let mut image = Self::default();
        image.read_folder(&root);
        image.durable_names = image.names.clone();
        image
    }

    fn read_folder(&mut self, folder: &Path) {
        self.names.folders.insert(folder.to_owned());
        for entry in fs::read_dir(folder).expect("data folder") {
            let path = entry.expect("data folder").path();
            if path.is_dir() {
                self.read_folder(&path);
            } else {
                let seen = fs::read(&path).expect("data file");
                self.names.files.insert(path, self.files.len());
                self.files.push(Content {
                    durable: seen.clone(),
                    seen,
                    pending: Vec::new(),
                });
            }
        }
    }

    /// Replays a log, which may end in the middle of a record (the process was killed while it wrote it).
    pub(crate) fn replay(&mut self, mut log: &[u8]) {
        while let Some((record, rest)) = Record::split(log) {
            self.apply(&record);
            log = rest;
        }
    }

    fn apply(&mut self, record: &Record<'_>) {
        let path = Path::new(record.path);
        match record.op {
            1 => {
                let file = self.files.len();
                self.files.push(Content::default());
                self.names.files.insert(path.to_owned(), file);
                self.of_inode.insert(record.ino, Thing::File(file));
            }
            2 => self.change(
                record.ino,
                Change::Write {
                    offset: record.offset,
                    data: record.data.to_vec(),
                },
            ),
            3 => self.change(record.ino, Change::Truncate(record.offset)),
            4 => self.sync(record.ino),
            5 | 6 => self.rename_or_link(path, Path::new(record.data_text()), record.op == 5),
            7 => drop(self.names.files.remove(path)),
            8 => {
                self.names.folders.insert(path.to_owned());
                self.of_inode.insert(record.ino, Thing::Folder(path.to_owned()));
            }
            9 => drop(self.names.folders.remove(path)),
            10 => {
                let thing = match self.names.files.get(path) {
                    Some(file) => Thing::File(*file),
                    None => Thing::Folder(path.to_owned()),
                };
                self.of_inode.insert(record.ino, thing);
            }
            other => panic!("disk log: operation {other}"),
        }
    }

    fn change(&mut self, ino: u64, change: Change) {
        let Some(Thing::File(file)) = self.of_inode.get(&ino) else {
            panic!("disk log: write to an unknown file")
        };
        let content = &mut self.files[*file];
        change.apply(&mut content.seen);
        content.pending.push(change);
    }

    fn sync(&mut self, ino: u64) {
        match self.of_inode.get(&ino) {
            Some(Thing::File(file)) => {
                let content = &mut self.files[*file];
                for change in content.pending.drain(..) {
                    change.apply(&mut content.durable);
                }
            }
            Some(Thing::Folder(folder)) => {
                let inside = |path: &Path| path.parent() == Some(folder);
                self.durable_names.files.retain(|path, _| !inside(path));
                self.durable_names.folders.retain(|path| !inside(path));
                let files = self.names.files.iter().filter(|(path, _)| inside(path));
                self.durable_names
                    .files
                    .extend(files.map(|(path, file)| (path.clone(), *file)));
                let folders = self.names.folders.iter().filter(|path| inside(path));
                self.durable_names.folders.extend(folders.cloned());
            }
            None => panic!("disk log: sync of something never opened"),
        }
    }

    fn rename_or_link(&mut self, from: &Path, to: &Path, rename: bool) {
        let file = *self.names.files.get(from).expect("disk log: rename of an unknown file");
        self.names.files.insert(to.to_owned(), file);
        if rename {
            self.names.files.remove(from);
        }
    }

    /// The folder as it would be found, file by file. SQLite's `-shm` is left out: it is memory, not data.
    pub(crate) fn after(&self, unsynced: Unsynced) -> BTreeMap<PathBuf, Vec<u8>> {
        let names = match unsynced {
            Unsynced::Kept => &self.names,
            Unsynced::Lost | Unsynced::Coin(_) => &self.durable_names,
        };
        let shared_memory = |path: &Path| path.to_string_lossy().ends_with("-shm");
        let mut coin = Coin(match unsynced {
            Unsynced::Coin(seed) => seed,
            Unsynced::Lost | Unsynced::Kept => 0,
        });
        let mut found = BTreeMap::new();
        for (path, file) in names.files.iter().filter(|(path, _)| !shared_memory(path)) {
            let content = &self.files[*file];
            let mut bytes = content.durable.clone();
            let reached = content.pending.iter().filter(|_| match unsynced {
                Unsynced::Kept => true,
                Unsynced::Lost => false,
                Unsynced::Coin(_) => coin.heads(),
            });
            reached.for_each(|change| change.apply(&mut bytes));
            found.insert(path.clone(), bytes);
        }
        found
    }

    /// Writes the folder as it would be found, under another root.
    pub(crate) fn restore(&self, unsynced: Unsynced, old_root: &Path, new_root: &Path) {
        let old_root = fs::canonicalize(old_root).expect("data folder");
        let moved = |path: &Path| new_root.join(path.strip_prefix(&old_root).expect("below the root"));
        for folder in &self.durable_names.folders {
            fs::create_dir_all(moved(folder)).expect("folder");
        }
        for (path, bytes) in self.after(unsynced) {
            let path = moved(&path);
            // A file whose folder's own name was never synced is out of reach after a power loss.
            if path.parent().is_some_and(Path::is_dir) {
                fs::write(path, bytes).expect("file");
            }
        }
    }
}

/// SplitMix64: a seed is all it takes to see the same disk again.
#[derive(Debug)]
pub(crate) struct Coin(pub u64);

impl Coin {
    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One throw.
    pub(crate) fn heads(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One record of the log, as `disk.c` lays it out.
struct Record<'a> {
    op: u32,
    ino: u64,
    offset: usize,
    path: &'a str,
    data: &'a [u8],
}

impl<'a> Record<'a> {
    const HEAD: usize = 32;

    fn split(log: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let head = log.get(..Self::HEAD)?;
        let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("a word"));
        let long = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("a long word"));
        let (op, path_len) = (word(0), word(4) as usize);
        let data_len = if matches!(op, 2 | 5 | 6) { long(24) as usize } else { 0 };
        let end = Self::HEAD + path_len + data_len;
        let body = log.get(Self::HEAD..end)?;
        let (path, data) = body.split_at(path_len);
        let path = std::str::from_utf8(path).expect("disk log: path");
        Some((
            Self {
                op,
                ino: long(8),
                offset: long(16) as usize,
                path,
                data,
            },
            &log[end..],
        ))
    }

    fn data_text(&self) -> &'a str {
        std::str::from_utf8(self.data).expect("disk log: path")
    }
}
