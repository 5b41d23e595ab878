//! Routes are made in one place.

/// Whoever adds a route without its name would escape the matrix.
#[test]
fn routes_are_made_in_one_place() {
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/transport"
    ))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let makes = [
                "axum::routing",
                "Router::new",
                "Router::<",
                "MethodRouter",
                ".route_service(",
                ".nest(",
            ];
            if !path.ends_with("transport/route.rs") && makes.iter().any(|one| text.contains(one)) {
                found.push(path);
            }
        }
    }
    assert!(found.is_empty(), "routes are made by transport::route alone: {found:?}");
}
