use super::*;

fn host(port: u16) -> Host {
    Host {
        name: "h".to_owned(),
        port,
    }
}

fn peer(port: u16) -> Peer {
    Peer {
        id: format!("id{port}"),
        host: host(port),
    }
}

/// `(first, last, owner's port)`.
fn seen(ranges: &[(u16, u16, u16)]) -> View {
    let range = |(first, last, owner): &(u16, u16, u16)| Range {
        first: *first,
        last: *last,
        owner: peer(*owner),
    };
    View(ranges.iter().map(range).collect())
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.into())
}

fn answer(name: Value, state: &str) -> Vec<Answer> {
    let owner = Value::Array(vec![name, Value::Int(7), bulk("id7"), Value::Array(vec![])]);
    let replica = Value::Array(vec![bulk("r"), Value::Int(8), bulk("id8")]);
    let range = Value::Array(vec![Value::Int(3), Value::Int(5), owner, replica]);
    let info = bulk(&format!("cluster_enabled:1\r\ncluster_state:{state}\r\n"));
    vec![Ok(Value::Array(vec![range])), Ok(info)]
}

#[test]
fn a_node_that_does_not_know_its_address_is_where_it_was_asked() {
    for name in [bulk("h"), bulk(""), bulk("?"), Value::Nil] {
        let view = view(answer(name, "ok"), Some(&host(1))).unwrap();
        assert_eq!(view, seen(&[(3, 5, 7)]));
        assert_eq!(view.primaries(), [peer(7)]);
    }
    assert!(view(answer(Value::Nil, "ok"), None).is_err());
}

#[test]
fn a_cluster_that_is_down_or_unlike_one_is_told() {
    let down = view(answer(bulk("h"), "fail"), None).unwrap_err();
    assert!(down.contains("its cluster is down"), "{down}");
    assert!(view(vec![], None).is_err());
    assert!(view(vec![Ok(Value::Nil), Ok(bulk("cluster_state:ok"))], None).is_err());
}

#[test]
fn a_primary_is_believed_about_its_own_slots_only() {
    let (a, b) = (peer(1), peer(2));
    let mut map = Map::alone();
    let both = |of_a: &[(u16, u16, u16)], of_b: &[(u16, u16, u16)]| vec![seen(of_a), seen(of_b)];
    let before = [(0, 9, 1), (10, 19, 2)];
    map.take_in(&[&a, &b], both(&before, &before)).unwrap();
    assert_eq!(
        (map.slots.of(9), map.slots.of(10), map.slots.of(20)),
        (Some(0), Some(1), None)
    );

    // The second has been given slot 9, and the first does not know it yet.
    let after = [(0, 8, 1), (9, 19, 2)];
    map.take_in(&[&a, &b], both(&before, &after)).unwrap();
    assert_eq!(map.slots.of(9), Some(1));

    // The first says that slot 8 is the second's, who knows nothing of it.
    let given = [(0, 7, 1), (8, 19, 2)];
    let unclear = map.take_in(&[&a, &b], both(&given, &after));
    assert_eq!(unclear, Err(Change::Slot(8)));
    assert_eq!(map.slots.of(8), Some(0));
    map.take_in(&[&a, &b], both(&given, &given)).unwrap();
    assert_eq!(map.slots.of(8), Some(1));
}

#[test]
fn a_primary_that_was_not_there_is_a_change() {
    let (a, mut map) = (peer(1), Map::alone());
    map.take_in(&[&a], vec![seen(&[(0, 9, 1)])]).unwrap();
    let new = map.take_in(&[&a], vec![seen(&[(0, 8, 1), (9, 9, 3)])]);
    assert!(matches!(new, Err(Change::Primaries(reason)) if reason.contains("h:3")));
}

#[test]
fn an_answer_tells_where_its_slot_has_moved() {
    let told = |text: &str| {
        let value = redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap();
        let Value::ServerError(error) = value else {
            panic!("{value:?}");
        };
        moved(&error, &peer(1))
    };
    assert_eq!(told("MOVED 12182 h:7"), Some((12_182, host(7))));
    assert_eq!(told("MOVED 12182 :7"), Some((12_182, host(7))));
    let six = told("MOVED 1 ::1:7").unwrap().1;
    assert_eq!((six.name.as_str(), six.port), ("::1", 7));
    assert_eq!(told("ASK 12182 h:7"), None);
    assert_eq!(told("MOVED nothing"), None);
    assert_eq!(told("ERR MOVED 1 h:7"), None);
}
