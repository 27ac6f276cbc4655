//! An item of the invalidation log as tiers keep it: by texts alone. Knows no numbers and no matching.

/// What an invalidation of many is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogItem {
    All,
    Tag(Box<str>),
    /// As [`LogItem::Tag`], but what it matches may still be served as stale.
    SoftTag(Box<str>),
    Prefix(Box<str>),
    Glob(Box<str>),
    /// What has all of these tags.
    AllOf(Box<[Box<str>]>),
}

/// The kind of [`LogItem::AllOf`]: each tag is preceded by its length in four bytes.
const ALL_OF: u8 = 5;

impl LogItem {
    /// A byte for the kind, then the text.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (kind, text) = match self {
            Self::All => (0, ""),
            Self::Tag(tag) => (1, &**tag),
            Self::SoftTag(tag) => (2, &**tag),
            Self::Prefix(prefix) => (3, &**prefix),
            Self::Glob(glob) => (4, &**glob),
            Self::AllOf(tags) => return all_of(tags),
        };
        [&[kind], text.as_bytes()].concat()
    }

    /// Total: `None` for bytes that are no item.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, text) = bytes.split_first()?;
        if *kind == ALL_OF {
            return tags_of(text).map(Self::AllOf);
        }
        let text: Box<str> = std::str::from_utf8(text).ok()?.into();
        Some(match kind {
            0 if text.is_empty() => Self::All,
            1 => Self::Tag(text),
            2 => Self::SoftTag(text),
            3 => Self::Prefix(text),
            4 => Self::Glob(text),
            _ => return None,
        })
    }
}

fn all_of(tags: &[Box<str>]) -> Vec<u8> {
    let mut bytes = vec![ALL_OF];
    for tag in tags {
        bytes.extend((tag.len() as u32).to_le_bytes());
        bytes.extend_from_slice(tag.as_bytes());
    }
    bytes
}

fn tags_of(mut bytes: &[u8]) -> Option<Box<[Box<str>]>> {
    let mut tags = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (tag, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        tags.push(std::str::from_utf8(tag).ok()?.into());
        bytes = rest;
    }
    Some(tags.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_read_as_it_was_written() {
        let text = || Box::from("ü:*");
        for item in [
            LogItem::All,
            LogItem::Tag(text()),
            LogItem::SoftTag(text()),
            LogItem::Prefix(text()),
            LogItem::Glob(text()),
            LogItem::AllOf([text(), "".into(), text()].into()),
            LogItem::AllOf([].into()),
        ] {
            assert_eq!(LogItem::from_bytes(&item.to_bytes()), Some(item));
        }
        for bad in [
            &b""[..],
            b"\0x",
            b"\x09x",
            b"\x01\xff",
            b"\x05abc",
            b"\x05\x09\0\0\0a",
        ] {
            assert_eq!(LogItem::from_bytes(bad), None);
        }
    }
}
