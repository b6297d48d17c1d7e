//! Where a request came from, as far as it is recorded.

use std::net::{IpAddr, Ipv6Addr};

/// Longer texts of clients are cut.
const MAX_USER_AGENT_CHARS: usize = 200;

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
}

impl Origin {
    /// Whose requests are counted together: those of an address, or of a network of IPv6 as homes and small offices get it (/56, RIPE-690,
    /// 4.2), whose owner has all its addresses.
    pub fn network_text(&self) -> Option<String> {
        Some(match self.address?.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/56", Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0))
            }
        })
    }

    /// The address as it is stored.
    pub fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }
}

/// What of a `User-Agent` is stored: no control characters, and not more than is needed to recognise it.
pub fn clean_user_agent(given: &str) -> Option<String> {
    let kept: String = given.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_counts_with_its_network() {
        let network = |address: &str| {
            Origin { address: Some(address.parse().unwrap()), ..Origin::default() }.network_text().unwrap()
        };
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:1234:5:6:7:8"), "2001:db8:1:1200::/56");
        assert_eq!(Origin::default().network_text(), None);
    }

    #[test]
    fn a_user_agent_is_cut_and_has_no_control_characters() {
        assert_eq!(clean_user_agent(" curl/8\u{0}\u{1b}[31m ").as_deref(), Some("curl/8[31m"));
        assert_eq!(clean_user_agent(&"ä".repeat(300)).unwrap().chars().count(), 200);
        assert_eq!(clean_user_agent(" \t"), None);
    }
}
