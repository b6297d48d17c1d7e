//! Calls of this process to its own public listener. They are exempt from the limits: the request that causes one has a place
//! already, and if calls needed places too, many users would take the places that responses to them need.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use http::HeaderValue;
use reqwest::Url;

use crate::ids::Ids;
use crate::sha256_hex;

const HEADER: &str = "x-undulator-own";

/// What only this process knows, and where it may be sent.
#[derive(Clone)]
pub(crate) struct SelfCalls {
    public: SocketAddr,
    secret: Arc<str>,
}

impl SelfCalls {
    /// `public` is the address as the process itself calls it.
    pub fn new(public: SocketAddr, ids: &dyn Ids) -> Self {
        Self { public, secret: ids.random_uuid().to_string().into() }
    }

    /// Marks a call, if it goes to this process.
    pub fn mark_request(&self, request: &mut reqwest::Request) {
        if self.is_at(request.url())
            && let Ok(mut secret) = HeaderValue::from_str(&self.secret)
        {
            secret.set_sensitive(true);
            request.headers_mut().insert(HEADER, secret);
        }
    }

    fn is_at(&self, url: &Url) -> bool {
        let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
        url.scheme() == "http"
            && address == Some(self.public.ip())
            && url.port_or_known_default() == Some(self.public.port())
    }

    /// Takes the mark off a request; whether it was the right one.
    pub fn take_mark(&self, headers: &mut HeaderMap) -> bool {
        let mut marks = headers.remove(HEADER);
        marks.next().is_some_and(|mark| sha256_hex(mark.as_bytes()) == sha256_hex(self.secret.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SystemIds;

    #[test]
    fn the_mark_goes_to_this_process_alone_and_no_other_is_taken_for_it() {
        for public in ["127.0.0.1:8080", "[::1]:8080"] {
            let self_calls = SelfCalls::new(public.parse().unwrap(), &SystemIds);
            let marked = |url: &str| {
                let mut request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
                self_calls.mark_request(&mut request);
                request.headers().get(HEADER).cloned()
            };
            let mark = marked(&format!("http://{public}/icat/session")).unwrap();
            for other in
                [format!("https://{public}/"), "http://127.0.0.1:8081/".to_owned(), "http://localhost:8080/".to_owned()]
            {
                assert_eq!(marked(&other), None, "{other}");
            }
            let taken = |value: &str| {
                let mut headers = HeaderMap::new();
                headers.insert(HEADER.parse().unwrap(), value.parse().unwrap());
                let taken = self_calls.take_mark(&mut headers);
                assert!(headers.is_empty());
                taken
            };
            assert!(taken(mark.to_str().unwrap()));
            assert!(!taken("") && !taken("00000000-0000-4000-8000-000000000000"));
            assert!(!self_calls.take_mark(&mut HeaderMap::new()));
        }
    }
}
