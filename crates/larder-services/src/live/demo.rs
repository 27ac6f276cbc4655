//! A set of 50 tracks and 100 scenes, written as Live 11 would, for who has none.
//!
//! It is a real file: read by the reader like any other, and the same each time.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Tracks besides the two returns and the master.
pub const TRACKS: usize = 50;
/// Scenes, and slots of each track.
pub const SCENES: usize = 100;
/// One slot in this many has a clip.
const CLIP_EVERY: usize = 3;

const NAMES: [&str; 10] = [
    "Kick",
    "Snare",
    "Hats",
    "Percussion",
    "Bass",
    "Lead",
    "Pad",
    "Keys",
    "Vocals",
    "Textures",
];
const DEVICES: [(&str, [&str; 4]); 4] = [
    (
        "Eq8",
        [
            "Bands.0/ParameterA/Freq",
            "Bands.0/ParameterA/Gain",
            "Bands.0/ParameterA/Q",
            "GlobalGain",
        ],
    ),
    ("Compressor2", ["Threshold", "Ratio", "Attack", "Release"]),
    ("Reverb", ["PreDelay", "RoomSize", "DecayTime", "MixDirect"]),
    ("StereoGain", ["Gain", "StereoWidth", "Mono", "Mute"]),
];

/// The file's bytes: gzip of XML.
pub fn als() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let written = packed.write_all(xml().as_bytes());
    written
        .and_then(|()| packed.finish())
        .expect("a vector takes what it is given")
}

/// What is in it.
fn xml() -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Ableton MajorVersion=\"5\" \
         MinorVersion=\"11.0_433\" Creator=\"Larder demo\" Revision=\"\"><LiveSet><Tracks>",
    );
    for track in 0..TRACKS {
        one_track(&mut xml, track);
    }
    for (id, name) in [(900, "A-Reverb"), (901, "B-Delay")] {
        let _ = write!(xml, "<ReturnTrack Id=\"{id}\">");
        head(&mut xml, name, 7);
        xml.push_str("<DeviceChain>");
        mixer(&mut xml, 0.7, 0);
        devices(&mut xml, &[2]);
        xml.push_str("</DeviceChain></ReturnTrack>");
    }
    xml.push_str("</Tracks><MasterTrack>");
    head(&mut xml, "Master", 20);
    xml.push_str("<DeviceChain><Mixer>");
    xml.push_str("<Tempo><Manual Value=\"124\" /></Tempo>");
    xml.push_str("<TimeSignature><Manual Value=\"201\" /></TimeSignature>");
    xml.push_str("<Volume><Manual Value=\"0.85\" /></Volume></Mixer>");
    devices(&mut xml, &[1]);
    xml.push_str("</DeviceChain></MasterTrack><Scenes>");
    for scene in 0..SCENES {
        let _ = write!(
            xml,
            "<Scene Id=\"{scene}\"><Name Value=\"{}\" /><Color Value=\"-1\" /><Tempo Value=\"120\" />\
             <IsTempoEnabled Value=\"false\" /><TimeSignatureId Value=\"201\" /></Scene>",
            section(scene)
        );
    }
    xml.push_str("</Scenes></LiveSet></Ableton>\n");
    xml
}

fn section(scene: usize) -> String {
    let part = ["Intro", "Verse", "Build", "Drop", "Break"][scene / 4 % 5];
    format!("{part} {}", scene + 1)
}

// Writing to a string cannot fail.
fn one_track(xml: &mut String, track: usize) {
    let kind = if track.is_multiple_of(2) {
        "Midi"
    } else {
        "Audio"
    };
    let name = NAMES[track % NAMES.len()];
    let _ = write!(xml, "<{kind}Track Id=\"{}\">", 10 + track);
    head(xml, &format!("{} {name}", track + 1), track % 70);
    xml.push_str("<DeviceChain>");
    mixer(xml, 0.5 + 0.01 * (track % 30) as f64, 2);
    xml.push_str("<MainSequencer><ClipSlotList>");
    for scene in 0..SCENES {
        let _ = write!(xml, "<ClipSlot Id=\"{scene}\"><ClipSlot><Value>");
        if (track + scene).is_multiple_of(CLIP_EVERY) {
            clip(xml, kind, name, scene);
        }
        xml.push_str("</Value></ClipSlot><HasStop Value=\"true\" /></ClipSlot>");
    }
    xml.push_str("</ClipSlotList><Recorder><IsArmed Value=\"false\" /></Recorder></MainSequencer>");
    devices(xml, &[track % 4, (track + 1) % 4]);
    let _ = write!(xml, "</DeviceChain></{kind}Track>");
}

fn head(xml: &mut String, name: &str, color: usize) {
    let _ = write!(
        xml,
        "<Name><EffectiveName Value=\"{name}\" /><UserName Value=\"\" /></Name>\
         <Color Value=\"{color}\" /><TrackGroupId Value=\"-1\" />"
    );
}

fn mixer(xml: &mut String, volume: f64, sends: usize) {
    xml.push_str("<Mixer><Sends>");
    for send in 0..sends {
        let _ = write!(
            xml,
            "<TrackSendHolder Id=\"{send}\"><Send><Manual Value=\"0.0003162277571\" /></Send></TrackSendHolder>"
        );
    }
    let _ = write!(
        xml,
        "</Sends><Speaker><Manual Value=\"true\" /></Speaker><SoloSink Value=\"false\" />\
         <Pan><Manual Value=\"0\" /></Pan><Volume><Manual Value=\"{volume:.2}\" /></Volume></Mixer>"
    );
}

fn clip(xml: &mut String, kind: &str, name: &str, scene: usize) {
    let _ = write!(
        xml,
        "<{kind}Clip Id=\"0\" Time=\"0\"><CurrentStart Value=\"0\" /><CurrentEnd Value=\"16\" />\
         <Loop><LoopStart Value=\"0\" /><LoopEnd Value=\"16\" /><LoopOn Value=\"true\" /></Loop>\
         <Name Value=\"{name} {}\" /><Color Value=\"{}\" /><Disabled Value=\"false\" />",
        scene + 1,
        scene % 70
    );
    if kind == "Audio" {
        let _ = write!(
            xml,
            "<SampleRef><FileRef><RelativePath Value=\"Samples/{name}.wav\" />\
             <Path Value=\"/Samples/{name}.wav\" /></FileRef></SampleRef>"
        );
    }
    let _ = write!(xml, "</{kind}Clip>");
}

fn devices(xml: &mut String, which: &[usize]) {
    xml.push_str("<DeviceChain><Devices>");
    for (id, which) in which.iter().enumerate() {
        let (device, parameters) = DEVICES[*which];
        let _ = write!(
            xml,
            "<{device} Id=\"{id}\"><On><Manual Value=\"true\" /></On><UserName Value=\"\" />"
        );
        for (at, parameter) in parameters.iter().enumerate() {
            let names: Vec<&str> = parameter.split('/').collect();
            for name in &names {
                let _ = write!(xml, "<{name}>");
            }
            let _ = write!(xml, "<Manual Value=\"0.{}\" />", at + 1);
            for name in names.iter().rev() {
                let _ = write!(xml, "</{name}>");
            }
        }
        let _ = write!(xml, "</{device}>");
    }
    xml.push_str("</Devices></DeviceChain>");
}
