//! First-in-first-out queues of slot numbers, linked through one array, an element a slot.
//!
//! This module must not know what the slots hold.

const NONE: u32 = u32::MAX;

/// A slot's neighbours in its queue. A slot stands in one queue at most.
#[derive(Clone, Copy)]
pub(super) struct Link {
    newer: u32,
    older: u32,
}

impl Link {
    pub(super) const ALONE: Self = Self {
        newer: NONE,
        older: NONE,
    };
}

/// What holds a slot's link.
pub(super) trait Linked {
    fn link(&self) -> Link;
    fn link_mut(&mut self) -> &mut Link;
}

/// A queue, its length, and the weight of what stands in it.
pub(super) struct Queue {
    newest: u32,
    oldest: u32,
    pub(super) len: usize,
    pub(super) weight: u64,
}

impl Queue {
    pub(super) const EMPTY: Self = Self {
        newest: NONE,
        oldest: NONE,
        len: 0,
        weight: 0,
    };

    #[inline]
    pub(super) fn oldest(&self) -> Option<usize> {
        (self.oldest != NONE).then_some(self.oldest as usize)
    }

    #[inline]
    pub(super) fn push(&mut self, links: &mut [impl Linked], slot: usize, weight: u32) {
        *links[slot].link_mut() = Link {
            newer: NONE,
            older: self.newest,
        };
        let number = slot as u32;
        match self.newest {
            NONE => self.oldest = number,
            newest => links[newest as usize].link_mut().newer = number,
        }
        self.newest = number;
        self.len += 1;
        self.weight += u64::from(weight);
    }

    /// Takes `slot`, which must stand in this queue, out of it.
    #[inline]
    pub(super) fn unlink(&mut self, links: &mut [impl Linked], slot: usize, weight: u32) {
        let Link { newer, older } = links[slot].link();
        match newer {
            NONE => self.newest = older,
            newer => links[newer as usize].link_mut().older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => links[older as usize].link_mut().newer = newer,
        }
        self.len -= 1;
        self.weight -= u64::from(weight);
    }

    /// The slots of the queue, oldest first; panics where the links do not agree.
    #[cfg(test)]
    pub(super) fn walk(&self, links: &[impl Linked]) -> Vec<usize> {
        let (mut slots, mut before, mut at) = (Vec::new(), NONE, self.oldest);
        while at != NONE {
            let link = links[at as usize].link();
            assert_eq!(
                link.older, before,
                "the links of slot {at} agree with its neighbour's"
            );
            slots.push(at as usize);
            (before, at) = (at, link.newer);
            assert!(slots.len() <= links.len(), "the queue has an end");
        }
        assert_eq!((before, slots.len()), (self.newest, self.len));
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Linked for Link {
        fn link(&self) -> Link {
            *self
        }

        fn link_mut(&mut self) -> &mut Link {
            self
        }
    }

    #[test]
    fn slots_leave_in_the_order_they_came_wherever_others_are_taken_out() {
        let mut links = [Link::ALONE; 6];
        let mut queue = Queue::EMPTY;
        for slot in [3, 0, 5, 1, 4] {
            queue.push(&mut links, slot, 2);
        }
        queue.unlink(&mut links, 5, 2);
        assert_eq!(queue.walk(&links), [3, 0, 1, 4]);
        queue.unlink(&mut links, 3, 2);
        queue.unlink(&mut links, 4, 2);
        assert_eq!(queue.walk(&links), [0, 1]);
        queue.push(&mut links, 3, 7);
        assert_eq!((queue.walk(&links), queue.weight), (vec![0, 1, 3], 11));
        for slot in [0, 1] {
            queue.unlink(&mut links, slot, 2);
        }
        queue.unlink(&mut links, 3, 7);
        assert_eq!(
            (queue.oldest(), queue.newest, queue.len, queue.weight),
            (None, NONE, 0, 0)
        );
    }
}
