//! Reads a body whole if it is small and ends soon; else gives it back as it was. Knows no caches.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

/// A body that has not ended by then is passed on as it comes.
const GATHERING_MAX: Duration = Duration::from_secs(5);

/// A body that was read, or begun to be.
pub(super) enum Gathered {
    Whole(Bytes),
    /// Too long, too slow, broken off, or with trailers: to be sent on, from its start.
    Passing(Body),
}

/// Holds at most `max` bytes and one chunk.
pub(super) async fn gather(mut body: Body, max: usize) -> Gathered {
    if body.size_hint().lower() > max as u64 {
        return Gathered::Passing(body);
    }
    let (mut chunks, mut length) = (VecDeque::new(), 0);
    let deadline = tokio::time::Instant::now() + GATHERING_MAX;
    loop {
        let Ok(frame) = tokio::time::timeout_at(deadline, body.frame()).await else {
            break;
        };
        match frame {
            None => return Gathered::Whole(joined(chunks, length)),
            Some(frame) => {
                let data = frame.as_ref().ok().and_then(Frame::data_ref);
                let is_good = data.map(|data| length += data.len()).is_some();
                chunks.push_back(frame);
                if !is_good || length > max {
                    break;
                }
            }
        }
    }
    Gathered::Passing(Body::new(Resumed {
        first: chunks,
        rest: body,
    }))
}

fn joined(chunks: VecDeque<Result<Frame<Bytes>, Error>>, length: usize) -> Bytes {
    let mut data = chunks
        .into_iter()
        .filter_map(|chunk| chunk.ok()?.into_data().ok());
    match (data.next(), data.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => only,
        (Some(first), Some(second)) => {
            let mut whole = BytesMut::with_capacity(length);
            whole.extend_from_slice(&first);
            whole.extend_from_slice(&second);
            data.for_each(|chunk| whole.extend_from_slice(&chunk));
            whole.freeze()
        }
    }
}

/// What was read of a body, and then the rest of it.
struct Resumed {
    first: VecDeque<Result<Frame<Bytes>, Error>>,
    rest: Body,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.first.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let length = |frame: &Result<Frame<Bytes>, Error>| {
            let data = frame.as_ref().ok().and_then(Frame::data_ref);
            data.map_or(0, Bytes::len) as u64
        };
        let read: u64 = self.first.iter().map(length).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(read + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(read + upper);
        }
        hint
    }
}
