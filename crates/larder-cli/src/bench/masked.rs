//! Addresses and headers as reports name them: without the secrets in them, since reports are passed on.
//!
//! It must not know how requests are sent.

const MASK: &str = "***";
/// Words of a parameter's name that make its value a secret.
const WORDS: [&str; 20] = [
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "otp",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "sid",
    "sig",
    "signature",
    "token",
];
/// The same where they stand at a word's end, as in `apikey`.
const ENDS: [&str; 6] = ["key", "passwd", "password", "secret", "signature", "token"];

/// A URL without the values of parameters whose names say that they are secret. A value that is a place
/// for keys (`{key}`) is shown.
pub(super) fn address(url: &str) -> String {
    let (path, parameters) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let parameters = parameters.split_inclusive(['?', '#', '&', ';']);
    let parameters: String = parameters.map(parameter).collect();
    format!("{path}{parameters}")
}

/// `Name: value` of a header, whose value is shown unless its name says that it is secret.
pub(super) fn header(name: &str, value: &str) -> String {
    let value = if is_secret(name) { MASK } else { value };
    format!("{name}: {value}")
}

/// One with what separates it from the next.
fn parameter(text: &str) -> String {
    let end = text.trim_end_matches(['?', '#', '&', ';']).len();
    let (text, after) = text.split_at(end);
    match text.split_once('=') {
        Some((name, value)) if is_secret(name) && !is_place(value) => {
            format!("{name}={MASK}{after}")
        }
        _ => format!("{text}{after}"),
    }
}

fn is_place(value: &str) -> bool {
    value.starts_with('{') && value.ends_with('}')
}

fn is_secret(name: &str) -> bool {
    words(name)
        .iter()
        .any(|word| WORDS.contains(&word.as_str()) || ENDS.iter().any(|end| word.ends_with(end)))
}

/// The words of `api_key`, `X-Api-Key` and `apiKey`, in small letters.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut was_small) = (vec![String::new()], false);
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && was_small) {
            words.push(String::new());
        }
        was_small = letter.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_parameters_that_are_secret_by_name_are_masked() {
        for (url, shown) in [
            (
                "http://h/a?api_key=s3cret&page=2",
                "http://h/a?api_key=***&page=2",
            ),
            ("http://h/?apiKey=s", "http://h/?apiKey=***"),
            ("http://h?APIKEY=s;x=1", "http://h?APIKEY=***;x=1"),
            (
                "http://h/?X-Amz-Signature=s#token=t",
                "http://h/?X-Amz-Signature=***#token=***",
            ),
            (
                "http://h/?AWSAccessKeyId=s=&sig=%2B",
                "http://h/?AWSAccessKeyId=***&sig=***",
            ),
            (
                "http://h/?a=1&access-token=t&b=",
                "http://h/?a=1&access-token=***&b=",
            ),
        ] {
            assert_eq!(address(url), shown);
        }
    }

    #[test]
    fn all_else_is_shown() {
        for url in [
            "http://h/key=1/token",
            "http://h/?design=1&author=me&keyword=k&passenger=2&flag",
            "http://h/items?key={key}&token={1..9}",
            "http://h/?",
            "",
        ] {
            assert_eq!(address(url), url);
        }
    }

    #[test]
    fn a_header_that_is_secret_is_named_only() {
        assert_eq!(header("Authorization", "Bearer s"), "Authorization: ***");
        assert_eq!(header("X-Api-Key", "s"), "X-Api-Key: ***");
        assert_eq!(
            header("Cache-Control", "no-cache"),
            "Cache-Control: no-cache"
        );
    }
}
