//! The least of a client for Redis's protocol (RESP 2): one command, one reply.
//!
//! It must not know what a command means.

use std::io::{self, BufRead, BufReader, Read, Write};

/// Arrays within arrays; `CLUSTER SLOTS` has three.
const DEPTH_MAX: usize = 8;

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A status, a number or a string.
    Bytes(Vec<u8>),
    Error(String),
    Nil,
    Array(Vec<Reply>),
}

impl Reply {
    /// As `redis-cli` prints it when its output is a pipe: one element a line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Error(message) => message.clone(),
            Self::Nil => String::new(),
            Self::Array(items) => {
                let lines: Vec<_> = items.iter().map(Self::text).collect();
                lines.join("\n")
            }
        }
    }
}

/// Sends one command and reads its reply. The stream must have sent nothing
/// else before.
pub(crate) fn call(mut stream: impl Read + Write, command: &[&[u8]]) -> io::Result<Reply> {
    let mut request = format!("*{}\r\n", command.len()).into_bytes();
    for argument in command {
        request.extend(format!("${}\r\n", argument.len()).into_bytes());
        request.extend(*argument);
        request.extend(b"\r\n");
    }
    stream.write_all(&request)?;
    read(&mut BufReader::new(stream), DEPTH_MAX)
}

fn read(stream: &mut impl BufRead, depth: usize) -> io::Result<Reply> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| invalid(line))?;
    match kind {
        "+" | ":" => Ok(Reply::Bytes(rest.into())),
        "-" => Ok(Reply::Error(rest.to_owned())),
        "$" => bulk(stream, rest.parse().map_err(|_| invalid(line))?),
        "*" if depth > 0 => array(stream, rest.parse().map_err(|_| invalid(line))?, depth - 1),
        _ => Err(invalid(line)),
    }
}

fn bulk(stream: &mut impl BufRead, len: i64) -> io::Result<Reply> {
    let Ok(len) = u64::try_from(len) else {
        return Ok(Reply::Nil);
    };
    let mut bytes = Vec::new();
    stream.by_ref().take(len).read_to_end(&mut bytes)?;
    stream.read_exact(&mut [0; 2])?;
    Ok(Reply::Bytes(bytes))
}

fn array(stream: &mut impl BufRead, len: i64, depth: usize) -> io::Result<Reply> {
    if len < 0 {
        return Ok(Reply::Nil);
    }
    let items: io::Result<_> = (0..len).map(|_| read(stream, depth)).collect();
    Ok(Reply::Array(items?))
}

fn invalid(line: &str) -> io::Error {
    let message = format!("a reply of RESP 2 was expected, not {line:?}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &[u8]) -> io::Result<Reply> {
        read(&mut &bytes[..], DEPTH_MAX)
    }

    #[test]
    fn each_kind_of_reply_is_read_whole() {
        let bytes = b"*5\r\n+OK\r\n:-3\r\n$4\r\na\r\nb\r\n$-1\r\n*1\r\n-ERR no\r\n";
        let items = vec![
            Reply::Bytes(b"OK".into()),
            Reply::Bytes(b"-3".into()),
            Reply::Bytes(b"a\r\nb".into()),
            Reply::Nil,
            Reply::Array(vec![Reply::Error("ERR no".into())]),
        ];
        assert_eq!(reply(bytes).unwrap(), Reply::Array(items));
    }

    #[test]
    fn what_is_cut_or_foreign_is_an_error() {
        let cut_or_foreign: [&[u8]; 5] =
            [b"", b"$4\r\nab", b"*2\r\n+OK\r\n", b"HTTP/1.1\r\n", b"\r\n"];
        for bytes in cut_or_foreign {
            assert!(reply(bytes).is_err(), "{bytes:?}");
        }
        assert!(reply(&b"*1\r\n".repeat(100)).is_err());
    }
}
