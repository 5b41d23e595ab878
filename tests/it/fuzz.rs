//! The fuzz targets on mutated seeds: a short run of what `cargo fuzz` does for as long as it is let (`tests/run fuzz`).
//!
//! Seeds are those of `tests/corpus/fuzz` and, where it is there, the shared corpus. The same seed of the dice gives the same
//! inputs. `COUNTERFOIL_TEST_FUZZ_SECONDS` is how long each target runs; without it a fixed number of inputs is tried.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::corpus_documents::{KINDS, corpus, manifest, media};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Inputs of each target where no time is given.
const INPUTS: usize = 400;
/// Seeds larger than this are left to the tests of the corpus.
const SEED_BYTES: usize = 20_000;
/// Memory that no single input may take.
const RESIDENT_KIB: u64 = 1 << 20;

/// Bytes that mean something to one of the readers, or to none.
const TELLING: &[u8] = b"\0\"<>&'{}[]:;,/%#.*-+_ 0919AZaz~\xff\xc3";

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`, which is not 0.
    pub fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).expect("a side")
    }
}

/// Seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/fuzz").join(target);
    let mut files: Vec<_> = fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!seeds.is_empty(), "{}: no seeds", own.display());
    if target == "xml" || target == "json" {
        let shared = corpus().map(|corpus| (manifest(&corpus), corpus));
        for (path, _) in shared
            .iter()
            .flat_map(|(rows, _)| rows)
            .filter(|(_, kind)| KINDS.contains(&kind.as_str()))
        {
            let is_of = media(path).is_some_and(|media| (media == counterfoil::epcis::MediaType::Xml) == (target == "xml"));
            let bytes = shared
                .as_ref()
                .filter(|_| is_of)
                .and_then(|(_, corpus)| fs::read(corpus.join(path)).ok());
            seeds.extend(bytes.filter(|bytes| bytes.len() <= SEED_BYTES));
        }
    }
    seeds
}

/// One to four changes: bits, bytes, numbers, pieces taken out, doubled, moved, or taken from another seed.
fn mutated(seeds: &[Vec<u8>], random: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        let until = (at + 1 + random.below(1 + bytes.len() / 4)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = TELLING[random.below(TELLING.len())],
            2 => {
                bytes.drain(at..until);
            }
            3 => {
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..until, other[from..to].iter().copied());
            }
            5 => {
                let piece: Vec<u8> = bytes[at..until].to_vec();
                let many = 1 + random.below(200);
                bytes.splice(
                    at..until,
                    piece.iter().copied().take(40).cycle().take(piece.len().min(40) * many),
                );
            }
            _ => {
                let piece: Vec<u8> = bytes.drain(at..until).collect();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// The largest memory of this process so far.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[test]
fn no_input_makes_a_target_fail() {
    let seconds: Option<u64> = std::env::var("COUNTERFOIL_TEST_FUZZ_SECONDS")
        .ok()
        .map(|text| text.parse().expect("a number of seconds"));
    let begin = std::env::var("COUNTERFOIL_TEST_FUZZ_SEED")
        .ok()
        .map_or(1, |text| text.parse().expect("a number"));
    let kept = tempfile::NamedTempFile::new().unwrap();
    for (name, target) in targets::TARGETS {
        let (seeds, mut random, began) = (seeds(name), Dice(begin), Instant::now());
        seeds.iter().for_each(|seed| target(seed));
        let (mut inputs, mut slowest) = (0, Duration::ZERO);
        loop {
            match seconds {
                Some(seconds) if began.elapsed() >= Duration::from_secs(seconds) => break,
                None if inputs >= INPUTS => break,
                Some(_) | None => {}
            }
            let input = mutated(&seeds, &mut random);
            // What fails can be looked at: the file stays where the test does not end.
            fs::write(kept.path(), &input).unwrap();
            let begun = Instant::now();
            let failed = std::panic::catch_unwind(|| target(&input)).is_err();
            if failed {
                let path = std::env::temp_dir().join(format!("counterfoil-fuzz-{name}"));
                fs::write(&path, &input).unwrap();
                panic!("{name}: the input is in {}", path.display());
            }
            slowest = slowest.max(begun.elapsed());
            inputs += 1;
        }
        println!("{name}: {} seeds, {inputs} inputs, the slowest took {slowest:?}", seeds.len());
        assert!(slowest < Duration::from_secs(20), "{name}: {slowest:?}");
    }
    if let Some(peak) = peak_kib().filter(|_| seconds.is_some()) {
        println!("at most {} MiB", peak >> 10);
        assert!(peak < RESIDENT_KIB, "{peak} KiB");
    }
}
