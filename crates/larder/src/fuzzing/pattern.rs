//! The definition of patterns, written to be read: all positions that each part can lead to. Knows
//! nothing of the matcher that it is compared with.

pub(super) enum Part {
    Any,
    One(Box<dyn Fn(char) -> bool>),
}

/// The parts of a pattern; `None` if it is none, however long it is.
pub(super) fn parse(pattern: &str) -> Option<Vec<Part>> {
    let characters: Vec<char> = pattern.chars().collect();
    let (mut parts, mut rest) = (Vec::new(), &characters[..]);
    while let [first, after @ ..] = rest {
        rest = after;
        parts.push(match (first, after) {
            ('*', _) => Part::Any,
            ('?', _) => Part::One(Box::new(|_| true)),
            ('\\', [literal, after @ ..]) => {
                rest = after;
                literal_part(*literal)
            }
            ('[', _) => {
                let (part, after) = set(after)?;
                rest = after;
                part
            }
            ('\\' | ']', _) => return None,
            (literal, _) => literal_part(*literal),
        });
    }
    (!parts.is_empty()).then_some(parts)
}

fn literal_part(literal: char) -> Part {
    Part::One(Box::new(move |character| character == literal))
}

fn set(rest: &[char]) -> Option<(Part, &[char])> {
    let (is_negated, mut rest) = match rest {
        ['!' | '^', after @ ..] => (true, after),
        _ => (false, rest),
    };
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let (first, after) = match rest {
            [']', after @ ..] if !ranges.is_empty() => {
                let takes = move |c| ranges.iter().any(|(a, b)| *a <= c && c <= *b) != is_negated;
                return Some((Part::One(Box::new(takes)), after));
            }
            ['\\'] | [] => return None,
            ['\\', literal, after @ ..] | [literal, after @ ..] => (*literal, after),
        };
        rest = match after {
            ['-', ']', ..] | ['-'] => {
                ranges.push((first, first));
                after
            }
            ['-', last, after @ ..] => {
                ranges.push((first, *last));
                after
            }
            _ => {
                ranges.push((first, first));
                after
            }
        };
    }
}

/// Whether the parts match the whole text.
pub(super) fn matches(parts: &[Part], text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let mut reached = vec![false; characters.len() + 1];
    reached[0] = true;
    for part in parts {
        let mut next = vec![false; reached.len()];
        for at in (0..reached.len()).filter(|at| reached[*at]) {
            match part {
                Part::Any => next[at..].fill(true),
                Part::One(takes) => {
                    if characters
                        .get(at)
                        .is_some_and(|character| takes(*character))
                    {
                        next[at + 1] = true;
                    }
                }
            }
        }
        reached = next;
    }
    reached[characters.len()]
}
