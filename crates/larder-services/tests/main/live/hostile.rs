//! Files that are no sets, or that are made to do harm.

use std::io::{BufReader, Read, repeat};

use flate2::Compression;
use flate2::bufread::GzEncoder;
use larder_services::live::als::{self, AlsError, Limits};

use super::{packed, read, xml};

fn refused(bytes: &[u8]) -> AlsError {
    read(bytes).expect_err("it is refused")
}

#[test]
fn an_empty_file_and_junk_are_told_apart() {
    assert!(matches!(refused(b""), AlsError::Empty));
    for junk in [&b"JUNK\n"[..], b"<Ableton/>", &[0; 100]] {
        let error = refused(junk);
        assert!(matches!(error, AlsError::NotGzip), "{error}");
        assert!(error.to_string().contains("gzip"));
    }
    assert!(matches!(refused(&packed("JUNK")), AlsError::NotXml));
}

#[test]
fn a_set_that_is_cut_off_anywhere_is_refused() {
    let whole = packed(&xml(
        r#"<MidiTrack Id="1"><Name/></MidiTrack>"#,
        r#"<Scene Id="0"/>"#,
    ));
    for end in 1..whole.len() {
        let error = refused(&whole[..end]);
        assert!(
            matches!(
                error,
                AlsError::Truncated(_) | AlsError::Damaged { .. } | AlsError::NotGzip
            ),
            "{end}: {error}"
        );
    }
    let unpacked = xml("", "");
    for end in 1..unpacked.len() - 1 {
        refused(&packed(&unpacked[..end]));
    }
}

#[test]
fn damaged_data_are_noticed_by_their_sum() {
    let mut damaged = packed(&xml("", ""));
    let end = damaged.len();
    damaged[end - 6] ^= 1;
    let error = refused(&damaged);
    assert!(matches!(error, AlsError::Damaged { .. }), "{error}");
}

#[test]
fn no_entity_is_expanded() {
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
        <Ableton><LiveSet><Tracks><MidiTrack><Name><EffectiveName Value="&b;"/></Name></MidiTrack></Tracks></LiveSet></Ableton>"#;
    assert!(matches!(refused(&packed(bomb)), AlsError::DocumentType));
    let unknown = xml(
        r#"<MidiTrack><Name><EffectiveName Value="&b;"/></Name></MidiTrack>"#,
        "",
    );
    assert!(matches!(refused(&packed(&unknown)), AlsError::Xml { .. }));
}

