//! A key comes back from its text, no two keys share one, and prefixes of tuples mean what they say.

use std::fmt::{self, Debug, Display};
use std::net::{IpAddr, Ipv6Addr, SocketAddrV4};
use std::str::FromStr;
use std::sync::Arc;

use larder::{AnyCache, Cache, CacheKey, Scope};
use proptest::prelude::*;

/// Strings that a text of several parts could be confused by.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [":", "\\", "\\:", "\\\\", "", "a", "None", "Some:", "ä", "*"];
    let pieces = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..6);
    prop_oneof![pieces.prop_map(|pieces| pieces.concat()), any::<String>()]
}

type Nested = ((String, u8), Option<String>, Arc<str>, (Vec<u8>, [u8; 2]));

fn nested() -> impl Strategy<Value = Nested> {
    let inner = (hostile(), any::<u8>());
    let bytes = (prop::collection::vec(any::<u8>(), 0..3), any::<[u8; 2]>());
    let last = hostile().prop_map(Arc::from);
    (inner, prop::option::of(hostile()), last, bytes)
}

fn comes_back<K: CacheKey + Debug>(key: &K) {
    let text = key.to_text();
    assert_eq!(K::from_text(&text).as_ref(), Some(key), "{text}");
}

proptest! {
    #[test]
    fn a_nested_key_comes_back_from_its_text(key in nested()) {
        comes_back(&key);
    }

    #[test]
    fn keys_that_differ_have_texts_that_differ(
        one in (hostile(), hostile()),
        other in (hostile(), hostile()),
        nested in (nested(), nested()),
    ) {
        prop_assert_eq!(one == other, one.to_text() == other.to_text());
        prop_assert_eq!(nested.0 == nested.1, nested.0.to_text() == nested.1.to_text());
    }

    #[test]
    fn a_text_that_is_read_is_the_one_that_is_written(text in hostile()) {
        fn check<K: CacheKey>(text: &str) {
            if let Some(key) = K::from_text(text) {
                assert_eq!(key.to_text(), text);
            }
        }
        check::<(String, String)>(&text);
        check::<(Option<String>, String, String)>(&text);
        check::<Vec<u8>>(&text);
        check::<Page<String>>(&text);
    }

    #[test]
    fn a_tuples_prefix_is_that_of_the_keys_with_its_first_elements_alone(
        one in (hostile(), hostile()),
        other in (hostile(), hostile()),
    ) {
        let prefix = (one.0.clone(), String::new());
        let has_prefix = other.to_text().starts_with(&*prefix.to_text());
        prop_assert_eq!(has_prefix, one.0 == other.0);
    }

    #[test]
    fn a_derived_key_comes_back_and_shares_its_text_with_no_other(
        one in page(),
        other in page(),
    ) {
        comes_back(&one);
        prop_assert_eq!(one == other, one.to_text() == other.to_text());
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, CacheKey)]
struct UserId(u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash, CacheKey)]
enum Page<T> {
    Home,
    Empty {},
    Named(T),
    Search { words: T, page: Option<u8> },
    Peer(#[cache_key(display)] SocketAddrV4, UserId),
    r#Raw(Box<str>),
}

fn page() -> impl Strategy<Value = Page<String>> {
    prop_oneof![
        Just(Page::Home),
        Just(Page::Empty {}),
        hostile().prop_map(Page::Named),
        (hostile(), any::<Option<u8>>()).prop_map(|(words, page)| Page::Search { words, page }),
        (any::<(u32, u16)>(), any::<u64>()).prop_map(|((address, port), user)| {
            Page::Peer(SocketAddrV4::new(address.into(), port), UserId(user))
        }),
        hostile().prop_map(|name| Page::Raw(name.into())),
    ]
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, CacheKey)]
struct Everything;

#[derive(Clone, Debug, PartialEq, Eq, Hash, CacheKey)]
struct Digest<const N: usize> {
    bytes: [u8; N],
    r#type: char,
}

/// Written in its own way: `major.minor`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, CacheKey)]
#[cache_key(display)]
struct Release {
    major: u32,
    minor: u32,
}

