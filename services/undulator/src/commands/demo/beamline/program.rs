//! The program that writes the logbook, with the requests of pyicat-plus.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use service_kit::cli::Failure;
use service_kit::problem::format_error_chain;
use service_kit::{HttpClient, command_client};

use super::message::{Image, Message};
use super::{INSTRUMENT, PROPOSAL};

/// How long a beamline waits for the logbook.
const SILENCE: Duration = Duration::from_secs(10);
const PLACE: [(&str, &str); 2] = [("investigationName", PROPOSAL), ("instrumentName", INSTRUMENT)];
const NO_PLACE: [(&str, &str); 0] = [];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Message(Message),
    Image(Image),
}

pub struct Program {
    http: HttpClient,
    url: String,
    key: String,
}

impl Program {
    pub fn new(url: &str, key: &str) -> Result<Self, Failure> {
        Ok(Self { http: command_client("", SILENCE)?, url: url.to_owned(), key: key.to_owned() })
    }

    /// Sends a request for which the logbook logs in to the catalogue. Entries of programs wait only a moment for the
    /// catalogue to assign them, so the login must not fall into that time.
    pub async fn warm_up_logbook(&self) {
        let url = format!("{}/logbook/{}/event/count", self.url, self.key);
        if let Err(e) = self.http.get(url).query(&[("instrumentName", INSTRUMENT)]).send().await {
            tracing::debug!(error = format_error_chain(&e.without_url()), "the logbook does not answer");
        }
    }

    /// Writes an event that happens now.
    pub async fn write_messages(&self, what: &What, now: Timestamp) {
        match what {
            What::Message(message) => self.send_notification(message, now).await,
            What::Image(image) => self.send_request("base64", &PLACE, &image.to_attachment()).await,
        }
    }

    /// Writes an event of the past.
    pub async fn send_message(&self, what: &What, at: Timestamp) {
        match what {
            What::Message(message) => self.send_notification(message, at).await,
            What::Image(image) => self.send_request("notification", &PLACE, &image.within_text(at)).await,
        }
    }

    async fn send_notification(&self, message: &Message, at: Timestamp) {
        let place = if message.voice.is_of_ring() { &NO_PLACE[..] } else { &PLACE };
        self.send_request("notification", place, &message.to_body(at)).await;
    }

    /// Errors are only logged, as at a beamline. Requests without an answer are normal while the services stop.
    async fn send_request(&self, operation: &str, place: &[(&str, &str)], body: &Value) {
        let url = format!("{}/dataacquisition/{}/{operation}", self.url, self.key);
        match self.http.post(url).query(place).json(body).send().await {
            Ok(answer) if answer.status().as_u16() == 200 => {}
            Ok(answer) => {
                let status = answer.status().as_u16();
                tracing::warn!(http.response.status_code = status, "the logbook refuses an entry of the beamline");
            }
            Err(e) => tracing::debug!(error = format_error_chain(&e.without_url()), "the logbook does not answer"),
        }
    }
}
