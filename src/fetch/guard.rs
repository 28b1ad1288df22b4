//! Keeps the fetcher away from private networks: at the URL, at every resolved address, and at the connected peer.
//!
//! A resolver alone is not enough: clients never ask it for IP literals, and a redirect may lead to one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::FetchError;

/// Answers beyond this many addresses are cut off.
const MAX_ADDRESSES: usize = 8;

/// How the resolver words its refusal; the client hands it on as text.
pub(super) const NOT_PUBLIC: &str = " has no public address";

/// A network in CIDR form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Parses `10.1.0.0/16` or `::1/128`; a bare address is a network of one.
    ///
    /// # Errors
    /// A text for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(|_| format!("`{text}` is not a network"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = if bits.is_empty() { Ok(most) } else { bits.parse::<u32>() };
        match bits {
            Ok(bits) if bits <= most => Ok(Self { address, bits }),
            _ => Err(format!("`{text}` has a prefix that is not 0 to {most}")),
        }
    }

    #[must_use]
    fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - self.bits;
                u32::from(net).checked_shr(shift).unwrap_or(0) == u32::from(ip).checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let shift = 128 - self.bits;
                u128::from(net).checked_shr(shift).unwrap_or(0) == u128::from(ip).checked_shr(shift).unwrap_or(0)
            }
            _ => false,
        }
    }
}

/// Which addresses may be connected to, and fixed answers for names.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Network>,
    fixed: Arc<BTreeMap<String, IpAddr>>,
}

impl Guard {
    /// # Errors
    /// A network that cannot be parsed.
    pub fn new(allow: &[String], fixed: &BTreeMap<String, IpAddr>) -> Result<Self, String> {
        let allowed = allow.iter().map(|text| Network::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { allowed, fixed: Arc::new(fixed.clone()) })
    }

    /// Whether an address may be connected to: public, or in a network that the operator named.
    #[must_use]
    pub fn permits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        is_public(ip) || self.allowed.iter().any(|network| network.contains(ip))
    }

    /// Checks a URL before anything is sent: scheme, no credentials, and IP literals in all their spellings (the URL
    /// parser has already turned `0x7f.1` and `2130706433` into addresses, as browsers do).
    ///
    /// # Errors
    /// `Refused` with the reason.
    pub fn check_url(&self, url: &Url) -> Result<(), FetchError> {
        let refuse = |why: &str| Err(FetchError::Refused(why.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("only http and https are fetched");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the URL carries credentials");
        }
        let literal = match url.host() {
            None => return refuse("the URL has no host"),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        };
        if self.permits(literal) {
            Ok(())
        } else {
            refuse("the address is not public; fetch.allow_networks lets a network of your own in")
        }
    }

    /// Checks the peer that a response really came from; a missing one is refused.
    ///
    /// # Errors
    /// `Refused` if it is not permitted.
    pub fn check_peer(&self, peer: Option<SocketAddr>) -> Result<(), FetchError> {
        match peer {
            Some(peer) if self.permits(peer.ip()) => Ok(()),
            _ => Err(FetchError::Refused("the connection went to an address that is not public; fetch.allow_networks lets a network of your own in".to_owned())),
        }
    }

    fn fixed(&self, host: &str) -> Option<IpAddr> {
        self.fixed.get(host).or_else(|| self.fixed.get("*")).copied()
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = match guard.fixed(&host) {
                Some(ip) => vec![SocketAddr::new(ip, 0)],
                None => tokio::net::lookup_host((host.as_str(), 0)).await?.take(MAX_ADDRESSES).collect(),
            };
            let permitted: Vec<SocketAddr> = found.into_iter().filter(|address| guard.permits(address.ip())).collect();
            if permitted.is_empty() {
                let why = format!("{host}{NOT_PUBLIC}; fetch.allow_networks lets a network of your own in");
                return Err(Box::from(why) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// Globally reachable by the IANA special-purpose registries for IPv4 (RFC 6890) and IPv6.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || a == 10
        || a == 127
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    // Only 2000::/3 is global unicast; inside it: documentation, 6to4, Teredo and benchmarking are not the web.
    let global = segments[0] & 0xe000 == 0x2000;
    let special = (segments[0] == 0x2001 && (segments[1] < 0x0200 || segments[1] == 0x0db8))
        || segments[0] == 0x2002
        || (segments[0] == 0x3fff && segments[1] < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        let guard = Guard::default();
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://１２７.０.０.１/",
            "http://user:secret@shop.example/",
            "file:///etc/passwd",
            "gopher://shop.example/",
        ] {
            assert!(guard.check_url(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
        for url in ["https://shop.example/p/1", "http://93.184.215.14/", "http://[2606:4700::1111]/"] {
            assert!(guard.check_url(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }

    #[test]
    fn named_networks_are_let_through_and_nothing_beside_them() {
        let guard = Guard::new(&["10.1.0.0/16".to_owned(), "::1".to_owned()], &BTreeMap::new()).unwrap();
        assert!(guard.permits("10.1.2.3".parse().unwrap()));
        assert!(guard.permits("::ffff:10.1.2.3".parse().unwrap()));
        assert!(guard.permits("::1".parse().unwrap()));
        assert!(!guard.permits("10.2.0.1".parse().unwrap()));
        assert!(guard.check_peer(None).is_err());
        assert!(Network::parse("10.0.0.0/33").is_err() && Network::parse("ten").is_err());
    }
}