/// Ten gigabytes of zeros are refused at their first byte, within a set at the limit of a text.
#[test]
fn zeros_without_end_take_neither_memory_nor_time() {
    let zeros = |bytes| GzEncoder::new(BufReader::new(repeat(0).take(bytes)), Compression::fast());
    let ten_gigabytes = BufReader::new(zeros(10 << 30));
    let error = als::read(ten_gigabytes, &Limits::default()).expect_err("it is refused");
    assert!(matches!(error, AlsError::NotXml), "{error}");

    let within = b"<Ableton><LiveSet>".chain(repeat(b'0').take(10 << 30));
    let within = BufReader::new(GzEncoder::new(BufReader::new(within), Compression::fast()));
    let limits = Limits {
        token_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let error = als::read(within, &limits).expect_err("it is refused");
    assert!(
        matches!(error, AlsError::TokenTooLong { at: 18, limit } if limit == 1 << 20),
        "{error}"
    );
}

#[test]
fn more_xml_than_allowed_is_refused() {
    let long = b"<Ableton><LiveSet>".chain(Repeated(b"<A/>", 0).take(10 << 30));
    let long = BufReader::new(GzEncoder::new(BufReader::new(long), Compression::fast()));
    let limits = Limits {
        inflated_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let error = als::read(long, &limits).expect_err("it is refused");
    assert!(
        matches!(error, AlsError::TooLarge(limit) if limit == 1 << 20),
        "{error}"
    );
}

#[test]
fn more_elements_than_allowed_are_refused_before_their_bytes_are() {
    let long = b"<Ableton><LiveSet>".chain(Repeated(b"<A/>", 0).take(10 << 30));
    let long = BufReader::new(GzEncoder::new(BufReader::new(long), Compression::fast()));
    let limits = Limits {
        elements_max: 1_000,
        ..Limits::default()
    };
    let error = als::read(long, &limits).expect_err("it is refused");
    assert!(matches!(error, AlsError::TooManyElements(1_000)), "{error}");
}

struct Repeated(&'static [u8], usize);

impl Read for Repeated {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        for byte in &mut *into {
            *byte = self.0[self.1];
            self.1 = (self.1 + 1) % self.0.len();
        }
        Ok(into.len())
    }
}

#[test]
fn a_million_elements_in_each_other_are_refused() {
    let deep = format!("<Ableton><LiveSet>{}", "<A>".repeat(1_000_000));
    assert!(matches!(refused(&packed(&deep)), AlsError::TooDeep(256)));
    let racks = "<Devices><Rack><Branches>".repeat(300_000);
    let track = format!("<Ableton><LiveSet><Tracks><MidiTrack><DeviceChain><DeviceChain>{racks}");
    assert!(matches!(refused(&packed(&track)), AlsError::TooDeep(256)));
}

#[test]
fn more_nodes_than_allowed_are_refused() {
    let parameters = "<P><Manual Value=\"1\"/></P>".repeat(200);
    let track = format!(
        "<MidiTrack><DeviceChain><DeviceChain><Devices><D>{parameters}</D></Devices></DeviceChain></DeviceChain></MidiTrack>"
    );
    let limits = Limits {
        nodes_max: 100,
        ..Limits::default()
    };
    let error = als::read(&packed(&xml(&track, ""))[..], &limits).expect_err("it is refused");
    assert!(matches!(error, AlsError::TooManyNodes(100)), "{error}");
}

#[test]
fn xml_of_something_else_is_no_set() {
    for other in ["<html></html>", "<Ableton></Ableton>", "<a/>"] {
        assert!(
            matches!(refused(&packed(other)), AlsError::Missing("LiveSet")),
            "{other}"
        );
    }
    let headless = "<Ableton><LiveSet><Tracks/></LiveSet></Ableton>";
    let error = refused(&packed(headless));
    assert!(error.to_string().contains("MasterTrack"), "{error}");
}

#[test]
fn xml_that_is_not_well_formed_is_placed() {
    let error = refused(&packed("<Ableton><LiveSet></Ableton></LiveSet>"));
    assert!(matches!(error, AlsError::Xml { .. }), "{error}");
    assert!(error.to_string().contains("at byte"), "{error}");
    let text = "\n\t&amp; no & such; ".repeat(10_000);
    let late = format!("<Ableton>{text}<LiveSet>{text}</Ableton>");
    let error = refused(&packed(&late));
    let end = late.len() as u64;
    assert!(
        matches!(error, AlsError::Xml { at, .. } if (end - 10..=end).contains(&at)),
        "{error}"
    );
    let not_utf8 = [
        &b"<Ableton><LiveSet A=\""[..],
        &[0xff, 0xfe],
        b"\"/></Ableton>",
    ]
    .concat();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gz, &not_utf8).unwrap();
    let error = refused(&gz.finish().unwrap());
    assert!(matches!(error, AlsError::Xml { .. }), "{error}");
}

#[test]
fn values_that_are_no_numbers_are_as_if_they_were_not_there() {
    let track = r#"<MidiTrack Id="x"><Color Value="blue"/><DeviceChain><Mixer><Volume><Manual Value="NaN"/></Volume>
        </Mixer></DeviceChain></MidiTrack>"#;
    let set = read(&packed(&xml(track, ""))).unwrap();
    let track = set.tree.track(0).unwrap();
    assert_eq!(track.id(), "track-0");
    assert!(track.attributes().get("color").is_none());
    assert!(track.children()[0].attributes().get("volume").is_none());
}
