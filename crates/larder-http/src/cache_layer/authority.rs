//! The host of a request, in the one form that all its spellings have (RFC 3986 §6.2). Knows no keys.

use std::net::Ipv6Addr;

/// The longest name of a host, in bytes (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// `host`, or `host:port` where the port is not the scheme's own, in lower case.
/// `None` if it is no host: what a URL may have but no name in use has (`%`, `!`, a user) counts as none.
pub(super) fn normal(given: &str, is_https: bool) -> Option<String> {
    let (name, port) = split(given)?;
    let own = if is_https { 443 } else { 80 };
    match port {
        "" => Some(name),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port: u16 = digits.parse().ok()?;
            Some(if port == own {
                name
            } else {
                format!("{name}:{port}")
            })
        }
        _ => None,
    }
}

/// The name, and what stands for its port.
fn split(given: &str) -> Option<(String, &str)> {
    if let Some(address) = given.strip_prefix('[') {
        let (address, port) = address.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let port = match port {
            "" => "",
            port => port.strip_prefix(':')?,
        };
        return Some((format!("[{address}]"), port));
    }
    let (name, port) = given.split_once(':').unwrap_or((given, ""));
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_of_name);
    is_name.then(|| (name.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_host_have_one_form() {
        for (given, is_https, expected) in [
            ("Shop.Example", false, "shop.example"),
            ("shop:80", false, "shop"),
            ("shop:0080", false, "shop"),
            ("shop:", false, "shop"),
            ("shop:80", true, "shop:80"),
            ("shop:443", true, "shop"),
            ("shop:443", false, "shop:443"),
            ("[0:0::1]:80", false, "[::1]"),
            ("[::1]:8080", false, "[::1]:8080"),
            ("127.0.0.1:7070", false, "127.0.0.1:7070"),
        ] {
            assert_eq!(normal(given, is_https).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_host_has_none() {
        let long = "x".repeat(256);
        for given in [
            "",
            "shop/",
            "shop?",
            "shop ",
            "a@shop",
            "shop:x",
            "shop:+1",
            "shop:65536",
            ":80",
            "[::1",
            "[::1]80",
            "[shop]",
            "sh%6fp",
            "sh\u{f6}p",
            long.as_str(),
        ] {
            assert_eq!(normal(given, false), None, "{given:?}");
        }
    }
}
