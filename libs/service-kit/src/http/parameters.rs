//! Parameters of queries and forms. Of a repeated parameter the first value counts, as in icat.server and ids.server.

use std::collections::HashSet;

use actix_web::{HttpRequest, web};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{Code, Problem};

/// A form, before its fields are parsed.
pub type FormPairs = web::Form<Vec<(String, String)>>;

/// Parses the query of a request, see [`parse_pairs`].
pub fn parse_query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    parse_pairs(parse_query_pairs(request)?)
}

/// Parses the fields of a form, see [`parse_pairs`].
pub fn parse_form<T: DeserializeOwned>(form: FormPairs) -> Result<T, Problem> {
    parse_pairs(form.into_inner())
}

/// All fields of `T` are optional texts. The first value of a repeated parameter counts, and unknown ones are ignored.
pub fn parse_pairs<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    let mut seen = HashSet::new();
    let first = pairs.into_iter().filter(|(key, _)| seen.insert(key.clone()));
    let values: Map<String, Value> = first.map(|(key, value)| (key, value.into())).collect();
    serde_json::from_value(values.into()).map_err(Problem::internal)
}

/// The parameters of a query in their order.
pub(super) fn parse_query_pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|e| Problem::new(Code::BadRequest, "bad-query", e.to_string()))?;
    Ok(pairs.into_inner())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters {
        session_id: Option<String>,
        query: Option<String>,
    }

    #[test]
    fn the_first_value_of_a_repeated_parameter_counts_and_unknown_ones_are_ignored() {
        for (query, session_id) in [
            ("", None),
            ("sessionId=S", Some("S")),
            ("sessionId=S&sessionId=x", Some("S")),
            ("other=1&sessionId=a%2Bb+c&other=2&sessionId=", Some("a+b c")),
            ("sessionId=&sessionId=x", Some("")),
            ("sessionid=x", None),
        ] {
            let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
            let expected = Parameters { session_id: session_id.map(str::to_owned), query: None };
            assert_eq!(parse_query::<Parameters>(&request).unwrap(), expected, "{query}");
            let form = web::Form(parse_query_pairs(&request).unwrap());
            assert_eq!(parse_form::<Parameters>(form).unwrap(), expected, "{query}");
        }
    }
}
