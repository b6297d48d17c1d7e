//! Who sent a request: the peer of the connection, or what the proxies that are trusted say.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage as _, HttpRequest};
use ipnet::IpNet;

/// The address a request came from, as far as it can be trusted. In the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// That of a request; `None` only for one that no server of ours has received.
    pub fn find_in_request(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().copied()
    }
}

/// Which proxies may speak for others.
#[derive(Debug, Clone, Default)]
pub(super) struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    pub fn contains(&self, address: IpAddr) -> bool {
        // A dual-stack listener sees IPv4 peers as ::ffff:a.b.c.d.
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The last address of `X-Forwarded-For` that no trusted proxy has; earlier ones are anybody's claim.
    pub fn client_address(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
        if !self.contains(peer) {
            return peer;
        }
        let forwarded: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        let mut client = peer;
        for hop in forwarded.into_iter().rev() {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { return client };
            client = address.to_canonical();
            if !self.contains(client) {
                return client;
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn resolve_client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies(vec!["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(value).unwrap());
        }
        proxies.client_address(Some(peer.parse().unwrap()), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        assert_eq!(resolve_client("192.0.2.7:1", &["203.0.113.5"]), "192.0.2.7");
        assert_eq!(resolve_client("127.0.0.1:1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(resolve_client("[::ffff:127.0.0.1]:1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(resolve_client("127.0.0.1:1", &["198.51.100.1, 203.0.113.5, 10.1.2.3"]), "203.0.113.5");
        assert_eq!(resolve_client("127.0.0.1:1", &["198.51.100.1", "203.0.113.5"]), "203.0.113.5");
        assert_eq!(resolve_client("127.0.0.1:1", &["203.0.113.5, nonsense"]), "127.0.0.1");
        assert_eq!(resolve_client("127.0.0.1:1", &["203.0.113.5, nonsense, 10.1.2.3"]), "10.1.2.3");
        assert_eq!(resolve_client("127.0.0.1:1", &[]), "127.0.0.1");
    }
}
