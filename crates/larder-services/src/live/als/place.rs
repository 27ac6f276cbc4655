//! The layout of a Live Set: what an element means by where it stands.
//!
//! It is the same from Live 8 to 12 but for a few names, which stand side by side here.

use super::super::tree::Kind;

/// Where an element stands, for what its children mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Document,
    Ableton,
    LiveSet,
    Tracks,
    Scenes,
    Scene,
    Track,
    TrackName,
    Chain,
    InnerChain,
    Mixer,
    /// A control whose `Manual` is an attribute.
    Control(Target),
    Sends,
    SendHolder,
    Send,
    Sequencer,
    Recorder,
    Slots,
    Slot,
    SlotInner,
    Timeable,
    Arranger,
    /// Of a slot, or of the arrangement.
    Clips,
    Clip,
    Loop,
    /// What is counted, and goes into a digest.
    Digested(&'static str),
    SampleRef,
    FileRef,
    RelativePath,
    Devices,
    Device,
    /// Anywhere in a device.
    InDevice,
    Plugin,
    PluginInfo,
    Envelopes,
    Envelope,
    EnvelopeTarget,
    EnvelopeEvents,
    /// What becomes no node.
    Skipped,
}

/// An attribute that an element's `Value` becomes, of the node under construction or of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) of_project: bool,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    /// The file says the opposite.
    Not,
    Int,
    Float,
    /// Not kept if it is empty.
    Text,
}

/// What to do at an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Skip,
    Enter(Place),
    /// A node begins here.
    Begin(Kind, Place),
    /// An attribute of the node under construction.
    Set(Target),
    /// A parameter of a device, by the names of the elements that it stands in.
    Parameter,
    /// The next parameter's name.
    ParameterName,
    /// The next send's level.
    Send,
    /// A step of a path in the way of Live 10 and before.
    Folder,
    /// Counted and digested.
    Digest(&'static str),
}

const fn attribute(name: &'static str, form: Form) -> Step {
    Step::Set(target(name, form))
}

const fn target(name: &'static str, form: Form) -> Target {
    Target {
        name,
        form,
        of_project: false,
    }
}

const fn of_project(name: &'static str, form: Form) -> Place {
    Place::Control(Target {
        name,
        form,
        of_project: true,
    })
}

