//! The grammar of names and of tags' keys. It knows no registry.

use crate::error::{Error, shown};

pub(crate) const MAX_NAME_BYTES: usize = 128;

pub(crate) fn check(name: &str) -> Result<(), Error> {
    if name.len() <= MAX_NAME_BYTES && is_identifier(name, |byte| byte == b'.') {
        Ok(())
    } else {
        Err(Error::BadName { name: shown(name) })
    }
}

/// Whether `text` is a letter or `_`, then letters, digits, `_` or what `also` admits.
pub(crate) fn is_identifier(text: &str, also: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || also(byte))
}
