//! The same faults by other hands: `strace` injects them in the kernel, where no code of ours has a say.
//!
//! It counts per thread and sees no file names, so it reaches less exactly than `disk.c`; it is here so that a mistake in
//! `disk.c` cannot hide a mistake in the hub.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::disk::{Action, Calls};

/// A tracer on a running process. Dropped, it detaches.
pub(crate) struct Strace {
    child: Child,
    out: PathBuf,
}

impl Strace {
    /// Attaches to every thread of a process and has the `at`-th of these calls in a thread hit.
    pub(crate) async fn attach(pid: u32, aside: &Path, (calls, at, action): (Calls, u32, Action)) -> Self {
        let calls = match calls {
            Calls::Writes => "pwrite64",
            Calls::Syncs => "fdatasync,fsync",
            Calls::Truncates => "ftruncate",
            Calls::Names => "rename,unlink,mkdir",
        };
        let effect = match action {
            Action::Eio => "error=EIO",
            Action::Enospc => "error=ENOSPC",
            Action::KillBefore => "signal=SIGKILL",
            other => panic!("strace is not asked for {other:?}"),
        };
        let out = aside.join("strace.out");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o"])
            .arg(&out)
            .args(["-p", &pid.to_string(), "-e"])
            .arg(format!("trace={calls}"));
        command
            .arg("-e")
            .arg(format!("inject={calls}:{effect}:when={at}"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the fault tests need strace: apt-get install strace");
        while !traced(pid) {
            if let Some(status) = child.try_wait().expect("strace's state") {
                panic!("strace did not attach ({status}): it needs CAP_SYS_PTRACE in a container");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Self { child, out }
    }

    /// Whether it hit.
    pub(crate) fn fired(&self) -> bool {
        std::fs::read_to_string(&self.out).is_ok_and(|text| text.contains("INJECTED") || text.contains("killed by SIGKILL"))
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether every thread has a tracer.
fn traced(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return true;
    };
    let has_tracer = |thread: std::fs::DirEntry| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0")
    };
    threads.flatten().all(has_tracer)
}
