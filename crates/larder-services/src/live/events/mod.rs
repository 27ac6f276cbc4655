//! What Live tells while it runs: the list of events, and their arguments.
//!
//! It must not know trees: what an event does to one is in `apply`.

pub(crate) mod debounce;
pub mod osc;
pub mod sequence;

use super::tree::Value;
use osc::{Argument, Message};

/// The path that wraps another one with a number: `/live/seq seq time path arguments…`.
const WRAPPED: &str = "/live/seq";
/// Paths below it are relayed and change nothing.
const CURSOR: &str = "/live/cursor/";

/// An event with its sender's number.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<'a> {
    pub(crate) number: Option<i32>,
    pub(crate) path: &'a str,
    pub(crate) arguments: &'a [Argument<'a>],
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// An attribute of a track.
    Track(usize, &'static str, Value),
    TrackAdded(usize, Option<Value>),
    TrackDeleted(usize),
    /// An attribute of a track's mixer.
    Mixer(usize, &'static str, Value),
    DeviceAdded([usize; 2], Value),
    DeviceDeleted([usize; 2]),
    Parameter([usize; 3], Value),
    /// An attribute of a scene.
    Scene(usize, &'static str, Value),
    SceneAdded(usize, Option<Value>),
    SceneRemoved(usize),
    SceneMoved {
        from: usize,
        to: usize,
    },
    /// A slot with its attributes, new or not.
    SlotCreated([usize; 2], [(&'static str, Value); 3]),
    /// An attribute of a slot.
    Slot([usize; 2], &'static str, Value),
    /// An attribute of the clip in a slot.
    Clip([usize; 2], &'static str, Value),
    ClipAdded([usize; 2], Option<Value>),
    ClipRemoved([usize; 2]),
    Playing(bool),
    Tempo(Value),
    Position(f64),
    /// Relayed.
    Cursor,
}

/// Why a message is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventError {
    #[error("it is not on the list of events")]
    Unknown,
    #[error("expected the arguments {0}")]
    Arguments(&'static str),
}

/// Takes the number off a message that has one.
pub(crate) fn numbered<'a>(message: &'a Message<'a>) -> Result<Numbered<'a>, EventError> {
    if message.path != WRAPPED {
        return Ok(Numbered {
            number: None,
            path: message.path,
            arguments: &message.arguments,
        });
    }
    match &message.arguments[..] {
        [
            Argument::Int(number),
            Argument::Float(_),
            Argument::Text(path),
            arguments @ ..,
        ] => Ok(Numbered {
            number: Some(*number),
            path,
            arguments,
        }),
        _ => Err(EventError::Arguments(
            "seq (i), time (f), path (s) and those of the path",
        )),
    }
}

/// The name that an event is counted under; all that are unknown share one.
pub(crate) fn label(path: &str) -> &str {
    let is_known = |known: &&str| *known == path;
    if path.starts_with(CURSOR) {
        return "/live/cursor";
    }
    KNOWN.iter().copied().find(is_known).unwrap_or("unknown")
}

const KNOWN: [&str; 29] = [
    "/live/track/renamed",
    "/live/track/mute",
    "/live/track/arm",
    "/live/track/volume",
    "/live/track/color",
    "/live/track/added",
    "/live/track/deleted",
    "/live/device/added",
    "/live/device/deleted",
    "/live/device/param",
    "/live/scene/renamed",
    "/live/scene/added",
    "/live/scene/removed",
    "/live/scene/reordered",
    "/live/clip_slot/created",
    "/live/clip_slot/has_stop",
    "/live/clip_slot/playing_status",
    "/live/clip_slot/color",
    "/live/clip/name",
    "/live/clip/color",
    "/live/clip/muted",
    "/live/clip/looping",
    "/live/clip/added",
    "/live/clip/removed",
    "/live/transport/play",
    "/live/transport/tempo",
    "/live/transport/position",
    "/live/cursor",
    WRAPPED,
];

/// Reads an event.
pub(crate) fn event(path: &str, arguments: &[Argument<'_>]) -> Result<Event, EventError> {
    if path.starts_with(CURSOR) {
        return Ok(Event::Cursor);
    }
    let given = &mut Given(arguments);
    let (read, expected) = match path {
        "/live/track/renamed" => (track(given, "name", Given::text), "track, name"),
        "/live/track/color" => (track(given, "color", Given::int), "track, color"),
        "/live/track/arm" => (track(given, "armed", Given::flag), "track, on"),
        "/live/track/mute" => (mixer(given, "muted", Given::flag), "track, on"),
        "/live/track/volume" => (mixer(given, "volume", Given::float), "track, volume"),
        "/live/track/added" => (
            given.index().map(|at| Event::TrackAdded(at, given.text())),
            "track and perhaps its name",
        ),
        "/live/track/deleted" => (given.index().map(Event::TrackDeleted), "track"),
        "/live/device/added" => (device_added(given), "track, device, name"),
        "/live/device/deleted" => (given.indices().map(Event::DeviceDeleted), "track, device"),
        "/live/device/param" => (parameter(given), "track, device, parameter, value"),
        "/live/scene/renamed" => (scene_renamed(given), "scene, name"),
        "/live/scene/added" => (
            given.index().map(|at| Event::SceneAdded(at, given.text())),
            "scene and perhaps its name",
        ),
        "/live/scene/removed" => (given.index().map(Event::SceneRemoved), "scene"),
        "/live/scene/reordered" => (scene_moved(given), "from, to"),
        "/live/clip_slot/created" => (
            slot_created(given),
            "track, scene, has_clip, has_stop, playing (0, 1 or 2)",
        ),
        "/live/clip_slot/has_stop" => (slot(given, "has_stop", Given::flag), "track, scene, on"),
        "/live/clip_slot/playing_status" => (
            slot(given, "playing_status", Given::playing),
            "track, scene, playing (0, 1 or 2)",
        ),
        "/live/clip_slot/color" => (slot(given, "color", Given::int), "track, scene, color"),
        "/live/clip/name" => (clip(given, "name", Given::text), "track, scene, name"),
        "/live/clip/color" => (clip(given, "color", Given::int), "track, scene, color"),
        "/live/clip/muted" => (clip(given, "muted", Given::flag), "track, scene, on"),
        "/live/clip/looping" => (clip(given, "looping", Given::flag), "track, scene, on"),
        "/live/clip/added" => (
            given.indices().map(|at| Event::ClipAdded(at, given.text())),
            "track, scene and perhaps a name",
        ),
        "/live/clip/removed" => (given.indices().map(Event::ClipRemoved), "track, scene"),
        "/live/transport/play" => (given.is_on().map(Event::Playing), "on"),
        "/live/transport/tempo" => (given.float().map(Event::Tempo), "beats a minute"),
        "/live/transport/position" => (given.number().map(Event::Position), "beats"),
        _ => return Err(EventError::Unknown),
    };
    read.ok_or(EventError::Arguments(expected))
}

type Read<'a> = fn(&mut Given<'a>) -> Option<Value>;

fn track<'a>(given: &mut Given<'a>, name: &'static str, read: Read<'a>) -> Option<Event> {
    Some(Event::Track(given.index()?, name, read(given)?))
}

fn mixer<'a>(given: &mut Given<'a>, name: &'static str, read: Read<'a>) -> Option<Event> {
    Some(Event::Mixer(given.index()?, name, read(given)?))
}

fn device_added(given: &mut Given<'_>) -> Option<Event> {
    Some(Event::DeviceAdded(given.indices()?, given.text()?))
}

fn parameter(given: &mut Given<'_>) -> Option<Event> {
    let [track, device] = given.indices()?;
    let parameter = [track, device, given.index()?];
    Some(Event::Parameter(parameter, given.float_or_flag()?))
}

fn scene_renamed(given: &mut Given<'_>) -> Option<Event> {
    Some(Event::Scene(given.index()?, "name", given.text()?))
}

fn scene_moved(given: &mut Given<'_>) -> Option<Event> {
    let [from, to] = given.indices()?;
    Some(Event::SceneMoved { from, to })
}

fn slot_created(given: &mut Given<'_>) -> Option<Event> {
    let at = given.indices()?;
    let attributes = [
        ("has_clip", given.flag()?),
        ("has_stop", given.flag()?),
        ("playing_status", given.playing()?),
    ];
    Some(Event::SlotCreated(at, attributes))
}

fn slot<'a>(given: &mut Given<'a>, name: &'static str, read: Read<'a>) -> Option<Event> {
    Some(Event::Slot(given.indices()?, name, read(given)?))
}

fn clip<'a>(given: &mut Given<'a>, name: &'static str, read: Read<'a>) -> Option<Event> {
    Some(Event::Clip(given.indices()?, name, read(given)?))
}

/// The arguments that are left.
struct Given<'a>(&'a [Argument<'a>]);

impl Given<'_> {
    fn next(&mut self) -> Option<Argument<'_>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<f64> {
        let number = match self.next()? {
            Argument::Int(number) => number.into(),
            Argument::Float(number) => number.into(),
            Argument::Bool(flag) => f64::from(flag),
            Argument::Text(_) => return None,
        };
        Some(number).filter(|number: &f64| number.is_finite())
    }

    fn whole(&mut self) -> Option<i64> {
        let number = self.number()?;
        (number.fract() == 0.0).then_some(number as i64)
    }

    fn index(&mut self) -> Option<usize> {
        usize::try_from(self.whole()?).ok()
    }

    fn indices(&mut self) -> Option<[usize; 2]> {
        Some([self.index()?, self.index()?])
    }

    fn is_on(&mut self) -> Option<bool> {
        self.number().map(|number| number != 0.0)
    }

    fn flag(&mut self) -> Option<Value> {
        self.is_on().map(Value::Bool)
    }

    fn int(&mut self) -> Option<Value> {
        self.whole().map(Value::Int)
    }

    fn playing(&mut self) -> Option<Value> {
        let status = self.whole()?;
        (0..=2).contains(&status).then_some(Value::Int(status))
    }

    fn float(&mut self) -> Option<Value> {
        self.number().and_then(Value::float)
    }

    fn float_or_flag(&mut self) -> Option<Value> {
        match self.0.first()? {
            Argument::Bool(_) => self.flag(),
            _ => self.float(),
        }
    }

    fn text(&mut self) -> Option<Value> {
        match self.next()? {
            Argument::Text(text) => Some(Value::text(text)),
            _ => None,
        }
    }
}
