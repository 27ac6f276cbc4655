//! A timeline as lines of JSON. Each stands for itself: one that is torn takes no other with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::query::TrackKind;
use super::ring::{COLUMNS_MAX, NOTHING, Row};
use super::series::Kept;
use super::{RESOLUTIONS, Timeline};
use crate::tags::{self, Tags};
use crate::{TagSlice, name};

/// What a file begins with; another version's lines are not understood.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    LarderTimeline {
        version: u32,
    },
    /// A series, before its first point.
    Series {
        id: u32,
        name: String,
        kind: TrackKind,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
    },
    /// Points that ended together: their length in seconds, the number of their step since 1970, and
    /// the figures of each series.
    Points {
        seconds: u64,
        step: u64,
        rows: Vec<Figures>,
    },
}

/// Points that are complete, and not written yet.
#[derive(Default)]
pub(super) struct Fresh(BTreeMap<(usize, u64), Vec<Figures>>);

/// A series by its number, and its figures.
type Figures = (u32, Vec<Option<f32>>);

impl Fresh {
    pub(super) fn add(&mut self, kept: &Kept, level: usize, step: u64, row: &Row) {
        let figures = row[..kept.kind.columns().len()].iter();
        let figures = figures.map(|figure| Some(*figure).filter(|figure| !figure.is_nan()));
        let rows = self.0.entry((level, step)).or_default();
        rows.push((kept.id, figures.collect()));
    }

    pub(super) fn write(self, out: &mut String) {
        for ((level, step), rows) in self.0 {
            let seconds = RESOLUTIONS[level].0;
            write(
                out,
                &Line::Points {
                    seconds,
                    step,
                    rows,
                },
            );
        }
    }
}

/// What a file's first line says that it is.
pub(super) enum Header {
    Ours,
    /// Of another version.
    OfVersion(u32),
    None,
}

pub(super) fn header(line: &[u8]) -> Header {
    match serde_json::from_slice(line) {
        Ok(Line::LarderTimeline { version: VERSION }) => Header::Ours,
        Ok(Line::LarderTimeline { version }) => Header::OfVersion(version),
        _ => Header::None,
    }
}

/// The first line of a file, and those that make its series known.
pub(super) fn head(out: &mut String, timeline: &Timeline) {
    write(out, &Line::LarderTimeline { version: VERSION });
    for kept in &timeline.series {
        series(out, kept);
    }
}

/// The line that makes a series known.
pub(super) fn series(out: &mut String, kept: &Kept) {
    let tags = kept.tags.iter();
    let line = Line::Series {
        id: kept.id,
        name: kept.name.to_string(),
        kind: kept.kind,
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    };
    write(out, &line);
}

/// The steps of a level that have a point, in order. O(points).
pub(super) fn steps(timeline: &Timeline, level: usize) -> Vec<u64> {
    let rings = timeline.series.iter();
    let steps = rings.flat_map(|kept| kept.rings[level].iter(kept.kind.columns().len()));
    let mut steps: Vec<u64> = steps.map(|(step, _)| step).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// The line of one step's points.
pub(super) fn step(out: &mut String, timeline: &Timeline, level: usize, step: u64) {
    let mut fresh = Fresh::default();
    for kept in &timeline.series {
        if let Some(row) = kept.rings[level].get(step, kept.kind.columns().len()) {
            fresh.add(kept, level, step, &row);
        }
    }
    fresh.write(out);
}

fn write(out: &mut String, line: &Line) {
    out.push_str(&serde_json::to_string(line).expect("its keys are strings"));
    out.push('\n');
}

/// Reads the lines behind the first into a timeline.
#[derive(Default)]
pub(super) struct Reader {
    /// Where the series are that the file calls so.
    places: HashMap<u32, usize>,
    /// Lines that could not be used.
    pub(super) skipped: u64,
}

impl Reader {
    pub(super) fn take(&mut self, line: &[u8], timeline: &mut Timeline) {
        let is_used = serde_json::from_slice(line).is_ok_and(|line| self.use_line(line, timeline));
        self.skipped += u64::from(!is_used);
    }

    fn use_line(&mut self, line: Line, timeline: &mut Timeline) -> bool {
        match line {
            Line::LarderTimeline { .. } => return false,
            Line::Series {
                id,
                name,
                kind,
                tags,
            } => {
                let tags: Vec<_> = tags.iter().map(|(key, value)| (&**key, &**value)).collect();
                let place = place(timeline, &name, &tags, kind);
                self.places.extend(place.map(|place| (id, place)));
                return place.is_some();
            }
            Line::Points {
                seconds,
                step,
                rows,
            } => {
                let level = RESOLUTIONS.iter().position(|(own, _)| *own == seconds);
                let Some(level) = level.filter(|level| *level > 0) else {
                    return false;
                };
                for (id, figures) in rows {
                    self.point(timeline, level, step, id, &figures);
                }
            }
        }
        true
    }

    fn point(
        &self,
        timeline: &mut Timeline,
        level: usize,
        step: u64,
        id: u32,
        figures: &[Option<f32>],
    ) {
        let Some(&place) = self.places.get(&id) else {
            return;
        };
        let kept = &mut timeline.series[place];
        if figures.len() == kept.kind.columns().len() {
            let mut row = NOTHING;
            for (own, figure) in row[..COLUMNS_MAX.min(figures.len())]
                .iter_mut()
                .zip(figures)
            {
                *own = figure.unwrap_or(f32::NAN);
            }
            kept.push(level, step, &row);
        }
    }
}

/// The place of a series that the file names, if the name is one and there is room.
fn place(
    timeline: &mut Timeline,
    name: &str,
    tags: TagSlice<'_>,
    kind: TrackKind,
) -> Option<usize> {
    name::check(name).ok()?;
    let tags = Tags::of(&tags::check(tags).ok()?);
    timeline.place(&Arc::from(name), &tags, kind, f64::NEG_INFINITY)
}
