//! What the server says unasked, on the tracker connection. It is told on, on the thread that reads,
//! before anything that was read after it is given to anybody: so an answer cannot overtake it.
//!
//! Must not know what a change means.

use std::sync::Arc;

use redis::{PushInfo, PushKind, Value};

use crate::driver::Pushes;
use crate::life::Life;

/// More names in one message are not believed.
const NAMES_MAX: usize = 100_000;

/// Who hears what the server says in this life.
pub(crate) fn hearer(life: Arc<Life>) -> Pushes {
    Box::new(move |push: PushInfo| {
        if !life.is_over()
            && let Err(reason) = hear(&life, &push)
        {
            life.end(reason);
        }
    })
}

fn hear(life: &Life, push: &PushInfo) -> Result<(), &'static str> {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Invalidate, [Value::Array(names)]) if names.len() <= NAMES_MAX => {
            // They are sorted: the last first, so that what has a trace takes effect with it.
            for name in names.iter().rev() {
                match name {
                    Value::BulkString(name) => life.changed(name),
                    _ => return Err(FOREIGN),
                }
            }
            Ok(())
        }
        (PushKind::Invalidate, [Value::Array(_)]) => Err("too many keys changed at once"),
        (PushKind::Invalidate, [Value::Nil]) => {
            Err("all its keys may have changed at once (FLUSHALL, FLUSHDB, or a reload)")
        }
        _ => Err(FOREIGN),
    }
}

const FOREIGN: &str = "the server told of changes in a way that is not known";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;
    use crate::checks::Checks;
    use crate::keys::Keys;

    fn after(kind: PushKind, data: Vec<Value>) -> Arc<Life> {
        let board = Arc::new(Board::new(String::new()));
        let life = Arc::new(Life::new(1, Keys::new("tc", 1), board, Checks::default()));
        hearer(life.clone())(PushInfo { kind, data });
        life
    }

    fn name(name: &str) -> Value {
        Value::BulkString(name.as_bytes().to_vec())
    }

    #[test]
    fn names_that_nobody_here_has_are_passed_over() {
        let names = vec![name("tc:e:{users:7}"), name("tc:g:{users}"), name("x")];
        assert!(!after(PushKind::Invalidate, vec![Value::Array(names)]).is_over());
    }

    #[test]
    fn what_is_not_understood_ends_the_life() {
        let too_many = vec![name("x"); NAMES_MAX + 1];
        let cases = [
            (PushKind::Invalidate, vec![Value::Nil]),
            (PushKind::Invalidate, vec![Value::Array(too_many)]),
            (
                PushKind::Invalidate,
                vec![Value::Array(vec![Value::Int(1)])],
            ),
            (PushKind::Invalidate, vec![]),
            (PushKind::Other("new".into()), vec![]),
            (PushKind::Message, vec![]),
        ];
        for (kind, data) in cases {
            let what = format!("{kind:?}");
            let life = after(kind, data);
            assert!(life.is_over(), "{what}");
            assert!(!life.reason().is_empty());
        }
    }
}
