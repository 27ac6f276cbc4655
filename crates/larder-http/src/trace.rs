//! Which trace a request belongs to (W3C Trace Context). What is traced is not known here.

use axum::http::HeaderMap;

/// The trace that `traceparent` names; 0 if there is none, or the header is not well formed.
pub(crate) fn id(headers: &HeaderMap) -> u128 {
    let header = headers.get("traceparent");
    let header = header.and_then(|header| header.to_str().ok());
    header.and_then(read).unwrap_or(0)
}

/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
fn read(text: &str) -> Option<u128> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        part.len() == length && part.bytes().all(digit)
    };
    let parts = [(version, 2), (trace, 32), (span, 16), (flags, 2)];
    let is_good = parts.into_iter().all(|(part, length)| is_hex(part, length)) && version != "ff";
    is_good.then(|| u128::from_str_radix(trace, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_header_that_is_not_well_formed_names_no_trace() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let id = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
        assert_eq!(read(good), Some(id));
        assert_eq!(
            read(&format!("{}-more", good.replacen("00", "cc", 1))),
            Some(id)
        );
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
