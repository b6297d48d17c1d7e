//! The story of the beamline: crystals are mounted, aligned and measured, and sometimes the beam is lost.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::message::{Image, Message, Voice};
use super::plot;
use super::program::What;

const SEED: u64 = 2417;
const REMARKS: [&str; 8] = [
    "Best crystal of this puck so far.",
    "Ice rings at 3.67 Å; the next one is washed before it is mounted.",
    "Two lattices, the second one is weak. Should be fine.",
    "Loop is bent, centred by hand.",
    "Radiation damage is visible after 1500 images; take a lower transmission next time.",
    "Same cell as last month.",
    "Moved 40 µm along the needle for a fresh spot.",
    "Shift handed over, everything works.",
];

/// One event, and the time since the previous one.
pub struct Scene {
    pub pause: Duration,
    pub what: What,
}

/// An endless sequence of scenes.
pub struct Story {
    random: StdRng,
    /// Crystals so far.
    crystal: u32,
    next: VecDeque<What>,
}

impl Iterator for Story {
    type Item = Scene;

    fn next(&mut self) -> Option<Scene> {
        if self.next.is_empty() {
            self.start_crystal();
        }
        let what = self.next.pop_front()?;
        Some(Scene { pause: Duration::from_millis(self.random.random_range(2_000..=8_000)), what })
    }
}

impl Story {
    pub fn new() -> Self {
        Self { random: StdRng::seed_from_u64(SEED), crystal: 0, next: VecDeque::new() }
    }

    fn start_crystal(&mut self) {
        self.crystal += 1;
        self.mount_sample();
        self.align_sample();
        if self.crystal % 5 == 3 {
            self.lose_beam();
        }
        self.measure_sample();
        if self.crystal.is_multiple_of(3) {
            let current = self.random_between(199.0, 201.0);
            self.add_message(Voice::Ring, Some("machine"), format!("Top-up: {current:.1} mA"));
        }
    }

    fn mount_sample(&mut self) {
        let (puck, place) = (1 + (self.crystal - 1) / 16, 1 + (self.crystal - 1) % 16);
        let level = self.random_between(71.0, 96.0);
        self.add_message(
            Voice::Debug,
            Some("robot"),
            format!("Puck {puck}, place {place}: gripped; nitrogen at {level:.0} %"),
        );
        self.add_message(Voice::Info, Some("robot"), format!("Crystal lyso-{:02} is mounted", self.crystal));
    }

    fn align_sample(&mut self) {
        let (x, y, z) =
            (self.random_between(-0.4, 0.4), self.random_between(-0.4, 0.4), self.random_between(-0.2, 0.2));
        self.add_message(Voice::Command, None, format!("umv sampx {x:.3} sampy {y:.3}"));
        self.add_message(Voice::Info, None, format!("Moved: sampx {x:.3} mm, sampy {y:.3} mm"));
        self.add_message(Voice::Command, None, "ascan phiz -0.5 0.5 40 0.1".to_owned());
        let width = self.random_between(0.05, 0.14);
        let text = format!("Peak at phiz = {z:.3} mm, full width at half maximum {width:.3} mm");
        self.add_dataset_message("align".to_owned(), Some("alignment"), text.clone());
        if self.crystal % 4 == 1 {
            let png = plot::draw_peak(&mut self.random, z, width);
            self.add_image(text, "alignment", png);
        }
        self.add_message(Voice::Command, None, format!("umv phiz {z:.3}"));
    }

    fn measure_sample(&mut self) {
        // The first datasets are in the catalogue.
        let scan = format!("scan-{:03}", self.crystal);
        let images = 900 * self.random.random_range(1..=4);
        let transmission = self.random.random_range(5..=40);
        self.add_message(Voice::Command, None, format!("collect {scan} {images} 0.1 0.010"));
        let text = format!("{images} images of 0.1°, 10 ms each, 12.70 keV, transmission {transmission} %");
        self.add_dataset_message(scan.clone(), None, text);
        let resolution = self.random_between(1.2, 2.3);
        if self.crystal % 4 == 3 {
            let png = plot::draw_diffraction(&mut self.random, resolution);
            self.add_image(format!("{scan}: image 1 of {images}"), "diffraction", png);
        }
        let indexed = self.random.random_range(71..=99);
        let (a, c) = (self.random_between(78.6, 79.3), self.random_between(36.9, 37.4));
        let text = format!(
            "Complete: {images} images, {indexed} % indexed, {resolution:.2} Å, P4(3)2(1)2, a = b = {a:.1} Å, c = {c:.1} Å"
        );
        self.add_dataset_message(scan, Some("diffraction"), text);
        if self.random.random_bool(0.4) {
            let remark = REMARKS[self.random.random_range(0..REMARKS.len())];
            self.add_message(Voice::Comment, None, remark.to_owned());
        }
    }

    fn lose_beam(&mut self) {
        let cavity = self.random.random_range(1..=5);
        self.add_message(Voice::RingError, Some("machine"), format!("Beam lost: interlock of cavity {cavity}"));
        self.add_message(
            Voice::Error,
            Some("machine"),
            "No beam: the shutter is closed and collecting waits".to_owned(),
        );
        self.add_message(Voice::Comment, None, "Coffee.".to_owned());
        let current = self.random_between(198.0, 200.5);
        self.add_message(Voice::Ring, Some("machine"), format!("Beam is back: {current:.1} mA"));
        self.add_message(
            Voice::Info,
            Some("machine"),
            "Beam is back: the shutter is open and collecting goes on".to_owned(),
        );
    }

    fn add_message(&mut self, voice: Voice, tag: Option<&'static str>, text: String) {
        self.next.push_back(What::Message(Message { voice, text, dataset: None, tag }));
    }

    fn add_dataset_message(&mut self, dataset: String, tag: Option<&'static str>, text: String) {
        self.next.push_back(What::Message(Message { voice: Voice::Info, text, dataset: Some(dataset), tag }));
    }

    fn add_image(&mut self, caption: String, tag: &'static str, png: Vec<u8>) {
        self.next.push_back(What::Image(Image { caption, tag, png }));
    }

    fn random_between(&mut self, least: f64, most: f64) -> f64 {
        self.random.random_range(least..most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_the_same_each_time_and_has_everything_in_it() {
        let told: Vec<Scene> = Story::new().take(200).collect();
        let again: Vec<Scene> = Story::new().take(200).collect();
        assert!(told.iter().zip(&again).all(|(a, b)| a.pause == b.pause && a.what == b.what));
        assert!(told.iter().all(|scene| (2_000..=8_000).contains(&scene.pause.as_millis())));
        let voices =
            [Voice::Command, Voice::Info, Voice::Debug, Voice::Error, Voice::Comment, Voice::Ring, Voice::RingError];
        for voice in voices {
            let said = |scene: &Scene| matches!(&scene.what, What::Message(message) if message.voice == voice);
            assert!(told.iter().any(said), "{voice:?}");
        }
        let images = told.iter().filter(|scene| matches!(scene.what, What::Image(_))).count();
        assert!((4..=16).contains(&images), "{images} images in {} scenes", told.len());
    }
}
