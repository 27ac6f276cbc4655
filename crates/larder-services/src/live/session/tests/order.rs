//! What came twice, late, never or too fast.

use super::*;

#[test]
fn of_a_parameter_that_moves_the_last_value_of_100_ms_counts() {
    let mut house = house();
    for step in 1..=50_u8 {
        house.send(
            "/live/device/param",
            [int(0), int(0), int(1), OscType::Float(step.into())],
        );
    }
    assert_eq!(house.told(), None);
    assert_eq!(
        house.session.due(),
        Some(house.session.clock.now().after(DEBOUNCE))
    );
    house.time.advance(DEBOUNCE);
    house.session.tick();
    let change = house.change();
    assert_eq!(
        (&change["new_value"]["value"], &change["seq_num"]),
        (&json!(50.0), &json!(50))
    );
    assert_eq!(change["path"], "tracks[0].devices[0].parameters[1]");
    assert_eq!(house.session.due(), None);
    assert_eq!(house.count("events.processed"), 50);
}

#[test]
fn what_waits_is_applied_before_its_device_moves() {
    let mut house = house();
    house.send(
        "/live/device/param",
        [int(0), int(0), int(1), OscType::Float(0.75)],
    );
    house.send("/live/device/added", [int(0), int(0), text("First")]);
    assert_eq!(house.change()["path"], "tracks[0].devices[0].parameters[1]");
    assert_eq!(house.change()["kind"], "added");
    let device = child(&house, &[0], Kind::Device, 1);
    let parameter = child(&house, &device, Kind::Parameter, 1);
    assert_eq!(
        house.attribute(&parameter, "value"),
        Some(Value::Float(0.75))
    );
}

#[test]
fn an_event_that_comes_twice_is_applied_once() {
    let mut house = house();
    house.send_as(1, "/live/track/added", [int(0), text("A")]);
    house.send_as(1, "/live/track/added", [int(0), text("A")]);
    assert_eq!(house.tree(|tree| tree.count(Kind::Track)), demo::TRACKS + 4);
    assert_eq!(house.count("udp.events.duplicate"), 1);
    assert_eq!(house.count("events.processed"), 1);
}

#[test]
fn an_event_that_is_overtaken_is_not_applied_over_the_newer_one() {
    let mut house = house();
    let rename = |house: &mut House, number, name: &str| {
        house.send_as(number, "/live/track/renamed", [int(0), text(name)]);
    };
    rename(&mut house, 1, "first");
    rename(&mut house, 3, "third");
    rename(&mut house, 2, "second");
    assert_eq!(house.attribute(&[0], "name"), Some(Value::text("third")));
    assert_eq!(
        (
            house.count("udp.events.lost"),
            house.count("udp.events.late")
        ),
        (1, 1)
    );
}

#[test]
fn up_to_five_missing_events_are_borne_and_more_ask_for_the_file() {
    let mut house = house();
    let tempo = || [OscType::Float(120.0)];
    house.send_as(1, "/live/transport/tempo", tempo());
    house.send_as(7, "/live/transport/tempo", tempo());
    assert!(!house.session.takes_reload());
    house.send_as(14, "/live/transport/tempo", tempo());
    assert!(house.session.takes_reload());
    assert!(!house.session.takes_reload());
    assert_eq!(house.count("udp.events.lost"), 5 + 6);
}

#[test]
fn gaps_in_a_row_ask_for_the_file_once_a_second() {
    let mut house = house();
    let mut reloads = 0;
    for number in (0..200).map(|n| n * 10) {
        house.send_as(number, "/live/transport/position", [OscType::Float(1.0)]);
        reloads += u32::from(house.session.takes_reload());
        house.time.advance(Duration::from_millis(10));
    }
    assert_eq!(reloads, 2);
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    let mut house = house();
    house.send_as(5_000, "/live/transport/tempo", [OscType::Float(100.0)]);
    house.send_as(1, "/live/transport/tempo", [OscType::Float(90.0)]);
    assert_eq!(house.attribute(&[], "tempo"), Some(Value::Float(90.0)));
    assert!(house.session.takes_reload());
    assert_eq!(house.count("udp.sender.restarts"), 1);
}

#[test]
fn numbers_wrap_around() {
    let mut house = house();
    house.send_as(i32::MAX, "/live/transport/tempo", [OscType::Float(100.0)]);
    house.send_as(i32::MIN, "/live/transport/tempo", [OscType::Float(90.0)]);
    assert_eq!(house.attribute(&[], "tempo"), Some(Value::Float(90.0)));
    assert_eq!(
        (
            house.count("udp.events.lost"),
            house.count("udp.sender.restarts")
        ),
        (0, 0)
    );
}

#[test]
fn garbage_is_counted_and_harms_nothing() {
    let mut house = house();
    let before = house.root();
    let good = encoded("/live/track/renamed", vec![int(0), text("x")]);
    for cut in 0..good.len() {
        house.session.datagram(&good[..cut]);
    }
    house.session.datagram(b"#bundle\0");
    house.session.datagram(&[0xff; 1_500]);
    assert_eq!((house.root(), house.told()), (before, None));
    assert!(house.count("udp.datagrams.malformed") >= good.len() as u64);
}

#[test]
fn a_sender_that_begins_anew_near_its_last_number_is_known_by_the_third_event() {
    let mut house = house();
    let rename = |house: &mut House, number: i32, name: &str| {
        house.send_as(number, "/live/track/renamed", [int(0), text(name)]);
    };
    for number in 1..=10 {
        rename(&mut house, number, "first");
    }
    for number in 1..=4 {
        rename(&mut house, number, "second");
    }
    assert_eq!(house.count("udp.events.duplicate"), 2);
    assert_eq!(house.count("udp.sender.restarts"), 1);
    assert_eq!(house.count("events.processed"), 12);
    assert!(house.session.takes_reload());
}

#[test]
fn duplicates_among_others_are_no_sender_that_begins_anew() {
    let mut house = house();
    for number in [1, 1, 2, 2, 3, 3, 4, 2, 3] {
        house.send_as(number, "/live/track/renamed", [int(0), text("A")]);
    }
    assert_eq!(house.count("udp.events.duplicate"), 5);
    assert_eq!(house.count("udp.sender.restarts"), 0);
}

#[test]
fn a_number_from_far_ahead_loses_no_thousands_of_millions() {
    let mut house = house();
    for number in [1, i32::MAX - 1, i32::MAX] {
        house.send_as(number, "/live/track/renamed", [int(0), text("A")]);
    }
    assert_eq!(house.count("udp.events.lost"), 0);
    assert_eq!(house.count("udp.sender.restarts"), 1);
    assert_eq!(house.count("events.processed"), 3);
}