/// What the element `name` means at `place`.
#[expect(
    clippy::match_same_arms,
    reason = "the table is in the order of the file"
)]
pub(super) fn step(place: Place, name: &str) -> Step {
    use Form::{Bool, Float, Int, Not, Text};
    use Place as P;
    use Step::{Begin, Digest, Enter, Skip};
    match (place, name) {
        (P::Document, "Ableton") => Enter(P::Ableton),
        (P::Ableton, "LiveSet") => Enter(P::LiveSet),
        (P::LiveSet, "Tracks") => Enter(P::Tracks),
        (P::LiveSet, "MasterTrack" | "MainTrack")
        | (P::Tracks, "MidiTrack" | "AudioTrack" | "GroupTrack" | "ReturnTrack") => {
            Begin(Kind::Track, P::Track)
        }
        // Live 11 writes `Scenes`, with the names as elements; before it is `SceneNames`.
        (P::LiveSet, "Scenes" | "SceneNames") => Enter(P::Scenes),
        (P::Scenes, "Scene") => Begin(Kind::Scene, P::Scene),
        (P::Scene, "Tempo") => attribute("tempo", Float),
        (P::Scene, "IsTempoEnabled") => attribute("tempo_enabled", Bool),
        (P::Scene, "TimeSignatureId") => attribute("time_signature_id", Int),
        (P::Scene | P::Clip, "Name") => attribute("name", Text),
        (P::Scene | P::Track | P::Clip, "Color" | "ColorIndex") => attribute("color", Int),

        (P::Track, "Name") => Enter(P::TrackName),
        (P::TrackName, "EffectiveName") => attribute("name", Text),
        (P::TrackName | P::Device, "UserName") => attribute("user_name", Text),
        (P::Track, "TrackGroupId") => attribute("group_id", Int),
        (P::Track, "Freeze") => attribute("frozen", Bool),
        (P::Track, "AutomationEnvelopes") => Enter(P::Envelopes),
        (P::Track, "DeviceChain") => Enter(P::Chain),
        (P::Chain, "Mixer") => Begin(Kind::Mixer, P::Mixer),
        (P::Chain, "MainSequencer") => Enter(P::Sequencer),
        (P::Chain, "DeviceChain") => Enter(P::InnerChain),
        (P::InnerChain | P::InDevice, "Devices") => Enter(P::Devices),

        (P::Mixer, "Volume") => Enter(P::Control(target("volume", Float))),
        (P::Mixer, "Pan") => Enter(P::Control(target("pan", Float))),
        (P::Mixer, "Speaker") => Enter(P::Control(target("muted", Not))),
        (P::Mixer, "SoloSink") => attribute("solo", Bool),
        (P::Mixer, "Tempo") => Enter(of_project("tempo", Float)),
        (P::Mixer, "TimeSignature") => Enter(of_project("time_signature_id", Int)),
        (P::Mixer, "Sends") => Enter(P::Sends),
        (P::Sends, "TrackSendHolder") => Enter(P::SendHolder),
        (P::SendHolder, "Send") => Enter(P::Send),
        (P::Send, "Manual") => Step::Send,
        (P::Control(target), "Manual") => Step::Set(target),

        (P::Sequencer, "Recorder") => Enter(P::Recorder),
        (P::Recorder, "IsArmed") => attribute("armed", Bool),
        (P::Sequencer, "ClipSlotList") => Enter(P::Slots),
        (P::Slots, "ClipSlot") => Begin(Kind::ClipSlot, P::Slot),
        (P::Slot, "ClipSlot") => Enter(P::SlotInner),
        (P::Slot, "HasStop") => attribute("has_stop", Bool),
        (P::SlotInner, "Value") | (P::Arranger, "Events") => Enter(P::Clips),
        (P::Sequencer, "Sample" | "ClipTimeable") => Enter(P::Timeable),
        (P::Timeable, "ArrangerAutomation") => Enter(P::Arranger),

        (P::Clips, "MidiClip" | "AudioClip") => Begin(Kind::Clip, P::Clip),
        (P::Clip, "CurrentStart") => attribute("start", Float),
        (P::Clip, "CurrentEnd") => attribute("end", Float),
        (P::Clip, "Disabled") => attribute("muted", Bool),
        (P::Clip, "Loop") => Enter(P::Loop),
        (P::Loop, "LoopOn") => attribute("looping", Bool),
        (P::Loop, "LoopStart") => attribute("loop_start", Float),
        (P::Loop, "LoopEnd") => attribute("loop_end", Float),
        (P::Clip, "Notes") => Enter(P::Digested("MidiNoteEvent")),
        (P::Clip | P::InDevice, "SampleRef") | (P::InDevice, "MxDPatchRef") => Enter(P::SampleRef),
        (P::SampleRef, "FileRef") => Begin(Kind::FileRef, P::FileRef),
        (P::FileRef, "Name") => attribute("name", Text),
        (P::FileRef, "Path") => attribute("path", Text),
        (P::FileRef, "RelativePath") => Enter(P::RelativePath),
        (P::RelativePath, "RelativePathElement") => Step::Folder,

        (P::Devices, _) => Begin(Kind::Device, P::Device),
        (P::Device, "PluginDesc") => Enter(P::Plugin),
        (P::Plugin, _) => Enter(P::PluginInfo),
        (P::PluginInfo, "PlugName" | "Name") => attribute("plugin", Text),
        (P::Device | P::InDevice, "LastPresetRef" | "SourceContext") => Skip,
        (P::InDevice, "Manual") => Step::Parameter,
        (P::InDevice, "ParameterName") => Step::ParameterName,
        (P::Device | P::InDevice, _) => Enter(P::InDevice),

        (P::Envelopes, "Envelopes") => Enter(P::Envelopes),
        (P::Envelopes, "AutomationEnvelope") => Begin(Kind::Automation, P::Envelope),
        (P::Envelope, "EnvelopeTarget") => Enter(P::EnvelopeTarget),
        (P::EnvelopeTarget, "PointeeId") => attribute("target", Int),
        (P::Envelope, "Automation") => Enter(P::EnvelopeEvents),
        (P::EnvelopeEvents, "Events") => Enter(P::Digested("")),
        (P::Digested(counted), _) => Digest(counted),
        _ => Skip,
    }
}
