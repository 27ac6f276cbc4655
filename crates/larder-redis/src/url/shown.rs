//! A URL as people may see it.

/// A server's URL without its users and passwords, for people.
///
/// ```
/// use larder_redis::without_login;
/// assert_eq!(without_login("redis://app:secret@cache.example/1"), "redis://cache.example/1");
/// assert_eq!(without_login("unix:///run/r.sock?db=2&password=secret"), "unix:///run/r.sock?db=2");
/// ```
#[must_use]
pub fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let end = rest.find('/').unwrap_or(rest.len());
    let start = rest[..end].rfind('@').map_or(0, |at| at + 1);
    let is_public = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && !name.ends_with("user") && !name.ends_with("password")
    };
    let query: Vec<&str> = query.split('&').filter(is_public).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{}{mark}{}", &rest[start..], query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::without_login;
    use crate::url::{Login, Target};

    #[test]
    fn what_is_shown_leads_to_the_same_server_without_the_way_in() {
        for url in [
            "redis://host",
            "rediss://u:p%40@host:1/2",
            "redis://:p@ss@[::1]:7000",
            "unix:///run/a.sock?db=2&user=u&password=p",
            "redis+sentinel://u:p@a:1,b/main/2?sentinel_user=u&sentinel_password=p",
            "redis+cluster://u:p@a:1,b:2",
        ] {
            let target = Target::parse(url).unwrap();
            let shown = Target::parse(&without_login(url)).unwrap();
            assert_eq!(shown.to_string(), target.to_string());
            assert_eq!(
                (shown.db, shown.has_tls, shown.login),
                (target.db, target.has_tls, Login::default())
            );
        }
        assert_eq!(without_login("secret"), "");
    }
}