impl Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Release {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        let number = |text: &str| text.parse().map_err(drop);
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

#[test]
fn texts_are_as_documented() {
    fn check<K: CacheKey + Debug>(key: &K, text: &str) {
        assert_eq!(key.to_text(), text);
        comes_back(key);
    }
    let loopback = IpAddr::from(Ipv6Addr::LOCALHOST);
    check(&("eu".to_string(), 7_u64), "eu:7");
    check(&(true, 'x', -1_i8, loopback), r"true:x:-1:\:\:1");
    check(&(1_u8, 2_u8, 3_u8, 4_u8, 5_u8), "1:2:3:4:5");
    check(&(1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8), "1:2:3:4:5:6");
    check(&Some("a:b".to_string()), r"Some:a\:b");
    check(&None::<String>, "None");
    check(&vec![0_u8, 0xab, 0xff], "00abff");
    check(&UserId(7), "7");
    check(&Page::<String>::Home, "Home");
    check(&Page::Named("a:b".to_string()), r"Named:a\:b");
    check(&Page::<String>::Raw("x".into()), "Raw:x");
    check(&Everything, "Everything");
    let digest = Digest {
        bytes: [1, 2],
        r#type: ':',
    };
    check(&digest, r"0102:\:");
    check(&Release { major: 1, minor: 2 }, "1.2");
}

#[test]
fn a_text_that_only_resembles_a_keys_is_none() {
    fn check<K: CacheKey>(texts: &[&str]) {
        for text in texts {
            assert!(K::from_text(text).is_none(), "{text:?}");
        }
    }
    check::<u64>(&["", "007", "+7", " 7", "7 "]);
    check::<(String, u64)>(&[
        "", "eu", "eu:", "eu:7:", "eu:7:8", r"e\u:7", r"eu\:7", r"eu:7\",
    ]);
    check::<Option<u64>>(&["", "none", "Some", "Some:", "Some:7:8", "7"]);
    check::<Vec<u8>>(&["a", "0A", "0g", "0x", "ä", "+1"]);
    check::<[u8; 2]>(&["", "00", "000000"]);
    check::<UserId>(&["UserId:7", "07"]);
    check::<Page<String>>(&[
        "",
        "home",
        "Home:",
        "Empty:x",
        "Named",
        "Named:a:b",
        "Search:a",
    ]);
    check::<Everything>(&["", "Everything:"]);
    check::<Release>(&["1", "01.2", "1.2.3"]);
}

#[tokio::test]
async fn a_prefix_of_a_tuple_invalidates_the_keys_with_its_first_elements() {
    let cache = Cache::<(String, u64, String), u64>::builder("tuples")
        .build()
        .unwrap();
    let key = |region: &str, user, page: &str| (region.to_owned(), user, page.to_owned());
    let (hit, longer, nested) = (key("eu", 7, "a"), key("eu", 77, "a"), key("eu:7", 7, "a"));
    for key in [&hit, &longer, &nested] {
        cache.insert(key.clone(), 1).await.unwrap();
    }
    let prefix = key("eu", 7, "");
    cache.invalidate_prefix(&prefix.to_text()).await.unwrap();
    let held = [&hit, &longer, &nested].map(|key| cache.peek(key).is_some());
    assert_eq!(held, [false, true, true]);
}

#[tokio::test]
async fn a_tool_names_a_tuple_by_its_text() {
    let cache = Cache::<(String, u64), u64>::builder("tuples")
        .build()
        .unwrap();
    let key = ("a:b".to_owned(), 7);
    cache.insert(key.clone(), 1).await.unwrap();
    let shared: &dyn AnyCache = &cache;
    let listed = shared.entries("", 10).remove(0).key;
    assert_eq!(listed, r"a\:b:7");
    shared.invalidate(Scope::Key(&listed)).await.unwrap();
    assert_eq!(cache.peek(&key), None);
}

#[test]
fn shared_and_boxed_strings_are_looked_up_by_str() {
    let shared = larder::sync::Cache::<Arc<str>, u64>::builder("shared")
        .build()
        .unwrap();
    let boxed = larder::sync::Cache::<Box<str>, u64>::builder("boxed")
        .build()
        .unwrap();
    let loaded = |_: &Arc<str>| Ok::<_, fmt::Error>(1_u64);
    assert_eq!(shared.get_or_load("apple", loaded).unwrap(), 1);
    assert_eq!(shared.peek("apple"), Some(1));
    boxed.insert("apple".into(), 2).unwrap();
    assert_eq!(boxed.peek("apple"), Some(2));
    shared.invalidate("apple").unwrap();
    assert_eq!(shared.peek("apple"), None);
}
