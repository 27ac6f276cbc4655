//! Which of a cluster's slots a name lies in, and which node has it.
//!
//! Must not know connections.

/// A cluster divides its names into so many slots.
pub(crate) const SLOTS: u16 = 16_384;
/// Nobody's.
const NOBODY: u16 = u16::MAX;

/// The slot of a name: CRC16 (XMODEM) of what stands in its first braces, or of all of it if they are
/// empty or missing.
pub(crate) fn slot_of(name: &[u8]) -> u16 {
    let open = name.iter().position(|byte| *byte == b'{');
    let inner = open.and_then(|open| {
        let rest = &name[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(inner.unwrap_or(name)) % SLOTS
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let at = usize::from((crc >> 8) as u8 ^ byte);
        crc << 8 ^ CRC16[at]
    })
}

const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let carries = crc & 0x8000 != 0;
            crc <<= 1;
            if carries {
                crc ^= 0x1021;
            }
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Which node has which slot, by the nodes' places in their generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slots(Box<[u16]>);

impl Slots {
    /// All are nobody's.
    pub(crate) fn nobodys() -> Self {
        Self(vec![NOBODY; usize::from(SLOTS)].into())
    }

    pub(crate) fn of(&self, slot: u16) -> Option<usize> {
        let node = self.0[usize::from(slot % SLOTS)];
        (node != NOBODY).then_some(usize::from(node))
    }

    pub(crate) fn give(&mut self, slot: u16, node: usize) {
        self.0[usize::from(slot % SLOTS)] = node as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the CRC, and slots as `CLUSTER KEYSLOT` gives them.
    #[test]
    fn a_name_lies_in_the_slot_that_the_server_says() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot_of(b""), 0);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"{a}anything"), 15_495);
        assert_eq!(slot_of(b"x{a}{b}"), 15_495);
        assert_eq!(slot_of(b"{}foo"), crc16(b"{}foo") % SLOTS);
        assert_eq!(slot_of(b"{foo"), crc16(b"{foo") % SLOTS);
    }

    #[test]
    fn an_entry_and_its_lease_share_a_slot() {
        let keys = crate::keys::Keys::new("tc", 1);
        for key in ["7", "", "a}b", "{x}", "ü"] {
            let (entry, lease) = (keys.entry("users", key), keys.lease("users", key));
            assert_eq!(
                slot_of(entry.as_bytes()),
                slot_of(lease.as_bytes()),
                "{key}"
            );
        }
    }
}
