//! Which of several media types an `Accept` header prefers (RFC 9110, 12.5.1). It knows no formats.

/// The index of the offer that `accept` prefers, the first of those it likes equally; 0 if it likes
/// none, or says nothing.
///
/// An offer is a media type as in `Content-Type`. A range of the header that names a `version` or an
/// `escaping` is for an offer of that one only (an offer that names no escaping is `underscores`); other
/// parameters do not matter. Quoted parameters that hold commas
/// are not understood.
///
/// ```
/// let offers = ["application/json", "text/plain; version=0.0.4"];
/// assert_eq!(larder_metrics::negotiate("*/*", &offers), 0);
/// assert_eq!(larder_metrics::negotiate("text/*, application/json;q=0.5", &offers), 1);
/// ```
pub fn negotiate(accept: &str, offers: &[&str]) -> usize {
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(Range::parse).collect();
    let (mut best, mut best_quality) = (0, 0.0);
    for (index, offer) in offers.iter().enumerate() {
        let Some(offer) = Range::parse(offer) else {
            continue;
        };
        let matching = ranges
            .iter()
            .filter_map(|range| Some((range.fit(&offer)?, range.quality)));
        let most_specific = matching.max_by_key(|(fit, _)| *fit);
        let quality = most_specific.map_or(0.0, |(_, quality)| quality);
        if quality > best_quality {
            (best, best_quality) = (index, quality);
        }
    }
    best
}

/// A media type, perhaps with `*` for a part of it.
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    version: Option<&'a str>,
    escaping: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subkind) = parts.next()?.split_once('/')?;
        let mut range = Self {
            kind,
            subkind,
            version: None,
            escaping: None,
            quality: 1.0,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            if name.trim().eq_ignore_ascii_case("q") {
                range.quality = value.trim().parse().unwrap_or(0.0);
            } else if name.trim().eq_ignore_ascii_case("version") {
                range.version = Some(value.trim().trim_matches('"'));
            } else if name.trim().eq_ignore_ascii_case("escaping") {
                range.escaping = Some(value.trim().trim_matches('"'));
            }
        }
        Some(range)
    }

    /// How closely this range describes the offer; `None` if not at all.
    fn fit(&self, offer: &Self) -> Option<u8> {
        if self.kind == "*" && self.subkind == "*" {
            return Some(0);
        }
        if !self.kind.eq_ignore_ascii_case(offer.kind) {
            return None;
        }
        if self.subkind == "*" {
            return Some(1);
        }
        let is_same = self.subkind.eq_ignore_ascii_case(offer.subkind);
        let escaping = offer.escaping.unwrap_or("underscores");
        let is_other = |own: Option<&str>, of: Option<&str>| own.is_some() && own != of;
        if !is_same
            || is_other(self.version, offer.version)
            || is_other(self.escaping, Some(escaping))
        {
            return None;
        }
        Some(2 + u8::from(self.version.is_some()) + u8::from(self.escaping.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::negotiate;

    const OFFERS: [&str; 3] = [
        "application/json",
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ];

    #[test]
    fn the_most_wanted_offer_is_taken_and_the_first_where_nothing_tells() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;\
                          version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            ("", 0),
            ("*/*", 0),
            ("text/html, application/xhtml+xml", 0),
            ("text/plain", 1),
            ("TEXT/Plain; Q=0.2", 1),
            ("text/*;q=0.5, application/json;q=0.4", 1),
            ("text/plain;version=1.0.0, application/openmetrics-text", 2),
            ("application/openmetrics-text;version=0.0.1", 0),
            (prometheus, 2),
            ("application/json;q=0, */*;q=0.1", 1),
            ("application/json;q=rubbish, text/plain;q=0.1", 1),
            (";;,,/;q,=,text/plain", 1),
        ] {
            assert_eq!(negotiate(accept, &OFFERS), expected, "{accept}");
        }
    }
}
