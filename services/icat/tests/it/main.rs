//! Integration tests of the catalogue, on every available engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![expect(clippy::format_push_string, reason = "texts of a few words")]

mod abandoned_requests;
mod catalogue_changes;
mod client_library;
mod cloner_and_port;
mod counted_searches;
mod doctor;
mod dumps;
mod ended_logins;
mod entity_tables;
mod error_format;
mod examples;
mod gone_files;
mod grant_histories;
mod grants;
mod issued_credentials;
mod logins;
mod openapi;
mod query_answers;
mod query_plans;
mod query_property;
mod readable_rows;
mod request_parameters;
mod rest_client;
mod rights;
mod row_ids;
mod spoiled_queries;
mod statements;
mod wire;
