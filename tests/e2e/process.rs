//! The real binary: from an empty folder to a hub that serves, and its end.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::hub::partner_config;

fn counterfoil(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    // Nothing of the environment the tests run in.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERFOIL_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments).kill_on_drop(true);
    command.env("COUNTERFOIL_PARTNER_CONFIG", partner_config());
    command
        .env("COUNTERFOIL_LISTEN", "127.0.0.1:0")
        .env("COUNTERFOIL_OPERATIONS_LISTEN", "127.0.0.1:0");
    command.env("COUNTERFOIL_LOG_FORMAT", "json");
    command
}

async fn status(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = counterfoil(folder, arguments).output().await.expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

/// A served hub, once it says so: the log line with its addresses.
async fn serve(folder: &Path) -> (Child, serde_json::Value) {
    let mut child = counterfoil(folder, &["serve"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await.expect("a log line") {
            let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON object a line");
            if line["message"] == "counterfoil serves" {
                return line;
            }
        }
        panic!("the hub ended before it served");
    };
    let line = tokio::time::timeout(Duration::from_secs(60), ready)
        .await
        .expect("a hub that serves");
    // Its log must go on being read, or it would block.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, line)
}

#[tokio::test]
async fn from_an_empty_folder_to_a_hub_that_serves_and_stops() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let folder = folder.path();
    assert_eq!(status(folder, &["migrate", "--status"]).await.0, Some(1), "a step is pending");
    for arguments in [
        &["migrate"][..],
        &["migrate", "--status"],
        &["partner", "apply", "--yes"],
        &["certificate", "issue", "aurora", "erp", "--out", "aurora"],
    ] {
        let (code, text) = status(folder, arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
    }
    for file in ["client.pem", "client.key", "ca.pem"] {
        assert!(folder.join("aurora").join(file).exists(), "{file}");
    }
    let (mut child, line) = serve(folder).await;
    assert!(
        line["machine_addr"]
            .as_str()
            .is_some_and(|addr| addr.starts_with("127.0.0.1:")),
        "{line}"
    );
    let operations = line["operations_addr"].as_str().expect("an address");
    for path in ["healthz", "readyz", "metrics"] {
        assert_eq!(get(operations, path).await, "HTTP/1.1 200 OK", "{path}");
    }
    let id = child.id().expect("a process").to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .expect("kill")
            .success()
    );
    let ended = tokio::time::timeout(Duration::from_secs(30), child.wait())
        .await
        .expect("an end")
        .expect("a status");
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn what_cannot_work_ends_with_status_2_and_says_why() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let folder = folder.path();
    let check = async |arguments: &[&str], expect: &str| {
        let (code, text) = status(folder, arguments).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(expect), "{text}");
    };
    check(&["serve", "--set", "lisen=x"], "did you mean `listen`?").await;
    check(&["serve", "--database-url", "mysql://x"], "`postgres://`").await;
    check(&["serve", "--settings", "none.toml"], "cannot read none.toml").await;
    check(
        &["certificate", "issue", "nobody", "erp", "--out", "x"],
        "no party has the role `operator`",
    )
    .await;
    assert_eq!(status(folder, &["migrate"]).await.0, Some(0));
    assert_eq!(
        status(folder, &["serve", "--set", "listen=192.0.2.1:1"]).await.0,
        Some(2),
        "the key is made, the port is not there"
    );
    std::fs::remove_file(folder.join("counterfoil-data/master.key")).expect("a key");
    check(&["serve"], "has a master key already").await;
}

/// The status line of a plain GET.
async fn get(addr: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut tcp = tokio::net::TcpStream::connect(addr).await.expect("a connection");
    let request = format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}
