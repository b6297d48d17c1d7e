//! A beamline whose programs write the logbook, over HTTP with an API key as they do everywhere. What happens there is the
//! same in every run; it happens now.

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

/// Scenes before the facility was opened.
const HISTORY: usize = 178;
/// How much slower things went then.
const SLOWNESS: u32 = 20;

pub struct Beamline(Program);

impl Beamline {
    /// `url` is where the services are.
    pub fn new(url: &str, key: &Key) -> Result<Self, Failure> {
        Ok(Self(Program::new(url, &key.text)?))
    }

    /// The last hours, at once, so that nobody finds an empty logbook.
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

    /// Goes on from there, scene by scene, until it is dropped.
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
