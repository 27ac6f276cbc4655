//! The task of a connection: it writes what callers have put into its [`Pipe`], reads, and hands
//! answers and pushes out.
//!
//! Must not know what is asked.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use redis::{PushInfo, Value};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::frames::{self, Foreign, Frame};
use crate::pipe::{Answered, Pipe};

/// Bytes that are read at once; there is room for more while a longer value comes in.
const READ_BYTES: usize = 64 << 10;
/// A buffer that has grown beyond this is given back when it is empty.
const KEPT_BYTES: usize = 1 << 20;

/// A connection's stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// Who is told of what the server says unasked, in the order in which it says it, before anybody is given
/// an answer that was read later. It must not wait.
pub(crate) type Pushes = Box<dyn Fn(PushInfo) + Send>;

/// Why a connection is over: in words, if it did not just end.
pub(crate) type Over = Option<String>;

pub(crate) struct Driver {
    stream: Pin<Box<dyn Stream>>,
    pipe: Arc<Pipe>,
    pushes: Option<Pushes>,
    input: Vec<u8>,
    /// So much of the input has been read.
    filled: usize,
    frame: Frame,
    output: Vec<u8>,
    /// So much of the output has been written.
    written: usize,
    values: Vec<Value>,
    answered: Vec<Answered>,
    /// Calls that were answered by what was read last.
    together: usize,
    timer: Pin<Box<Sleep>>,
    /// When the timer has to be looked at.
    due: Option<Instant>,
}

impl Driver {
    pub(crate) fn new(
        stream: Pin<Box<dyn Stream>>,
        pipe: Arc<Pipe>,
        pushes: Option<Pushes>,
    ) -> Self {
        Self {
            stream,
            pipe,
            pushes,
            input: vec![0; READ_BYTES],
            filled: 0,
            frame: Frame::default(),
            output: Vec::new(),
            written: 0,
            values: Vec::new(),
            answered: Vec::new(),
            together: 0,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            due: None,
        }
    }

    /// Until the connection is over. Calls fail once this is dropped.
    pub(crate) async fn run(&mut self) -> Over {
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                Ok(calls) => {
                    // Callers that were answered together ask together: all of it goes in one write.
                    if calls.max(self.together) > 1 {
                        tokio::task::yield_now().await;
                    }
                    self.take();
                }
                Err(over) => return over,
            }
        }
    }

    /// Reads and writes what it can; ready when there is something new to write, with the number of
    /// calls under way.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Over>> {
        self.look_at_time(cx)?;
        while let Poll::Ready(()) = self.read(cx)? {}
        ready!(self.write(cx))?;
        match self.pipe.to_write(cx.waker()) {
            Some(calls) => Poll::Ready(Ok(calls)),
            None => Poll::Pending,
        }
    }

    fn take(&mut self) {
        if let Some(due) = self.pipe.take(&mut self.output) {
            self.wait_until(due);
        }
    }

    fn wait_until(&mut self, due: Instant) {
        self.due = Some(due);
        self.timer.as_mut().reset(due);
    }

    /// One timer for all calls, which is set anew no oftener than it fires.
    fn look_at_time(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        while self.due.is_some() && self.timer.as_mut().poll(cx).is_ready() {
            self.due = None;
            match self.pipe.overdue(Instant::now()) {
                Ok(Some(due)) => self.wait_until(due),
                Ok(None) => {}
                Err(limit) => return Err(Some(format!("it did not answer within {limit:?}"))),
            }
        }
        Ok(())
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.output.len() {
            let rest = &self.output[self.written..];
            match ready!(self.stream.as_mut().poll_write(cx, rest)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(None)),
                Ok(written) => self.written += written,
            }
        }
        ready!(self.stream.as_mut().poll_flush(cx)).map_err(|_| None)?;
        self.written = 0;
        self.output.clear();
        if self.output.capacity() > KEPT_BYTES {
            self.output = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
        let mut buffer = ReadBuf::new(&mut self.input[self.filled..]);
        ready!(self.stream.as_mut().poll_read(cx, &mut buffer)).map_err(|_| None)?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Err(None));
        }
        self.filled += read;
        let foreign = |Foreign| Some("it does not speak Redis's protocol".to_owned());
        Poll::Ready(self.hand_out().map_err(foreign))
    }

    /// Hands out what has come whole.
    fn hand_out(&mut self) -> Result<(), Foreign> {
        let mut from = 0;
        while let Some(length) = self.frame.length(&self.input[from..self.filled])? {
            let value = frames::value(&self.input[from..from + length])?;
            from += length;
            match (value, &self.pushes) {
                (Value::Push { kind, data }, Some(pushes)) => pushes(PushInfo { kind, data }),
                (Value::Push { .. }, None) => {}
                (value, _) => self.values.push(value),
            }
        }
        self.input.copy_within(from..self.filled, 0);
        self.filled -= from;
        if self.filled == 0 && self.input.len() > KEPT_BYTES {
            self.input = vec![0; READ_BYTES];
        }
        self.pipe.answer(&mut self.values, &mut self.answered)?;
        self.together = self.answered.len();
        for answered in self.answered.drain(..) {
            answered.tell();
        }
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.pipe.end();
    }
}

#[cfg(test)]
mod tests;
