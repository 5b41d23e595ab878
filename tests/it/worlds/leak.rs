//! The comparison finds what it is for: each leak that can be planted in the lens is caught within a bounded number of worlds.
//!
//! A leak is of a whole process, so each is planted in a process of its own: this test binary, told by `COUNTERFOIL_TEST_LEAK`. Built without
//! the feature `planted-leaks` there are none, and the tests say so; `tests/run` has it on.

use std::path::Path;

/// Houses in which a leak must be found, and worlds of each family of them.
#[cfg(feature = "planted-leaks")]
const WITHIN: (u64, usize) = (6, 12);

#[test]
fn nothing_that_is_built_by_default_has_a_planted_leak() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let features = manifest["features"].as_table().expect("features");
    let asks: Vec<&String> = features
        .iter()
        .filter(|(_, of)| {
            of.as_array()
                .is_some_and(|of| of.iter().any(|of| of.as_str() == Some("planted-leaks")))
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(asks, Vec::<&String>::new(), "a feature brings the planted leaks along");
    assert!(!manifest["dependencies"].to_string().contains("planted-leaks"));
    // Whatever can be set, and whatever reads it, stands behind the feature.
    let text = std::fs::read_to_string(root.join("src/domain/lens/planted.rs")).expect("the leaks");
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("static ") || line.starts_with("pub fn "))
    {
        let above = lines[..index]
            .iter()
            .rev()
            .take_while(|line| line.starts_with('#') || line.starts_with("///"));
        let gated = above.into_iter().any(|line| *line == "#[cfg(feature = \"planted-leaks\")]");
        assert!(gated, "`{line}` is there without the feature");
    }
}

#[cfg(not(feature = "planted-leaks"))]
#[test]
fn each_planted_leak_is_found() {
    println!("built without `--features planted-leaks`: no leak can be planted; `tests/run` has it on");
}

#[cfg(feature = "planted-leaks")]
mod planted {
    use std::process::Command;

    use counterfoil::domain::lens::planted::{Leak, plant};

    use super::WITHIN;
    use crate::worlds::{families, house, number};

    const NAME: &str = "COUNTERFOIL_TEST_LEAK";
    /// The control: nothing is planted, and nothing must be found.
    const NONE: &str = "None";

    /// In a process of its own; without a leak it has nothing to do.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_is_found() {
        let Ok(name) = std::env::var(NAME) else { return };
        if let Some(leak) = Leak::ALL.into_iter().find(|leak| format!("{leak:?}") == name) {
            plant(leak);
        }
        let seed = number("COUNTERFOIL_TEST_SEED", 20_260_302);
        let (houses, worlds) = if name == NONE { (1, WITHIN.1) } else { WITHIN };
        for house in 0..houses {
            if let (Some(found), asked) = house::differ(&families(seed.wrapping_add(house), worlds)).await {
                println!("FOUND {name} in house {house} after {asked} questions: {}", found.question);
                return;
            }
        }
        println!("NOT FOUND {name}");
    }

    #[test]
    fn each_planted_leak_is_found() {
        let mut missed = Vec::new();
        for name in Leak::ALL.map(|leak| format!("{leak:?}")).into_iter().chain([NONE.to_owned()]) {
            let me = std::env::current_exe().expect("this binary");
            let child = Command::new(me)
                .args(["worlds::leak::planted::one_is_found", "--exact", "--nocapture"])
                .env(NAME, &name)
                .output()
                .expect("a process");
            let said = String::from_utf8_lossy(&child.stdout).into_owned();
            let line = said.lines().find(|line| line.contains("FOUND")).unwrap_or(&said);
            println!("{line}");
            let found = said.contains(&format!("FOUND {name} in house"));
            if !child.status.success() || found == (name == NONE) {
                missed.push(format!("{name}: {said} {}", String::from_utf8_lossy(&child.stderr)));
            }
        }
        assert!(missed.is_empty(), "{}", missed.join("\n"));
    }
}
