//! The ways past a cache, as they are written on the command line. It must not know how requests are sent.

use std::str::FromStr;

/// How the uncached side gets past the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uncached {
    /// By a header that the cache honours.
    Header { name: String, value: String },
    /// By clearing caches of a larder daemon before each request.
    Clear(Vec<String>),
}

const EXPECTED: &str = "expected `header`, `header=NAME: VALUE` or `clear=CACHE[,CACHE]`";

impl FromStr for Uncached {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let header = |name: &str, value: &str| Self::Header {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        };
        match text.split_once('=') {
            None if text == "header" => Ok(header("Cache-Control", "no-cache")),
            Some(("header", line)) => {
                let (name, value) = line.split_once(':').ok_or(EXPECTED)?;
                Ok(header(name, value))
            }
            Some(("clear", names)) => {
                let names = names.split(',').map(crate::args::cache_name);
                Ok(Self::Clear(names.collect::<Result<_, _>>()?))
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_read_and_others_are_told_what_is_expected() {
        let header = |name: &str, value: &str| Uncached::Header {
            name: name.into(),
            value: value.into(),
        };
        assert_eq!("header".parse(), Ok(header("Cache-Control", "no-cache")));
        assert_eq!("header=X-Skip: 1".parse(), Ok(header("X-Skip", "1")));
        let clear = Uncached::Clear(vec!["a".into(), "b.c".into()]);
        assert_eq!("clear=a,b.c".parse(), Ok(clear));
        for bad in ["", "no", "header=X", "clear", "clear=", "clear=a b"] {
            let error = bad.parse::<Uncached>().expect_err(bad);
            assert!(error.contains("expected `header`") || error.contains("a cache's name"));
        }
    }
}
