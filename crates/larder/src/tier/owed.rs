//! Invalidations that the store that processes share has not acknowledged, as a tier keeps them.

use super::LogItem;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// By its text.
    Key(Box<str>),
    Item(LogItem),
}

/// What changes among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dues {
    /// Nothing is owed that was before.
    pub(crate) clears: bool,
    pub(crate) paid: Vec<Owed>,
    pub(crate) owed: Vec<Owed>,
}

const KEY: u8 = b'k';
const ITEM: u8 = b'i';

impl Owed {
    /// A byte for the kind, then the text.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Key(key) => [&[KEY], key.as_bytes()].concat(),
            Self::Item(item) => [&[ITEM][..], &item.to_bytes()].concat(),
        }
    }

    /// Total: `None` for bytes that are none.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&KEY, key) => Some(Self::Key(std::str::from_utf8(key).ok()?.into())),
            (&ITEM, item) => LogItem::from_bytes(item).map(Self::Item),
            _ => None,
        }
    }
}

impl Dues {
    pub(crate) const fn is_empty(&self) -> bool {
        !self.clears && self.paid.is_empty() && self.owed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_read_as_it_was_written_and_nothing_else_is() {
        let tags = Box::new(["a".into(), "b".into()]);
        let all = [
            Owed::Key("".into()),
            Owed::Key("é:7".into()),
            Owed::Item(LogItem::All),
            Owed::Item(LogItem::Tag("".into())),
            Owed::Item(LogItem::AllOf(tags)),
        ];
        for owed in all {
            assert_eq!(Owed::from_bytes(&owed.to_bytes()), Some(owed));
        }
        for bytes in [&b""[..], b"x7", b"k\xff", b"i", b"i\x09"] {
            assert_eq!(Owed::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
