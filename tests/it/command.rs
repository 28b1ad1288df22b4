//! The program as somebody types it: in a folder, with no settings from the environment of whoever runs the tests.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The whole of stdout as one JSON value: a single line of talk on it would break this.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("stdout is no JSON ({why}):\n{self:?}"))
    }

    /// How it ended, and data and talk together.
    pub fn told(self) -> (i32, String) {
        (self.code, self.out + &self.err)
    }

    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omniprice"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OMNIPRICE_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a command to its end; who is asked by it goes on meanwhile.
pub async fn hear(command: Command) -> Said {
    let mut command = tokio::process::Command::from(command);
    Said::of(timeout(Duration::from_secs(60), command.kill_on_drop(true).output()).await.expect("it ends").unwrap())
}
