//! A namespace's log as the server keeps it. Knows no items but that which stands for all.

use std::collections::BTreeMap;

use larder::remote::{LogNews, LogPlace};

/// What a log keeps before its older half becomes its floor.
const LOG_MAX: usize = 4_096;
/// [`larder`]'s item that stands for all.
const ALL: [u8; 1] = [0];

#[derive(Clone, Default)]
pub(super) struct Log {
    pub(super) base: u64,
    pub(super) top: u64,
    pub(super) floor: u64,
    pub(super) items: BTreeMap<u64, Vec<u8>>,
}

impl Log {
    /// Another life of the data is another log.
    pub(super) fn place(&self, life: u64) -> LogPlace {
        LogPlace {
            base: self.base << 16 | life,
            top: self.top,
        }
    }

    pub(super) fn add(&mut self, item: Vec<u8>) {
        self.top += 1;
        if item == ALL {
            self.items.clear();
            self.floor = self.top;
        } else {
            self.items.insert(self.top, item);
        }
        if self.items.len() + 2 > LOG_MAX
            && let Some(&last) = self.items.keys().nth(LOG_MAX / 2 - 1)
        {
            self.items = self.items.split_off(&(last + 1));
            self.floor = last;
        }
    }

    pub(super) fn since(&self, life: u64, known: Option<LogPlace>) -> LogNews {
        let place = self.place(life);
        let since = known.filter(|known| {
            known.base == place.base && known.top <= place.top && known.top >= self.floor
        });
        let from = since.map_or(0, |known| known.top) + 1;
        LogNews {
            place,
            floor: self.floor,
            is_whole: since.is_none(),
            items: self
                .items
                .range(from..)
                .map(|(number, item)| (*number, item.clone()))
                .collect(),
            traces: Vec::new(),
        }
    }
}
