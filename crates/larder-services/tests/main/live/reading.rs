//! Sets of several versions of Live, and what must be found in them.

use std::path::Path;

use larder_services::live::als::{self, Limits, Set};
use larder_services::live::{Kind, Node, Tree, Value, demo};

use super::{packed, read, sample, xml};

fn open(path: &Path) -> Set {
    als::open(path, &Limits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    match node.attributes().get(name)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Tracks, scenes, devices, clips.
fn counts(tree: &Tree) -> [usize; 4] {
    [Kind::Track, Kind::Scene, Kind::Device, Kind::Clip].map(|kind| tree.count(kind))
}

#[test]
fn a_set_of_live_11_has_its_tracks_scenes_and_nested_devices() {
    let set = open(&sample("nodealsparser__Foo.als"));
    let [tracks, scenes, devices, _] = counts(&set.tree);
    assert_eq!((tracks, scenes), (8, 8));
    assert!(devices >= 19, "{devices}");
    let master = set.tree.track(7).unwrap();
    assert_eq!(
        (master.id(), text(master, "type")),
        ("master", Some("master"))
    );
    let first = set.tree.track(0).unwrap();
    assert_eq!(
        (first.id(), text(first, "name")),
        ("track-16", Some("1-MIDI"))
    );
    assert_eq!(first.of_kind(Kind::ClipSlot).1.len(), 8);
    assert_eq!(
        text(set.tree.root(), "creator"),
        Some("Ableton Live 11.3.35")
    );
    assert!(matches!(
        set.tree.root().attributes().get("tempo"),
        Some(Value::Float(_))
    ));
}

#[test]
fn the_texts_between_tags_are_passed_over_and_counted() {
    let text = "\n\t&such; ]]> \u{fc}";
    let track = format!(r#"{text}<MidiTrack Id="1">{text}<Name/>{text}</MidiTrack>{text}"#);
    let whole = xml(&track, "");
    let set = read(&packed(&whole)).unwrap();
    assert_eq!(set.inflated_bytes, whole.len() as u64);
    assert_eq!(set.tree.track(0).unwrap().id(), "track-1");
}

/// The original showed no scenes of Live 10 and before, and dropped what is in the arrangement.
#[test]
fn a_set_of_live_10_has_its_scenes_and_its_arrangement() {
    let set = open(&sample("dawtool__example-120.als"));
    assert_eq!(counts(&set.tree), [2, 8, 0, 4]);
    assert_eq!(text(set.tree.scene(0).unwrap(), "name"), Some("1"));
    let clips = set.tree.track(0).unwrap().of_kind(Kind::Clip).1;
    assert_eq!(clips.len(), 4);
    let file = clips
        .first()
        .unwrap()
        .of_kind(Kind::FileRef)
        .1
        .first()
        .unwrap();
    assert!(
        text(file, "relative_path").is_some(),
        "{:?}",
        file.attributes()
    );
    let tempo = set.tree.root().attributes().get("tempo");
    assert_eq!(tempo, Some(&Value::Float(119.999_992)));
}

#[test]
fn a_set_of_live_12_has_its_main_track() {
    let set = open(&sample("dawtool__L12-automation.als"));
    assert_eq!(counts(&set.tree), [2, 8, 0, 0]);
    assert_eq!(set.tree.count(Kind::Automation), 2);
    assert_eq!(set.tree.track(1).unwrap().id(), "master");
}

#[test]
fn a_set_whose_master_has_no_automation_is_a_set() {
    let set = open(&sample("dawtool__markers-malformed-no-master-ae.als"));
    assert_eq!(counts(&set.tree), [2, 8, 0, 0]);
}

/// Live 8 and 9 write no numbers to scenes and slots, and colours by index.
#[test]
fn a_set_of_live_9_without_numbers_has_ids_by_place() {
    let track = r#"<AudioTrack><Name><EffectiveName Value="A &amp; &lt;B&gt; &#x41;"/></Name><ColorIndex Value="12"/>
        <DeviceChain><MainSequencer><ClipSlotList><ClipSlot><ClipSlot><Value/></ClipSlot></ClipSlot>
        <ClipSlot><ClipSlot><Value><AudioClip Time="0"><Name Value="c"/></AudioClip></Value></ClipSlot></ClipSlot>
        </ClipSlotList></MainSequencer><FreezeSequencer><ClipSlotList><ClipSlot/></ClipSlotList></FreezeSequencer>
        </DeviceChain></AudioTrack>"#;
    let xml = format!(
        r#"<Ableton MajorVersion="4" Creator="Ableton Live 9.7.1"><LiveSet><Tracks>{track}{track}</Tracks>
        <MasterTrack/><SceneNames><Scene Value=" 1"><ColorIndex Value="3"/></Scene><Scene Value=""/></SceneNames>
        </LiveSet></Ableton>"#
    );
    let set = read(&packed(&xml)).unwrap();
    assert_eq!(counts(&set.tree), [3, 2, 0, 2]);
    let track = set.tree.track(1).unwrap();
    assert_eq!(
        (track.id(), text(track, "name")),
        ("track-1", Some("A & <B> A"))
    );
    assert_eq!(track.attributes().get("color"), Some(&Value::Int(12)));
    let clip = set.tree.find("track-1.slot-1.clip-0").unwrap();
    assert_eq!(set.tree.place(&clip.1), "tracks[1].clip_slots[1].clips[0]");
}

#[test]
fn a_plug_ins_parameters_have_the_names_that_it_gave_them() {
    let device = r#"<PluginDevice Id="7"><On><Manual Value="true"/></On><UserName Value=""/>
        <PluginDesc><VstPluginInfo Id="0"><PlugName Value="Diva"/></VstPluginInfo></PluginDesc>
        <ParameterList><PluginFloatParameter Id="0"><ParameterName Value="Cutoff"/><ParameterValue><Manual
        Value="0.5"/></ParameterValue></PluginFloatParameter></ParameterList></PluginDevice>"#;
    let track = format!(
        r#"<MidiTrack Id="1"><DeviceChain><DeviceChain><Devices>{device}</Devices></DeviceChain></DeviceChain></MidiTrack>"#
    );
    let set = read(&packed(&xml(&track, ""))).unwrap();
    let (device, _) = set.tree.find("track-1.device-7").unwrap();
    assert_eq!(text(device, "name"), Some("Diva"));
    let names: Vec<_> = device
        .of_kind(Kind::Parameter)
        .1
        .iter()
        .map(|node| text(node, "name"))
        .collect();
    assert_eq!(names, [Some("On"), Some("Cutoff")]);
}

#[test]
fn every_id_is_found_where_it_is_and_occurs_once() {
    for set in [
        open(&sample("nodealsparser__Foo.als")),
        read(&demo::als()).unwrap(),
    ] {
        let mut ids = std::collections::HashSet::new();
        set.tree.root().walk(&mut |node, path| {
            assert!(
                ids.insert(node.id().to_owned()),
                "{} occurs twice",
                node.id()
            );
            let (found, at) = set
                .tree
                .find(node.id())
                .unwrap_or_else(|| panic!("{}", node.id()));
            assert_eq!((found.hash(), &*at), (node.hash(), path));
        });
        assert_eq!(ids.len() + 1, set.tree.nodes());
    }
}

#[test]
fn numbers_that_occur_twice_give_ids_that_do_not() {
    let tracks = r#"<MidiTrack Id="1"/><MidiTrack Id="1"/><MidiTrack/>"#;
    let set = read(&packed(&xml(tracks, ""))).unwrap();
    let ids: Vec<_> = (0..4)
        .map(|index| set.tree.track(index).unwrap().id())
        .collect();
    assert_eq!(ids, ["track-1", "track-1~1", "track-2", "master"]);
}

/// The original's root hash changed on every reload of the same file.
#[test]
fn the_same_file_gives_the_same_hashes() {
    for bytes in [
        demo::als(),
        std::fs::read(sample("nodealsparser__Foo.als")).unwrap(),
    ] {
        let hash = || read(&bytes).unwrap().tree.root().hash();
        assert_eq!(hash(), hash());
    }
}

#[test]
fn the_demo_is_50_tracks_and_100_scenes() {
    let set = read(&demo::als()).unwrap();
    assert_eq!(
        (set.tree.count(Kind::Track), set.tree.count(Kind::Scene)),
        (53, 100)
    );
    assert_eq!(set.tree.count(Kind::ClipSlot), 5_000);
}

/// Larger sets of other people, if `LARDER_ALS_SAMPLES` names their directory.
#[test]
fn larger_sets_have_the_counts_that_others_found() {
    let Some(directory) = std::env::var_os("LARDER_ALS_SAMPLES") else {
        return;
    };
    let open = |name: &str| open(&Path::new(&directory).join(name)).tree;
    let michelle = open("nodealsparser__Michelle.als");
    assert_eq!(
        (michelle.count(Kind::Track), michelle.count(Kind::Scene)),
        (14, 8)
    );
    assert!(michelle.count(Kind::Device) >= 24 && michelle.count(Kind::Parameter) > 9_000);
    let live9 = open("dawtool__live9-patch-2-0point.als");
    assert_eq!(
        (live9.count(Kind::Track), live9.count(Kind::Scene)),
        (28, 8)
    );
    assert_eq!(live9.count(Kind::Clip), 163);
    let live11 = open("pyableton__test.als");
    assert_eq!(
        (live11.count(Kind::Track), live11.count(Kind::Scene)),
        (7, 8)
    );
    let bench = open("dawtool__bench-als100000.als");
    assert_eq!((bench.count(Kind::Track), bench.count(Kind::Scene)), (2, 8));
}
