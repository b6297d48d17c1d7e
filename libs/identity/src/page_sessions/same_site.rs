//! Which site a form was sent from.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, ORIGIN};
use service_kit::{Code, Problem};

/// Refuses forms of other sites: besides the rule of the cookie, by what browsers say of where a request comes from.
pub fn refuse_foreign_site(request: &HttpRequest) -> Result<(), Problem> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_foreign = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) != text(HOST.as_str()),
        (None, None) => false,
    };
    if is_foreign {
        let text = "this form is of another site";
        return Err(Problem::new(Code::Forbidden, "identity/foreign-site", text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn forms_of_other_sites_and_of_siblings_are_refused() {
        for (headers, is_accepted) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("host", "here"), ("origin", "https://here")], true),
            (&[("host", "here"), ("origin", "https://there")], false),
            (&[("host", "here"), ("origin", "null")], false),
        ] {
            let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
            assert_eq!(refuse_foreign_site(&request.to_http_request()).is_ok(), is_accepted, "{headers:?}");
        }
    }
}
