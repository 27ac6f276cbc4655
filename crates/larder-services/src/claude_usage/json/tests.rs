//! The reader against the standard, and against another reader.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::{Malformed, Reader, Scalar};

fn valid(text: &[u8]) -> bool {
    let read = |mut reader: Reader<'_>| reader.skip().and_then(|()| reader.end());
    Reader::new(text).and_then(read).is_ok()
}

#[test]
fn what_the_standard_allows_is_valid() {
    let texts: [&[u8]; 14] = [
        b"{}",
        b"[]",
        b" { \"a\" : [ 1 , -0.5e+10 , null , true , false , \"x\" ] }\r\n",
        b"0",
        b"-0",
        b"\"\"",
        b"{\"a\":1,\"a\":2}",
        br#""\ud800 alone""#,
        br#"["\u00e9\/\b\f\n\r\t\"\\"]"#,
        b"[[],{},[{}],{\"a\":[]}]",
        b"123456789012345678901234567890123456789012345678901234567890",
        b"1e400",
        "\"\u{7f}轨\"".as_bytes(),
        b"[\t1\t]",
    ];
    for text in texts {
        assert!(valid(text), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn what_the_standard_forbids_is_malformed() {
    let texts: [&[u8]; 27] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"[1,]",
        b"{\"a\":1,}",
        b"{a:1}",
        b"01",
        b"1.",
        b".5",
        b"-",
        b"1e",
        b"+1",
        b"NaN",
        b"Infinity",
        b"nul",
        b"truex",
        b"\"a",
        b"\"\\x\"",
        b"\"\\u12g4\"",
        b"{} {}",
        b"{\"a\" 1}",
        b"[1 2]",
        b"\"tab\tinside\"",
        b"\"\xff\"",
        b"{\"a\":1]",
        b"\"\\",
    ];
    for text in texts {
        assert!(!valid(text), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_million_open_brackets_do_not_overflow_the_stack() {
    let mut text = vec![b'['; 1_000_000];
    assert!(!valid(&text));
    text.extend(vec![b']'; 1_000_000]);
    assert!(valid(&text));
    text.pop();
    assert!(!valid(&text));
}

#[test]
fn nesting_remembers_kinds_across_many_levels() {
    let open = "[{\"a\":".repeat(300);
    let close = "}]".repeat(300);
    assert!(valid(format!("{open}1{close}").as_bytes()));
    let wrong = close.replacen("}]", "]}", 1);
    assert!(!valid(format!("{open}1{wrong}").as_bytes()));
}

#[test]
fn escapes_are_resolved() {
    let mut reader = Reader::new(br#""\u0075\ud83d\ude00\n\ud800x""#).unwrap();
    assert_eq!(
        reader.scalar(),
        Ok(Scalar::Text("u\u{1f600}\n\u{fffd}x".into()))
    );
}

#[test]
fn escaped_keys_are_handed_out_unescaped() {
    let mut reader = Reader::new(br#"{"\u0075sage":1,"b":{"c":[]}}"#).unwrap();
    let mut keys = Vec::new();
    let read = reader.object(|reader, key| {
        keys.push(key.to_vec());
        reader.skip()
    });
    assert_eq!(read, Ok(true));
    assert_eq!(keys, [b"usage".to_vec(), b"b".to_vec()]);
    assert_eq!(reader.end(), Ok(()));
    assert_eq!(Reader::new(b"\xc3(").map(|_| ()), Err(Malformed));
}

/// JSON texts, mostly valid: a few pieces strung together, with a few bytes changed.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        "(null|true|false|0|-1|12\\.5|1e9|-0\\.1E-7)",
        "\"[a-z轨 \t]{0,40}(\\\\[n\"u/\\\\]|\\\\u00e9)?[a-z{}:,]{0,9}\"",
    ];
    let value = leaf.prop_recursive(6, 40, 4, |inner| {
        let member = ("\"[a-z]{0,20}\" ?: ?", inner.clone()).prop_map(|(key, value)| key + &value);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|items| format!("{{{}}}", items.join(" ,"))),
        ]
    });
    let change = (
        any::<prop::sample::Index>(),
        prop::sample::select(b"{}[]\",:\\u0e.- \nx\x01\xc3".to_vec()),
    );
    (value, prop::collection::vec(change, 0..3)).prop_map(|(text, changes)| {
        let mut text = text.into_bytes();
        for (index, byte) in changes {
            let at = index.index(text.len());
            text[at] = byte;
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_another_reader_on_what_is_valid(text in nearly_json()) {
        let other = serde_json::from_slice::<IgnoredAny>(&text).is_ok() && std::str::from_utf8(&text).is_ok();
        prop_assert_eq!(valid(&text), other, "{}", String::from_utf8_lossy(&text));
        let object = Reader::new(&text).is_ok_and(|mut reader| {
            reader.object(|reader, _| reader.scalar().map(drop)).is_ok() && reader.end().is_ok()
        });
        prop_assert_eq!(object, other, "read as an object: {}", String::from_utf8_lossy(&text));
    }
}
