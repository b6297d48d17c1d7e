//! Progress in bytes on stderr: a bar on a terminal, otherwise a line for each tenth.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

pub struct ProgressMeter {
    bar: Option<ProgressBar>,
    total: AtomicU64,
    done: AtomicU64,
    /// Bytes that were received.
    received: AtomicU64,
    /// The last tenth that was printed.
    tenth: AtomicU64,
}

impl ProgressMeter {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let form = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            let style = ProgressStyle::with_template(form);
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            total: AtomicU64::default(),
            done: AtomicU64::default(),
            received: AtomicU64::default(),
            tenth: AtomicU64::default(),
        }
    }

    /// Starts over with a new total.
    pub fn start(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.tenth.store(0, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(0);
        }
    }

    /// Counts bytes that exist already.
    pub fn add_present(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
            return;
        }
        let total = self.total.load(Ordering::Relaxed);
        let tenth = (u128::from(done) * 10).checked_div(u128::from(total)).unwrap_or_default();
        let tenth = u64::try_from(tenth).unwrap_or_default().min(10);
        if tenth > self.tenth.fetch_max(tenth, Ordering::Relaxed) {
            eprintln!("{} of {}", HumanBytes(done.min(total)), HumanBytes(total));
        }
    }

    pub fn add_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        self.add_present(bytes);
    }

    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Prints a message for the user.
    pub fn print_note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for ProgressMeter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
