//! Services in a process of their own: this test program started again. Such a process keeps its ports, settings and
//! data when it is started again, and can be killed and stopped at any moment.
//!
//! The test program needs one test that is the child and otherwise passes at once:
//! `#[tokio::test] async fn child() { testkit::run_child_process(&[a::SERVICE, b::SERVICE]).await }`

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use service_kit::{Config, ServiceDef, ServiceSettings};

use crate::ports::free_port;
use crate::signals;
use crate::waiting::wait_until;

/// The names of the services, a space, the settings file.
const CHILD: &str = "TESTKIT_CHILD";

/// Killed when dropped.
#[derive(Debug)]
pub struct Process {
    test: &'static str,
    services: String,
    settings: PathBuf,
    log: PathBuf,
    ports: (u16, u16),
    environment: Vec<(&'static str, String)>,
    running: Option<Child>,
    /// Open for as long as this program runs: by it the process sees that it still does.
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// `name` tells the processes of a test apart; `test` is the child test with its modules, such as
    /// `processes::child`. Settings, log and data lie in `dir`. Starts nothing.
    pub fn new(test: &'static str, name: &str, services: &[ServiceDef], dir: &Path) -> Self {
        let names: Vec<&str> = services.iter().map(|service| service.name).collect();
        Self {
            test,
            services: names.join(","),
            settings: dir.join(format!("{name}.toml")),
            log: dir.join(format!("{name}.log")),
            ports: (free_port(), free_port()),
            environment: Vec::new(),
            running: None,
            lifeline: None,
        }
    }

    /// Its settings besides ports and directories; before the first start. They may name the addresses of others.
    pub fn configure(&self, toml: &str) {
        let data = self.settings.with_file_name("data");
        // A test's clients all come from one address.
        let settings = format!(
            "data_dir = \"{}\"\nlog.level = \"warn\"\nhttp.limits.rate = 0\nhttp.bind = \"127.0.0.1:{}\"\n\
             http.internal_bind = \"127.0.0.1:{}\"\n{toml}",
            data.display(),
            self.ports.0,
            self.ports.1,
        );
        std::fs::write(&self.settings, settings).expect("the settings can be written");
    }

    /// A variable of its environment, from the next start on.
    pub fn set_variable(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Root address for users.
    pub fn public(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.0)
    }

    /// Root address for services and operators.
    pub fn internal(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.1)
    }

    /// The settings of the process, for reading its databases.
    pub fn config(&self, services: &[ServiceDef]) -> Config {
        let settings: Vec<ServiceSettings> = services.iter().map(|service| service.settings).collect();
        let text = std::fs::read_to_string(&self.settings).expect("the settings can be read");
        Config::from_toml(&settings, &text).expect("valid settings")
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self, http: &reqwest::Client) {
        assert!(self.running.is_none(), "the process runs already");
        let log = File::options().create(true).append(true).open(&self.log).expect("a log file");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", self.test, "--nocapture", "--test-threads=1"])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(CHILD, format!("{} {}", self.services, self.settings.display()))
            // It ends when this program does, however that comes about.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a second process");
        // Waiting for a child would close it.
        self.lifeline = child.stdin.take();
        self.running = Some(child);
        let url = format!("{}/health/ready", self.internal());
        let ready = async || {
            let ended = self.running.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            assert!(!ended, "the process ended: {}", self.log());
            http.get(&url).send().await.ok().filter(|answer| answer.status().is_success())
        };
        wait_until("the process is ready", ready).await;
    }

    /// Ends it at once, as the kernel or a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().expect("the process can be killed");
            child.wait().expect("the process ends");
        }
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) {
        let mut child = self.running.take().expect("the process runs");
        signals::send_signal("TERM", &child);
        let status = child.wait().expect("the process ends");
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// Holds it still, as an overloaded machine would: connections stay, nothing moves.
    pub fn pause(&self) {
        signals::send_signal("STOP", self.running.as_ref().expect("the process runs"));
    }

    /// Lets it go on.
    pub fn resume(&self) {
        signals::send_signal("CONT", self.running.as_ref().expect("the process runs"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Serves what a [`Process`] asked for until it is stopped; returns at once where no process asked.
pub async fn run_child_process(services: &[ServiceDef]) {
    #[expect(clippy::disallowed_methods, reason = "how the second process learns that it is the second")]
    let Ok(asked) = std::env::var(CHILD) else { return };
    let (names, settings) = asked.split_once(' ').expect("services and settings");
    let chosen: Vec<ServiceDef> = names
        .split(',')
        .map(|name| *services.iter().find(|service| service.name == name).expect("a service of this program"))
        .collect();
    let sections: Vec<ServiceSettings> = chosen.iter().map(|service| service.settings).collect();
    let text = std::fs::read_to_string(settings).expect("the settings can be read");
    let config = Config::from_toml(&sections, &text).expect("valid settings");
    let telemetry =
        service_kit::telemetry::start_telemetry(&config.core.log, &format!("undulator-{names}"), &config.core.site)
            .expect("logs start");
    std::thread::spawn(|| {
        let _parent_has_ended = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    service_kit::serve_until_signal(&chosen, &config, |_| ()).await.expect("the services start");
    telemetry.shutdown();
}
