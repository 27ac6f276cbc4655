//! OSC 1.0 messages from datagrams, borrowed from them.
//!
//! The tags `i f s T F` are read, as Live's scripts send them; a message with another one is refused.
//! A bundle's messages are read in order, whatever its time; bundles within bundles are refused, so
//! that nothing recurses.

/// Arguments that a message may have.
const ARGUMENTS_MAX: usize = 64;
/// Messages that a bundle may have.
const MESSAGES_MAX: usize = 1_024;

/// An argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument<'a> {
    /// A whole number.
    Int(i32),
    /// A number.
    Float(f32),
    /// A text.
    Text(&'a str),
    /// On or off.
    Bool(bool),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// Such as `/live/track/renamed`.
    pub path: &'a str,
    /// In order.
    pub arguments: Vec<Argument<'a>>,
}

/// What is wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OscError {
    /// It ends within a message.
    #[error("it ends too early")]
    Truncated,
    /// It begins neither as a message nor as a bundle does.
    #[error("expected a path that begins with `/`, or `#bundle`")]
    NoPath,
    /// No list of types follows the path.
    #[error("expected types, which begin with `,`")]
    NoTypes,
    /// A text is no UTF-8.
    #[error("expected text in UTF-8")]
    NotText,
    /// A type that is not read here.
    #[error("expected the types i, f, s, T and F")]
    UnknownType,
    /// Too many arguments or messages.
    #[error("it has more arguments or messages than are read")]
    TooMany,
    /// A bundle in a bundle, or one with a wrong length.
    #[error("it is no bundle of messages")]
    Bundle,
}

/// Calls `each` with every message of a datagram, up to the first that is malformed. O(bytes).
///
/// # Errors
/// What is wrong with the datagram, or with the message at which reading ended.
pub fn read(datagram: &[u8], mut each: impl FnMut(Message<'_>)) -> Result<(), OscError> {
    let Some(mut rest) = datagram.strip_prefix(b"#bundle\0") else {
        each(message(datagram)?);
        return Ok(());
    };
    rest = rest.get(8..).ok_or(OscError::Truncated)?;
    for _ in 0..MESSAGES_MAX {
        if rest.is_empty() {
            return Ok(());
        }
        let length = int(&mut rest)?;
        let length = usize::try_from(length).map_err(|_| OscError::Bundle)?;
        let (element, after) = rest.split_at_checked(length).ok_or(OscError::Truncated)?;
        if element.starts_with(b"#") {
            return Err(OscError::Bundle);
        }
        each(message(element)?);
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(OscError::TooMany)
    }
}

fn message(mut bytes: &[u8]) -> Result<Message<'_>, OscError> {
    let rest = &mut bytes;
    if !rest.starts_with(b"/") {
        return Err(OscError::NoPath);
    }
    let path = text(rest)?;
    let types = text(rest)?.strip_prefix(',').ok_or(OscError::NoTypes)?;
    if types.len() > ARGUMENTS_MAX {
        return Err(OscError::TooMany);
    }
    let mut arguments = Vec::with_capacity(types.len());
    for tag in types.bytes() {
        arguments.push(match tag {
            b'i' => Argument::Int(int(rest)?),
            b'f' => Argument::Float(f32::from_bits(int(rest)?.cast_unsigned())),
            b's' => Argument::Text(text(rest)?),
            b'T' => Argument::Bool(true),
            b'F' => Argument::Bool(false),
            _ => return Err(OscError::UnknownType),
        });
    }
    Ok(Message { path, arguments })
}

fn int(rest: &mut &[u8]) -> Result<i32, OscError> {
    let (number, after) = rest.split_first_chunk().ok_or(OscError::Truncated)?;
    *rest = after;
    Ok(i32::from_be_bytes(*number))
}

/// A text ends with a zero byte and is padded with more of them to a multiple of four.
fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, OscError> {
    let length = memchr::memchr(0, rest).ok_or(OscError::Truncated)?;
    let text = &rest[..length];
    *rest = rest
        .get((length / 4 + 1) * 4..)
        .ok_or(OscError::Truncated)?;
    simdutf8::basic::from_utf8(text).map_err(|_| OscError::NotText)
}
