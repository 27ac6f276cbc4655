//! What goes wrong.

use fastrand::Rng;

use super::fake::Fake;
use super::fake::way::{WIRES, Wire};
use super::{NODES, pick};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// A node's connections are lost.
    Lost(usize),
    /// A node has no way to the server for so many milliseconds.
    CutOff(usize, u64),
    /// Nothing comes back on a connection for so many milliseconds.
    Stalled(usize, Wire, u64),
    StalledWhole(usize, u64),
    /// Nothing gets to the server.
    StalledCommands(usize, Wire, u64),
    LostLog,
    /// The server comes back after so many milliseconds with the data that it has now.
    Restarted(u64),
    Emptied,
    /// It stores nothing for so many milliseconds.
    Full(u64),
    /// It does nothing.
    ReadOnly(u64),
    /// A node's link does nothing for so many milliseconds, and its cache goes on.
    Frozen(usize, u64),
    /// Everything stands still.
    Slept(u64),
}

impl Fault {
    pub(super) fn any(random: &mut Rng) -> Self {
        let node = random.usize(..NODES);
        let wire = *pick(random, &WIRES);
        let millis = *pick(random, &[100, 400, 900, 1_500, 3_000]);
        match random.usize(..19) {
            0..=2 => Self::Lost(node),
            3 | 4 => Self::CutOff(node, millis),
            5..=7 => Self::Stalled(node, Wire::Tracker, millis),
            8 => Self::Stalled(node, wire, millis),
            9 => Self::StalledWhole(node, millis),
            10 => Self::StalledCommands(node, wire, millis),
            11 => Self::LostLog,
            12 | 13 => Self::Restarted(random.u64(..5_000)),
            14 => Self::Slept(millis),
            15..=17 => Self::Frozen(node, millis),
            _ => *pick(
                random,
                &[Self::Emptied, Self::Full(millis), Self::ReadOnly(millis)],
            ),
        }
    }

    pub(super) async fn happen(self, fake: &Fake) {
        let until = |millis| fake.now() + millis;
        match self {
            Self::Lost(node) => fake.lose(node),
            Self::CutOff(node, millis) => {
                fake.cut_off(node);
                fake.sleep(millis).await;
                fake.net().nodes[node].is_cut_off = false;
            }
            Self::Stalled(node, wire, millis) => fake.stall(node, wire, millis),
            Self::StalledWhole(node, millis) => fake.stall_all(node, millis),
            Self::StalledCommands(node, wire, millis) => {
                let until = until(millis);
                fake.net().stall_commands(node, wire, until);
            }
            Self::LostLog => fake.lose_log("users", true),
            Self::Restarted(millis) => {
                fake.net().server.dump();
                fake.sleep(millis).await;
                fake.restart();
            }
            Self::Emptied => fake.flush(),
            Self::Full(millis) => {
                fake.net().server.is_full = true;
                fake.sleep(millis).await;
                fake.net().server.is_full = false;
            }
            Self::ReadOnly(millis) => {
                fake.net().server.is_read_only = true;
                fake.sleep(millis).await;
                fake.net().server.is_read_only = false;
            }
            Self::Frozen(node, millis) => {
                let until = until(millis);
                fake.net().nodes[node].frozen_until = until;
            }
            Self::Slept(millis) => fake.jump(millis),
        }
    }
}
