//! Logins seen from outside: the plugins' wire format, accounts on each engine, ICAT+'s sessions over a catalogue, and
//! access tokens with their keys.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod accounts;
mod api_keys;
mod audit;
mod catalogue;
mod client;
mod copied_tokens;
mod discovery;
mod embedded_catalogue;
mod error_format;
mod fail2ban;
mod fake_provider;
mod flood;
mod groups;
mod icat;
mod keys;
mod logouts;
mod openapi;
mod own_logins;
mod pages;
mod plugins;
mod provider_logins;
mod refresh;
mod refresh_histories;
mod required_levels;
mod revoked;
mod scigateway;
mod scigateway_client;
mod scigateway_maintenance;
mod scigateway_refresh;
mod secrets;
mod sessions;
mod statements;
mod threats;
mod throttle;
mod tokens;
mod verification;
