//! A small tree of session logs for a machine that has none, and a session that goes on in it.
//!
//! The lines have the shape of real ones; the figures are made up. Knows no collector: it writes
//! files as Claude Code does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const DAYS: i64 = 30;
const SESSIONS_A_DAY: std::ops::Range<u32> = 1..5;
const CALLS_A_SESSION: std::ops::Range<u32> = 4..40;
const PROJECTS: [&str; 5] = [
    "-home-demo-web-shop",
    "-home-demo-billing",
    "-home-demo-mobile-app",
    "-home-demo-docs",
    "-home-demo-search",
];
const MODELS: [(&str, u32); 4] = [
    ("claude-sonnet-4-5-20250929", 50),
    ("claude-haiku-4-5-20251001", 30),
    ("claude-opus-4-5-20251101", 17),
    ("in-house-model-1", 3),
];
/// The file that marks a directory as one that this module made and may make anew.
const MARK: &str = "made-by-larder-demo";

/// The tree, and the session that is going on.
#[derive(Debug)]
pub struct Demo {
    root: PathBuf,
    random: Rng,
    session: Session,
    calls_left: u32,
}

impl Demo {
    /// Makes the tree anew under `root`: 30 days up to now, a few megabytes at most.
    ///
    /// # Errors
    /// The disk's; also if `root` holds something that this did not make. Blocks.
    pub fn create(root: &Path) -> io::Result<Self> {
        clear(root)?;
        let mut random = Rng::with_seed(7);
        let now = Timestamp::now();
        for day in (0..DAYS).rev() {
            for _ in 0..random.u32(SESSIONS_A_DAY) {
                let ago = SignedDuration::from_hours(24 * day)
                    + SignedDuration::from_mins(random.i64(0..12 * 60));
                write_session(root, &mut random, now - ago, now)?;
            }
        }
        let mut random = Rng::new();
        let session = Session::new(&mut random, now);
        let calls_left = random.u32(CALLS_A_SESSION);
        Ok(Self {
            root: root.to_owned(),
            random,
            session,
            calls_left,
        })
    }

    /// The directory to count under: it holds `projects`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Lets the session go on by one call; after some calls another session begins.
    ///
    /// # Errors
    /// The disk's. Blocks.
    pub fn append(&mut self) -> io::Result<()> {
        let now = Timestamp::now();
        if self.calls_left == 0 {
            self.session = Session::new(&mut self.random, now);
            self.calls_left = self.random.u32(CALLS_A_SESSION);
        }
        self.calls_left -= 1;
        self.session.at = now;
        let mut file = open(&self.session.path(&self.root))?;
        self.session.write_call(&mut self.random, &mut file)?;
        file.flush()
    }
}

/// Removes an older demo, and nothing else.
fn clear(root: &Path) -> io::Result<()> {
    if root.join(MARK).exists() {
        fs::remove_dir_all(root)?;
    } else if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
        let text = format!(
            "{} holds something that no demo made; it is left alone",
            root.display()
        );
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    fs::create_dir_all(root.join("projects"))?;
    fs::write(
        root.join(MARK),
        "This directory is made anew by `larder serve --demo`.\n",
    )
}

fn write_session(
    root: &Path,
    random: &mut Rng,
    begun: Timestamp,
    now: Timestamp,
) -> io::Result<()> {
    let mut session = Session::new(random, begun);
    let mut file = BufWriter::new(open(&session.path(root))?);
    for _ in 0..random.u32(CALLS_A_SESSION) {
        session.at += SignedDuration::from_secs(random.i64(5..90));
        if session.at > now {
            break;
        }
        session.write_call(random, &mut file)?;
    }
    file.flush()
}

fn open(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    OpenOptions::new().create(true).append(true).open(path)
}

#[derive(Debug)]
struct Session {
    id: String,
    project: &'static str,
    model: &'static str,
    at: Timestamp,
    context: u64,
}

impl Session {
    fn new(random: &mut Rng, at: Timestamp) -> Self {
        let id = format!(
            "{:08x}-{:04x}-4000-a000-{:012x}",
            random.u32(..),
            random.u16(..),
            random.u64(..1 << 48)
        );
        let project = PROJECTS[random
            .usize(..PROJECTS.len())
            .min(random.usize(..PROJECTS.len()))];
        Self {
            id,
            project,
            model: pick_model(random),
            at,
            context: random.u64(9_000..22_000),
        }
    }

    fn path(&self, root: &Path) -> PathBuf {
        root.join("projects")
            .join(self.project)
            .join(format!("{}.jsonl", self.id))
    }

    /// A question and its answer; the answer in two lines that share a message, as real ones do.
    fn write_call(&mut self, random: &mut Rng, out: &mut impl Write) -> io::Result<()> {
        let head = json!({
            "isSidechain": false, "userType": "external", "cwd": "/home/demo", "sessionId": self.id,
            "version": "2.0.0", "timestamp": self.at.to_string(),
        });
        let mut question = head.clone();
        question["type"] = "user".into();
        question["message"] = json!({ "role": "user", "content": "And the next step?" });
        writeln!(out, "{question}")?;

        let (created, output) = (random.u64(50..4_000), random.u64(40..1_500));
        let (message, request) = (
            format!("msg_{:016x}", random.u64(..)),
            format!("req_{:016x}", random.u64(..)),
        );
        for (part, output_so_far) in [("thinking", 1), ("text", output)] {
            let mut answer = head.clone();
            answer["type"] = "assistant".into();
            answer["requestId"] = request.clone().into();
            answer["message"] = json!({
                "id": message, "model": self.model, "role": "assistant", "type": "message",
                "content": [{ "type": part, part: "…" }],
                "usage": {
                    "input_tokens": random.u64(1..12), "output_tokens": output_so_far,
                    "cache_creation_input_tokens": created, "cache_read_input_tokens": self.context,
                    "cache_creation": { "ephemeral_5m_input_tokens": created, "ephemeral_1h_input_tokens": 0 },
                },
            });
            writeln!(out, "{answer}")?;
        }
        self.context = (self.context + created + output) % 180_000;
        Ok(())
    }
}

fn pick_model(random: &mut Rng) -> &'static str {
    let mut turn = random.u32(..MODELS.iter().map(|(_, weight)| weight).sum::<u32>());
    let chosen = MODELS.iter().find(|(_, weight)| {
        let chosen = turn < *weight;
        turn = turn.saturating_sub(*weight);
        chosen
    });
    chosen.map_or(MODELS[0].0, |(model, _)| model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_is_made_anew_where_one_was_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("demo");
        for _ in 0..2 {
            let mut demo = Demo::create(&root).unwrap();
            demo.append().unwrap();
            assert!(demo.session.path(demo.root()).exists());
        }
        let foreign = directory.path().join("foreign");
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("letter"), "mine").unwrap();
        let error = Demo::create(&foreign).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(foreign.join("letter")).unwrap(), "mine");
    }
}
