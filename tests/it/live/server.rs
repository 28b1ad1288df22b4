//! Server programs as children of a test: booted, killed as by a power cut, booted again, and gone when the test is.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{skip, uuid};

/// A shop that has not said by then that it is ready will not.
const BOOT_LIMIT: Duration = Duration::from_secs(150);

/// A process that is killed when its owner is dropped.
pub struct Killed(pub Child);

impl Killed {
    /// SIGKILL, as a machine that loses power.
    pub fn now(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a shop's program is called; its standard output says `"ready"` in the line that ends its boot.
pub struct Server {
    pub port: u16,
    program: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    child: Option<Killed>,
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Boots `PROGRAM server.*` in its folder; `PORT` is added to the environment.
    pub fn boot(program: &Path, folder: &Path, environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.push(("PORT".to_owned(), port.to_string()));
        let mut server =
            Self { port, program: program.to_owned(), folder: folder.to_owned(), environment, child: None };
        server.boot_again();
        server
    }

    fn script(&self, name: &str) -> String {
        let script = ["js", "py"].iter().map(|end| format!("{name}.{end}"));
        script.into_iter().find(|script| self.folder.join(script).exists()).unwrap()
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.script(script)).current_dir(&self.folder).envs(self.environment.iter().cloned());
        command
    }

    /// SIGKILL, as a machine that loses power.
    pub fn kill(&mut self) {
        self.child.take().unwrap().now();
    }

    /// Boots it on the same port and the same data.
    pub fn boot_again(&mut self) {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut child = self
            .command("server")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut child = Killed(child);
        let started = Instant::now();
        let mut said = String::new();
        while let Some(Ok(line)) = lines.next() {
            if line.contains("\"ready\"") {
                // The pipe has to be drained for as long as the server lives.
                std::thread::spawn(move || for _ in lines {});
                self.child = Some(child);
                return;
            }
            assert!(started.elapsed() < BOOT_LIMIT, "not ready after {BOOT_LIMIT:?}:\n{said}");
            said.push_str(&line);
            said.push('\n');
        }
        child.now();
        panic!("ended before it was ready:\n{said}{}", std::fs::read_to_string(log.path()).unwrap());
    }

    /// Runs `PROGRAM seed.*` with these arguments; what it prints last is one JSON line.
    pub fn seed(&self, arguments: &[String]) -> Value {
        let output = self.command("seed").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(said.lines().last().unwrap()).unwrap()
    }
}

/// The values of these variables, or `None` (said) where `./test` did not prepare this shop.
pub fn prepared<const N: usize>(what: &str, names: [&str; N]) -> Option<[String; N]> {
    let values: Option<Vec<String>> = names.iter().map(|name| std::env::var(name).ok()).collect();
    if values.is_none() {
        skip(what, &format!("{} is not set; ./test installs what it takes", names.join(" or ")));
    }
    values?.try_into().ok()
}

/// A database of its own on the server of `url`, a copy of the one that `url` names; `postgres` there is copied as empty.
pub async fn copied_database(url: &str) -> String {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
    let (server, template) = url.rsplit_once('/').unwrap();
    let database = format!("live_{}", uuid());
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let from = if template == "postgres" { String::new() } else { format!(" template {template}") };
    connection.execute(AssertSqlSafe(format!("create database {database}{from}"))).await.unwrap();
    connection.close().await.unwrap();
    database
}
