use larder_metrics::{Clock, Error, Kind, Limits, Registry};

fn limited(families: usize, series_per_family: usize) -> Registry {
    Registry::with(
        Limits {
            families,
            series_per_family,
        },
        Clock::system(),
    )
}

#[test]
fn names_begin_with_a_letter_and_hold_letters_digits_underscores_and_dots() {
    let registry = Registry::new();
    for good in ["a", "_a", "events.received.by_type", "A1", &"n".repeat(128)] {
        assert!(registry.counter(good).is_ok(), "{good}");
    }
    for bad in ["", "1a", ".a", "a-b", "a b", "é", "a\n", &"n".repeat(129)] {
        assert!(
            matches!(registry.counter(bad), Err(Error::BadName { .. })),
            "{bad}"
        );
    }
}

#[test]
fn an_error_quotes_a_bad_name_on_one_line_and_cuts_it() {
    let error = Registry::new()
        .gauge(&format!("line\nbreak{}", "x".repeat(10_000)))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(r#"metric name "line\nbreakxxx"#),
        "{error}"
    );
    assert!(!error.contains('\n') && error.len() < 200, "{error}");
}

#[test]
fn a_name_that_is_registered_as_another_kind_is_refused() -> Result<(), Error> {
    let registry = Registry::new();
    registry.counter("loads")?;
    let error = registry
        .timing_with("loads", &[("tier", "disk")])
        .unwrap_err();
    let expected = Error::OtherKind {
        name: "loads".into(),
        registered: Kind::Counter,
        requested: Kind::Timing,
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        r#"metric "loads" is a counter: it cannot be used as a timing"#
    );
    Ok(())
}

#[test]
fn tags_in_any_order_are_the_same_series() -> Result<(), Error> {
    let registry = Registry::new();
    registry
        .counter_with("gets", &[("tier", "disk"), ("outcome", "hit")])?
        .increment();
    registry
        .counter_with("gets", &[("outcome", "hit"), ("tier", "disk")])?
        .increment();
    assert_eq!(
        registry
            .snapshot()
            .counter("gets", &[("tier", "disk"), ("outcome", "hit")]),
        Some(2)
    );
    Ok(())
}

#[test]
fn values_that_look_like_tags_do_not_mix_series() -> Result<(), Error> {
    let registry = Registry::new();
    registry.counter_with("c", &[("a", "1b=1:2")])?.add(1);
    registry
        .counter_with("c", &[("a", "1"), ("b", "2")])?
        .add(10);
    registry
        .counter_with("c", &[("a", "1"), ("b", "2\",c=\"3")])?
        .add(100);
    assert_eq!(registry.snapshot().families[0].series.len(), 3);
    assert_eq!(
        registry.snapshot().counter("c", &[("b", "2"), ("a", "1")]),
        Some(10)
    );
    Ok(())
}

#[test]
fn ill_formed_tags_are_refused() {
    let registry = Registry::new();
    for key in [
        "",
        "a.b",
        "1",
        "le",
        "quantile",
        "__name__",
        &"k".repeat(65),
    ] {
        let refused = registry.counter_with("c", &[(key, "v")]);
        assert!(matches!(refused, Err(Error::BadTagKey { .. })), "{key}");
    }
    let long = "v".repeat(257);
    for value in ["", &long] {
        let refused = registry.counter_with("c", &[("key", value)]).unwrap_err();
        assert_eq!(
            refused,
            Error::BadTagValue {
                key: "key".into(),
                bytes: value.len()
            }
        );
    }
    let twice = registry
        .counter_with("c", &[("a", "1"), ("b", "1"), ("a", "2")])
        .unwrap_err();
    assert_eq!(twice, Error::DuplicateTag { key: "a".into() });
    let keys: Vec<_> = (0..17).map(|index| format!("k{index}")).collect();
    let tags: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    assert_eq!(
        registry.counter_with("c", &tags).unwrap_err(),
        Error::TooManyTags { count: 17 }
    );
    assert!(registry.counter_with("c", &tags[..16]).is_ok());
}

/// I3
#[test]
fn series_over_the_limit_share_one_and_their_sum_stays_right() -> Result<(), Error> {
    let registry = limited(10, 3);
    for index in 0..100 {
        registry.count("gets", &[("key", &index.to_string())], 1)?;
        registry.count("gets", &[("key", "0")], 1)?;
    }
    let snapshot = registry.snapshot();
    let family = &snapshot.families[0];
    assert_eq!(family.series.len(), 4, "three and the overflow");
    assert_eq!(snapshot.counter("gets", &[("key", "0")]), Some(101));
    assert_eq!(snapshot.counter("gets", &[("overflow", "true")]), Some(97));
    assert_eq!(family.overflowed, 97);
    Ok(())
}

/// I3
#[test]
fn the_thousand_and_first_series_overflows_by_default() -> Result<(), Error> {
    let registry = Registry::new();
    for index in 0..1_001 {
        registry.counter_with("gets", &[("key", &index.to_string())])?;
    }
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.families[0].overflowed, 1);
    assert!(snapshot.counter("gets", &[("overflow", "true")]).is_some());
    Ok(())
}

#[test]
fn a_name_over_the_limit_is_refused_and_counted_and_known_names_go_on() -> Result<(), Error> {
    let registry = limited(2, 10);
    registry.counter("a")?;
    registry.gauge("b")?;
    let refused = registry.timing("c").unwrap_err();
    assert_eq!(
        refused,
        Error::TooManyFamilies {
            name: "c".into(),
            limit: 2
        }
    );
    registry.counter_with("a", &[("tier", "disk")])?.increment();
    assert_eq!(registry.snapshot().families_refused, 1);
    assert_eq!(
        registry.snapshot().counter("a", &[("tier", "disk")]),
        Some(1)
    );
    Ok(())
}
