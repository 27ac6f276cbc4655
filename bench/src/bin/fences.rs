//! What caches keep when a key is invalidated, or written, while it is loaded.
//!
//! `cargo run --release -p larder-bench --bin fences`

use std::sync::mpsc;
use std::thread;

const KEY: u64 = 7;
const OLD: u64 = 1;
const NEW: u64 = 2;

/// What is done while a load that brings [`OLD`] runs.
#[derive(Clone, Copy)]
enum Write {
    Invalidate,
    Clear,
    Insert,
}

/// A cache that loads on the caller's thread.
trait Subject: Clone + Send + 'static {
    fn load(&self, load: impl FnOnce() -> u64);
    fn write(&self, write: Write);
    fn look(&self) -> Option<u64>;
}

impl Subject for larder::sync::Cache<u64, u64> {
    fn load(&self, load: impl FnOnce() -> u64) {
        let load = |_: &u64| Ok::<_, std::convert::Infallible>(load());
        self.get_or_load(&KEY, load).expect("the load succeeds");
    }

    fn write(&self, write: Write) {
        let applied = match write {
            Write::Invalidate => self.invalidate(&KEY),
            Write::Clear => self.clear(),
            Write::Insert => self.insert(KEY, NEW),
        };
        applied.expect("memory refuses nothing");
    }

    fn look(&self) -> Option<u64> {
        self.peek(&KEY)
    }
}

impl Subject for moka::sync::Cache<u64, u64> {
    fn load(&self, load: impl FnOnce() -> u64) {
        self.get_with(KEY, load);
    }

    fn write(&self, write: Write) {
        match write {
            Write::Invalidate => self.invalidate(&KEY),
            Write::Clear => self.invalidate_all(),
            Write::Insert => self.insert(KEY, NEW),
        }
    }

    fn look(&self) -> Option<u64> {
        self.get(&KEY)
    }
}

fn main() {
    println!("| cache | invalidate | all | insert |\n|---|---|---|---|");
    row("Larder", || {
        larder::sync::Cache::builder("fences")
            .build()
            .expect("the settings are right")
    });
    row("moka", || moka::sync::Cache::new(100));
}

fn row<S: Subject>(name: &str, make: impl Fn() -> S) {
    let cell = |write| match during_a_load(&make(), write) {
        None => "nothing".to_owned(),
        Some(NEW) => "the new value".to_owned(),
        Some(_) => "**the old value**".to_owned(),
    };
    let [invalidate, all, insert] = [Write::Invalidate, Write::Clear, Write::Insert].map(cell);
    println!("| {name} | {invalidate} | {all} | {insert} |");
}

/// What the cache holds after a load during which `write` ran whole.
fn during_a_load<S: Subject>(cache: &S, write: Write) -> Option<u64> {
    let (begun, has_begun) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let loader = cache.clone();
    let loading = thread::spawn(move || {
        loader.load(|| {
            begun.send(()).expect("the writer waits for this");
            answered.recv().expect("the writer answers")
        });
    });
    has_begun.recv().expect("the load begins");
    cache.write(write);
    answer.send(OLD).expect("the load waits for this");
    loading.join().expect("the load ends");
    cache.look()
}
