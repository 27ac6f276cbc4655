//! The ghost: 16-bit fingerprints of keys that were put out lately.
//!
//! It is a table of 16-way sets by hash, in each of which the oldest makes room for the newest; so it
//! remembers about as many keys as it was made for, takes two bytes for each, and takes one key in
//! 4,000 for another. It must not know why a key is asked for.

const WAYS: usize = 16;

#[repr(align(32))]
#[derive(Clone, Copy)]
struct Set([u16; WAYS]);

pub(super) struct Ghost {
    sets: Box<[Set]>,
}

impl Ghost {
    /// Remembers nothing.
    pub(super) fn empty() -> Self {
        Self {
            sets: Box::default(),
        }
    }

    /// Room for about `keys`, of which none is remembered yet.
    pub(super) fn with_room_for(keys: usize) -> Self {
        Self {
            sets: vec![Set([0; WAYS]); keys.div_ceil(WAYS)].into(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.sets.is_empty()
    }

    pub(super) fn remember(&mut self, hash: u64) {
        let (set, print) = self.place(hash);
        if let Some(Set(prints)) = self.sets.get_mut(set) {
            let former = *prints;
            prints[0] = print;
            prints[1..].copy_from_slice(&former[..WAYS - 1]);
        }
    }

    /// Whether the key was remembered; it no longer is.
    pub(super) fn forget(&mut self, hash: u64) -> bool {
        let (set, print) = self.place(hash);
        let Some(Set(prints)) = self.sets.get_mut(set) else {
            return false;
        };
        // To look at all of them at once costs less than to stop early.
        let matches = prints.iter().map(|&p| u16::from(p == print)).sum::<u16>();
        if matches == 0 {
            return false;
        }
        let at = prints.iter().take_while(|&&p| p != print).count();
        prints.copy_within(at + 1.., at);
        prints[WAYS - 1] = 0;
        true
    }

    /// The set and the fingerprint, never 0, of a hash: bits that do not choose the shard.
    fn place(&self, hash: u64) -> (usize, u16) {
        let set = ((hash & u64::from(u32::MAX)) * self.sets.len() as u64) >> 32;
        (set as usize, ((hash >> 32) as u16).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(i: u64) -> u64 {
        (i + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            .wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn it_remembers_about_as_many_as_it_has_room_for_and_each_once() {
        let mut ghost = Ghost::with_room_for(1024);
        (0..4096).for_each(|i| ghost.remember(hash(i)));
        let recent = (4096 - 512..4096)
            .filter(|&i| ghost.forget(hash(i)))
            .count();
        assert!(recent > 490, "{recent} of the last 512 are remembered");
        assert!(!ghost.forget(hash(4095)), "once");
        let old = (0..2048).filter(|&i| ghost.forget(hash(i))).count();
        assert!(old < 40, "{old} of the first 2048 are remembered");
    }

    #[test]
    fn an_empty_one_remembers_nothing() {
        let mut ghost = Ghost::empty();
        ghost.remember(7);
        assert!(!ghost.has_room() && !ghost.forget(7));
    }
}
