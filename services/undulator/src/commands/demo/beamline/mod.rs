//! A beamline whose programs write the logbook over HTTP with an API key. It plays the same story in every run, at the
//! current time.

mod key;
mod message;
mod plot;
mod program;
mod story;

use std::time::Duration;

use jiff::Timestamp;
use service_kit::cli::Failure;
use service_kit::{Clock as _, SystemClock};

pub use self::key::{FILE as KEY, Key};
use self::program::Program;
use self::story::{Scene, Story};

/// Both are in the demo's facility.
pub const PROPOSAL: &str = "MX-2417";
pub const INSTRUMENT: &str = "ID29";

/// Scenes of the history.
const HISTORY: usize = 178;
/// How much slower the history was.
const SLOWNESS: u32 = 20;

pub struct Beamline(Program);

impl Beamline {
    /// `url` is the address of the services.
    pub fn new(url: &str, key: &Key) -> Result<Self, Failure> {
        Ok(Self(Program::new(url, &key.text)?))
    }

    /// Writes the entries of the last hours at once, so that the logbook is not empty.
    pub async fn write_history(&self) {
        self.0.warm_up_logbook().await;
        let scenes: Vec<Scene> = Story::new().take(HISTORY).collect();
        let length: Duration = scenes.iter().map(|scene| scene.pause * SLOWNESS).sum();
        let mut at = subtract_duration(SystemClock.now(), length);
        for scene in scenes {
            at = at.saturating_add(scene.pause * SLOWNESS).unwrap_or(at);
            self.0.send_message(&scene.what, at).await;
        }
    }

    /// Continues the story in real time until it is dropped.
    pub async fn play_story(&self) {
        for scene in Story::new().skip(HISTORY) {
            tokio::time::sleep(scene.pause).await;
            self.0.write_messages(&scene.what, SystemClock.now()).await;
        }
    }
}

fn subtract_duration(now: Timestamp, length: Duration) -> Timestamp {
    now.saturating_sub(length).unwrap_or(now)
}
