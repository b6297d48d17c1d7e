//! Under which address a client sees this server: what the settings say, or else a trusted proxy, or else the client itself.

use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::Authority;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};

/// `public_url` of the settings; empty if it is not set. A state of the whole server.
pub(super) struct PublicUrl(pub String);

/// In the extensions of requests that a trusted proxy sent: what it says of their clients counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct FromTrustedProxy;

/// The root of the addresses of this server as the client of a request sees it, such as `https://data.example.org`, without a
/// slash at its end. It is `public_url` if the settings have it. Otherwise `X-Forwarded-Proto` and `X-Forwarded-Host` count if
/// they come from one of `http.trusted_proxies`, and `Host` counts if they do not.
pub fn find_server_root(request: &HttpRequest) -> String {
    if let Some(url) = request.app_data::<Data<PublicUrl>>().filter(|url| !url.0.is_empty()) {
        return url.0.trim_end_matches('/').to_owned();
    }
    let config = request.app_config();
    let is_trusted = request.extensions().get::<FromTrustedProxy>().is_some();
    let forwarded = |name: &str| if is_trusted { find_last_item(request.headers(), name) } else { None };
    let scheme = forwarded("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"));
    let scheme = scheme.unwrap_or(if config.secure() { "https" } else { "http" });
    let host = forwarded("x-forwarded-host").filter(|host| is_host(host));
    let named = || request.headers().get(HOST).and_then(|value| value.to_str().ok()).filter(|host| is_host(host));
    // HTTP/2 has the host in the target.
    let host = host.or_else(named).or_else(|| request.uri().authority().map(Authority::as_str));
    format!("{scheme}://{}", host.unwrap_or_else(|| config.host()))
}

/// The last item of a header that is a list: the nearest proxy has added it, and earlier ones are anybody's claim.
fn find_last_item<'r>(headers: &'r HeaderMap, name: &str) -> Option<&'r str> {
    let last = headers.get_all(name).last()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}

/// Whether a text is a name or an address, with or without a port, and no user.
fn is_host(text: &str) -> bool {
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn find_root(headers: &[(&'static str, &'static str)], is_trusted: bool, public_url: &str) -> String {
        let request = headers.iter().fold(TestRequest::default(), |request, header| request.append_header(*header));
        let request = request.app_data(Data::new(PublicUrl(public_url.to_owned()))).to_http_request();
        if is_trusted {
            request.extensions_mut().insert(FromTrustedProxy);
        }
        find_server_root(&request)
    }

    #[test]
    fn only_trusted_proxies_say_under_which_address_clients_see_the_server() {
        let host = ("host", "inside:8080");
        let forwarded = [host, ("x-forwarded-host", "data.example.org"), ("x-forwarded-proto", "https")];
        assert_eq!(find_root(&forwarded, true, ""), "https://data.example.org");
        assert_eq!(find_root(&forwarded, false, ""), "http://inside:8080");
        assert_eq!(find_root(&forwarded, true, "https://site.example.org/"), "https://site.example.org");
        assert_eq!(find_root(&[host], true, ""), "http://inside:8080", "it passes Host on");
        let standard = [host, ("forwarded", "host=evil.example;proto=https")];
        assert_eq!(find_root(&standard, false, ""), "http://inside:8080");
    }

    #[test]
    fn of_several_proxies_the_nearest_one_counts() {
        let one = [("x-forwarded-host", "evil.example, data.example.org"), ("x-forwarded-proto", "http,https")];
        assert_eq!(find_root(&one, true, ""), "https://data.example.org");
        let two = [("x-forwarded-host", "evil.example"), ("x-forwarded-host", "[2001:db8::7]:8443")];
        assert_eq!(find_root(&two, true, ""), "http://[2001:db8::7]:8443");
    }

    #[test]
    fn what_is_no_host_does_not_count() {
        for wrong in ["", "a b", "user@evil.example", "a/b", "evil.example?", "a\"b"] {
            let headers = [("host", "inside"), ("x-forwarded-host", wrong), ("x-forwarded-proto", "javascript")];
            assert_eq!(find_root(&headers, true, ""), "http://inside", "{wrong}");
            assert_eq!(find_root(&[("host", wrong)], false, ""), "http://localhost:8080", "{wrong}");
        }
    }
}
