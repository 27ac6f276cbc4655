//! The same for random input. Part of it is put together from what the parsers look for, so that
//! more than the first byte is read.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn bytes(length_max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..length_max)
}

/// What follows magic and format, up to the payload.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let text = || "[a-zü]{0,4}".prop_map(|text| with_length(text.as_bytes()));
    let tags = vec(text(), 0..4);
    let numbers = vec(any::<u8>(), 48..=48);
    (
        any::<u64>(),
        any::<u8>(),
        numbers,
        tags,
        text(),
        any::<u64>(),
    )
        .prop_map(|(checksum, flags, numbers, tags, etag, lookup)| {
            let etag = if flags & 64 == 0 { vec![] } else { etag };
            let lookup = if flags & 128 == 0 {
                vec![]
            } else {
                lookup.to_le_bytes().to_vec()
            };
            [
                &checksum.to_le_bytes()[..],
                &[flags, 0],
                &numbers,
                &[tags.len() as u8],
                &tags.concat(),
                &etag,
                &lookup,
            ]
            .concat()
        })
}

fn with_length(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u16).to_le_bytes(), text].concat()
}

fn is_record(postcard: &[u8]) -> bool {
    let payload = Payload {
        codec: Codec::Postcard,
        packing: Packing::Plain,
        raw_len: postcard.len() as u32,
        bytes: postcard.into(),
    };
    codec::decode::<Record>(&payload).is_ok()
}

proptest! {
    #[test]
    fn a_pattern_matches_what_its_definition_says(pattern in r"[ab*?!^\[\]\\-]{0,12}|\PC{0,20}", text in "[ab]{0,10}|\\PC{0,20}") {
        glob(&pattern, &text);
    }

    #[test]
    fn a_text_is_no_keys_or_that_of_the_key_it_gives(text in r"(None|Some|Home|User|Name|Pair|[0-9a-f-]{1,4}|true|[:\\]){0,9}|\PC{0,30}") {
        key_text(&text);
    }

    #[test]
    fn a_key_comes_back_from_its_text(one in r"[:\\a]{0,8}|\PC{0,9}", other in r"[:\\a]{0,8}", number: u64, bytes in bytes(20)) {
        key(&one, &other, number, &bytes);
    }

    #[test]
    fn an_envelope_is_opened_whole_or_not_at_all(key in "[ab]{0,3}", other in "[ab]{0,3}", fields in fields(), rest in bytes(50), bit: usize) {
        envelope(&key, &other, &rest, bit);
        envelope(&key, &other, &[fields, rest].concat(), bit);
    }

    #[test]
    fn a_value_comes_back_from_every_codec(
        // A record in Postcard: the texts and numbers are short enough for one byte each.
        id in 0..128_u8, name in "[a-z]{0,9}", kind in 0..2_u8, blob in bytes(20), inner in bytes(9), repeats in prop_oneof![9 => 0..200_u16, 1 => 1_000..4_000_u16], damage: (usize, u8),
    ) {
        let kind = &[&[0][..], &[1, 1, b'x']][usize::from(kind)];
        let name = [&[name.len() as u8], name.as_bytes()].concat();
        let blob = [&[blob.len() as u8][..], &blob].concat();
        let bytes = [&[id][..], &name, kind, &blob, &[1, 0], &[1, 5, 8, 1], &[0], &inner].concat();
        prop_assert!(is_record(&bytes));
        encoding(&bytes, 1, repeats, damage);
    }

    #[test]
    fn any_bytes_claim_to_be_a_value_in_vain(bytes in bytes(100), choice: u8, raw_len: u32) {
        decoding(&bytes, choice, raw_len);
    }

    #[test]
    fn an_item_of_the_log_is_read_as_it_was_written(texts in vec(r"\PC{0,6}", 0..5), kind in 0..7_u8, bytes in bytes(30)) {
        log_item_of(&texts.iter().map(|text| &**text).collect::<Vec<_>>());
        log_item(&[&[kind][..], &bytes].concat());
    }
}
