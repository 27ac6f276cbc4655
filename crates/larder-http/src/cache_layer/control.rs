//! The directives of `Cache-Control`, as requests and responses give them (RFC 9111 §5.2, RFC 5861).
//! Knows no caches.

use std::time::Duration;

use axum::http::{HeaderMap, header};

/// The longest time that a field gives: what RFC 9111 §1.2.2 asks for at least.
pub(super) const TIME_MAX: Duration = Duration::from_secs(1 << 31);

/// What all `Cache-Control` lines of a message say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive that is given or not"
)]
pub(super) struct Control {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub(super) must_revalidate: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) s_maxage: Option<Duration>,
    pub(super) min_fresh: Option<Duration>,
    pub(super) stale_while_revalidate: Option<Duration>,
    pub(super) stale_if_error: Option<Duration>,
}

impl Control {
    /// Unknown directives count for nothing; one that cannot be read counts as the strictest that it may
    /// be: a line that is no text, or whose quotes hide where its directives are, as `no-store`, a time that
    /// is no number as 0.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        for line in headers.get_all(header::CACHE_CONTROL) {
            match line.to_str().ok().and_then(directives) {
                Some(directives) => directives.iter().for_each(|one| control.add(one)),
                None => control.no_store = true,
            }
        }
        control
    }

    fn add(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match &*name.trim().to_ascii_lowercase() {
            "no-store" => self.no_store = true,
            // With names of fields they would allow to keep the rest: that is more than has to be used.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => shorten(&mut self.max_age, value),
            "s-maxage" => shorten(&mut self.s_maxage, value),
            "min-fresh" => shorten(&mut self.min_fresh, value),
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, value),
            "stale-if-error" => shorten(&mut self.stale_if_error, value),
            _ => {}
        }
    }
}

/// Of a directive that is given twice the shorter time counts.
fn shorten(time: &mut Option<Duration>, value: &str) {
    let given = delta_seconds(value.trim().trim_matches('"')).unwrap_or_default();
    *time = Some(time.map_or(given, |former| former.min(given)));
}

/// A time in seconds; `None` if it is no number. One with more digits than can be counted is a very long one
/// (RFC 9111 §1.2.2).
pub(super) fn delta_seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().unwrap_or(u64::MAX);
    is_number.then(|| TIME_MAX.min(Duration::from_secs(seconds)))
}

/// The parts between the commas that stand outside of quotes; `None` if a quote does not begin a value, or
/// does not end it.
fn directives(line: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = line;
    loop {
        let end = match rest.find([',', '"']) {
            Some(at) if rest[at..].starts_with('"') => {
                let is_value = rest[..at].trim_end().ends_with('=');
                let inside = Some(&rest[at + 1..]).filter(|_| is_value)?;
                at + 1 + quoted(inside)? + 1
            }
            Some(at) => at,
            None => rest.len(),
        };
        let (directive, after) = rest.split_at(end);
        found.push(directive.trim());
        match after.trim_start() {
            "" => return Some(found),
            after => rest = after.strip_prefix(',')?,
        }
    }
}

/// Where a quoted text ends.
fn quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.find(|letter| {
        let is_end = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_end
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(lines: &[&str]) -> Control {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::CACHE_CONTROL, line);
        }
        Control::of(&headers)
    }

    #[test]
    fn lines_are_read_together_whatever_their_case_and_quotes() {
        let control = read(&["Max-Age=60, S-MAXAGE=\"30\"", "public , stale-if-error=5"]);
        assert_eq!(control.max_age, Some(Duration::from_mins(1)));
        assert_eq!(control.s_maxage, Some(Duration::from_secs(30)));
        assert_eq!(control.stale_if_error, Some(Duration::from_secs(5)));
        assert!(!control.private && !control.no_store);
    }

    #[test]
    fn what_stands_in_quotes_is_no_directive_and_hides_none() {
        let control = read(&[r#"x="no-store, \" private", max-age=1"#]);
        assert!(!control.no_store && !control.private);
        assert_eq!(control.max_age, Some(Duration::from_secs(1)));
        assert!(read(&[r#"no-cache="set-cookie, x", private="y""#]).no_cache);
        assert!(read(&[r#"no-cache="set-cookie, x", private="y""#]).private);
    }

    #[test]
    fn what_cannot_be_read_counts_as_the_strictest() {
        for (line, expected) in [
            ("max-age", 0),
            ("max-age=-1", 0),
            ("max-age=soon", 0),
            ("max-age=60, max-age=5", 5),
            ("max-age=99999999999999999999999", 1 << 31),
            ("max-age=2147483649", 1 << 31),
        ] {
            let expected = Duration::from_secs(expected);
            assert_eq!(read(&[line]).max_age, Some(expected), "{line}");
        }
        assert!(read(&["max-age=5, \u{fc}"]).no_store);
        for line in [
            r#"max-age=5, x="a, private"#,
            r#"x="a\", private"#,
            r#"x="a"b, private"#,
            r#"x=a"b, private, y=c"d"#,
            r#"""#,
        ] {
            assert!(read(&[line]).no_store, "{line}");
        }
        for line in [
            r#"x="a" , public"#,
            r#"x="", y = "b""#,
            "",
            ",",
            ", max-age=5,",
        ] {
            assert!(!read(&[line]).no_store, "{line}");
        }
    }
}
