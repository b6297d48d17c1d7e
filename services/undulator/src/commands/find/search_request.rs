//! What the options ask for, as the search service takes it.

use std::collections::BTreeMap;

use serde::Serialize;
use service_kit::cli::Failure;

use crate::cli::{DayOrMoment, Find, ParameterCondition, Sort};

/// The body of `POST /search/v1/{target}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    values: BTreeMap<String, Vec<String>>,
    parameters: Vec<ParameterCondition>,
    mine: bool,
    sort: Sort,
    pub limit: u64,
    /// Of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl SearchRequest {
    /// One file in a directory.
    pub fn for_directory(path: &str) -> Self {
        Self {
            text: None,
            path: Some(path.to_owned()),
            from: None,
            until: None,
            values: BTreeMap::new(),
            parameters: Vec::new(),
            mine: false,
            sort: Sort::Relevance,
            limit: 1,
            cursor: None,
        }
    }

    pub fn from_options(options: &Find) -> Result<Self, Failure> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for condition in &options.field_values {
            values.entry(condition.field.clone()).or_default().push(condition.value.clone());
        }
        let until = options.before.map(DayOrMoment::render_previous).transpose();
        Ok(Self {
            text: options.text.clone(),
            path: options.pattern.clone(),
            from: options.after.map(DayOrMoment::render_first),
            until: until.map_err(|e| Failure::Usage(format!("--before: {e}")))?,
            values,
            parameters: options.param.clone(),
            mine: options.mine,
            sort: options.sort,
            limit: options.limit,
            cursor: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::cli::{Cli, Command};

    fn build_request(arguments: &[&str]) -> serde_json::Value {
        let all = [&["undulator", "find", "--url", "http://localhost"], arguments].concat();
        let Command::Find(options) = Cli::try_parse_from(all).unwrap().command else { panic!("another command") };
        json!(SearchRequest::from_options(&options).unwrap())
    }

    #[test]
    fn options_become_conditions() {
        let none = json!({"values": {}, "parameters": [], "mine": false, "sort": "relevance", "limit": 100});
        assert_eq!(build_request(&[]), none);
        let arguments = "/data/**/scan_0*.nxs --text lysozyme --after 2025-01-01 --before 2026-01-01 --mine --sort newest \
                         --param temperature:4..10K --param mode:=fast --where instrument.name=ID29 \
                         --where instrument.name=ID30 --limit 7";
        let expected = json!({
            "text": "lysozyme",
            "path": "/data/**/scan_0*.nxs",
            "from": "2025-01-01",
            "until": "2025-12-31",
            "values": {"instrument.name": ["ID29", "ID30"]},
            "parameters": [{"name": "temperature", "from": 4.0, "to": 10.0, "units": "K"}, {"name": "mode", "text": "fast"}],
            "mine": true,
            "sort": "newest",
            "limit": 7,
        });
        assert_eq!(build_request(&arguments.split_whitespace().collect::<Vec<_>>()), expected);
    }
}
