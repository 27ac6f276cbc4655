//! A cluster as one of its nodes sees it: the answer to `CLUSTER NODES`.

/// What one node believes.
#[derive(Debug)]
pub(super) struct View {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    id: String,
    /// Whether it is the node that was asked.
    is_this: bool,
    /// None if it is a primary itself.
    primary: Option<String>,
    epoch: u64,
    slots: Vec<(u16, u16)>,
}

impl View {
    /// Lines that say something else are left out.
    pub(super) fn parse(text: &str) -> Self {
        let nodes = text.lines().filter_map(Node::parse).collect();
        Self { nodes }
    }

    /// The slot's owner, with the epoch of its claim.
    pub(super) fn owner(&self, slot: u16) -> Option<(u64, String)> {
        let owns = |node: &&Node| {
            let mut slots = node.slots.iter();
            slots.any(|(first, last)| (*first..=*last).contains(&slot))
        };
        let owner = self.nodes.iter().find(owns)?;
        Some((owner.epoch, owner.id.clone()))
    }

    /// All ranges and their owners, in order.
    pub(super) fn into_owners(self) -> Vec<(u16, u16, String)> {
        let ranges = self.nodes.into_iter().flat_map(|node| {
            let slots = node.slots.into_iter();
            slots.map(move |(first, last)| (first, last, node.id.clone()))
        });
        let mut owners: Vec<_> = ranges.collect();
        owners.sort_unstable();
        owners
    }

    /// The primary of the node that was asked; none if it is one itself.
    pub(super) fn primary_of_this(&self) -> Option<&String> {
        let this = self.nodes.iter().find(|node| node.is_this)?;
        this.primary.as_ref()
    }
}

impl Node {
    /// `id addr flags primary ping pong epoch link slots…`; a slot that is
    /// being moved stands in brackets besides.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [id, _, flags, primary, _, _, epoch, _, slots @ ..] = words.as_slice() else {
            return None;
        };
        Some(Self {
            id: (*id).to_owned(),
            is_this: flags.split(',').any(|flag| flag == "myself"),
            primary: (*primary != "-").then(|| (*primary).to_owned()),
            epoch: epoch.parse().ok()?,
            slots: slots
                .iter()
                .filter_map(|range| parse_range(range))
                .collect(),
        })
    }
}

fn parse_range(range: &str) -> Option<(u16, u16)> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "\
aa 127.0.0.1:7000@17000,, myself,slave bb 0 1 3 connected
bb 127.0.0.1:7001@17001,, master - 0 1 3 connected 0-5460 7000 [7000->-cc]
cc 127.0.0.1:7002@17002,, master,fail - 0 1 2 disconnected 5461-6999 7001-16383
";

    #[test]
    fn a_view_names_owners_and_the_primary_of_the_node_that_was_asked() {
        let view = View::parse(NODES);
        assert_eq!(view.owner(7000), Some((3, "bb".to_owned())));
        assert_eq!(view.owner(5461), Some((2, "cc".to_owned())));
        assert_eq!(view.primary_of_this().map(String::as_str), Some("bb"));
        assert_eq!(view.into_owners()[2], (7000, 7000, "bb".to_owned()));
        assert_eq!(View::parse("garbage\n").owner(0), None);
    }
}
