//! The page's plots, as SVG. Colours are classes of the page's style sheet, and the two sides differ in
//! shape too: dashes and squares against lines and discs.

use std::fmt::Write as _;

use super::html::escaped;
use super::report::{Report, Side};
use super::sections::time;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 28.0;
/// The width of a letter of 13 px, amply.
const LETTER: f64 = 8.0;

/// What the logarithmic axis of latencies reaches over, in milliseconds.
#[derive(Clone, Copy)]
struct Decades {
    low: f64,
    high: f64,
}

impl Decades {
    /// The whole decades that hold the values; those of a millisecond where there are none.
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let logs: Vec<f64> = values.filter(|v| *v > 0.0).map(f64::log10).collect();
        let least = logs.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let most = logs.iter().copied().reduce(f64::max).unwrap_or(0.0);
        let low = least.floor();
        Self {
            low,
            high: most.ceil().max(low + 1.0),
        }
    }

    /// 0 to 1 within the axis.
    fn part(self, ms: f64) -> f64 {
        let log = ms.max(f64::MIN_POSITIVE).log10();
        ((log - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn ticks(self) -> impl Iterator<Item = (f64, String)> {
        let decades = self.low as i32..=self.high as i32;
        decades.map(move |decade| {
            let ms = 10_f64.powi(decade);
            (self.part(ms), time(Some(ms)))
        })
    }
}

/// A picture that grows.
struct Svg(String);

impl Svg {
    fn new(label: &str) -> Self {
        Self(format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(label)
        ))
    }

    /// Lines and their names across, for parts of the axis upwards.
    fn rows(&mut self, ticks: impl Iterator<Item = (f64, String)>) {
        for (part, name) in ticks {
            let (x, y) = (WIDTH - RIGHT, up(part));
            let _ = write!(
                self.0,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{x}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
    }

    /// Names under the axis to the right; what would touch the one before is left out.
    fn columns(&mut self, ticks: impl Iterator<Item = (f64, String)>) {
        let mut taken = f64::MIN;
        for (part, name) in ticks {
            let half = name.chars().count() as f64 * LETTER / 2.0;
            if along(part) - half < taken + LETTER {
                continue;
            }
            taken = along(part) + half;
            let _ = write!(
                self.0,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                along(part),
                HEIGHT - BOTTOM + 18.0
            );
        }
    }

    /// The sides' names above.
    fn names(&mut self, report: &Report) {
        let mut x = LEFT;
        for (class, side) in sides(report) {
            let name = escaped(&side.name);
            let mark = if class == 0 { "■" } else { "●" };
            let _ = write!(
                self.0,
                "<text class=\"name-{class}\" x=\"{x}\" y=\"12\">{mark} {name}</text>"
            );
            x += 104.0;
        }
    }

    fn line(&mut self, class: usize, points: &[(f64, f64)]) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let points = points.join(" ");
        let _ = write!(
            self.0,
            "<polyline class=\"side-{class}\" points=\"{points}\"/>"
        );
    }

    fn dot(&mut self, class: usize, (x, y): (f64, f64), title: &str) {
        let title = escaped(title);
        let _ = if class == 0 {
            let (x, y) = (x - 4.0, y - 4.0);
            write!(
                self.0,
                "<rect class=\"dot-0\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"8\" height=\"8\"><title>{title}</title></rect>"
            )
        } else {
            write!(
                self.0,
                "<circle class=\"dot-{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"><title>{title}</title></circle>"
            )
        };
    }

    fn end(self) -> String {
        self.0 + "</svg>"
    }
}

fn along(part: f64) -> f64 {
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

fn up(part: f64) -> f64 {
    HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
}

/// A side and its colour: what is cached, or alone, has the second.
fn sides(report: &Report) -> impl Iterator<Item = (usize, &Side)> {
    let first = usize::from(report.sides.len() == 1);
    report
        .sides
        .iter()
        .enumerate()
        .map(move |(at, side)| (first + at, side))
}

/// Latency against percentile, the nines spread out as in HDR plots.
pub(super) fn percentiles(report: &Report) -> String {
    let curves = || report.sides.iter().flat_map(|side| &side.percentiles);
    let axis = Decades::around(curves().map(|point| point.ms));
    let nines = |percent: f64| -(1.0 - percent / 100.0).max(1e-9).log10();
    let most = curves()
        .map(|point| nines(point.percent))
        .fold(1.0, f64::max);
    let mut svg = Svg::new("Latency by percentile, logarithmic");
    svg.rows(axis.ticks());
    let named = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999];
    let named = named
        .into_iter()
        .filter(|percent| nines(*percent) <= most + 0.01);
    svg.columns(named.map(|percent| (nines(percent) / most, format!("{percent} %"))));
    svg.names(report);
    for (class, side) in sides(report) {
        let points = side.percentiles.iter();
        let points =
            points.map(|point| (along(nines(point.percent) / most), up(axis.part(point.ms))));
        svg.line(class, &points.collect::<Vec<_>>());
    }
    svg.end()
}

/// The share of requests by latency.
pub(super) fn histogram(report: &Report) -> String {
    let bars = || report.sides.iter().flat_map(|side| &side.histogram);
    let axis = Decades::around(bars().flat_map(|bar| [bar.from_ms, bar.to_ms]));
    let share = |side: &Side, requests: u64| {
        let all: u64 = side.histogram.iter().map(|bar| bar.requests).sum();
        requests as f64 / all.max(1) as f64
    };
    let shares = report.sides.iter().flat_map(|side| {
        let shares = side.histogram.iter().map(|bar| share(side, bar.requests));
        shares.collect::<Vec<_>>()
    });
    let most = shares.fold(0.01, f64::max);
    let mut svg = Svg::new("The share of requests by latency");
    svg.rows(
        [0.0, 0.5, 1.0]
            .into_iter()
            .map(|part| (part, format!("{:.1} %", 100.0 * most * part))),
    );
    svg.columns(axis.ticks());
    svg.names(report);
    for (class, side) in sides(report) {
        for bar in &side.histogram {
            let (left, right) = (along(axis.part(bar.from_ms)), along(axis.part(bar.to_ms)));
            let (top, foot) = (up(share(side, bar.requests) / most), up(0.0));
            let _ = write!(
                svg.0,
                "<rect class=\"area-{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\"><title>{}: {} requests of {} to {}</title></rect>",
                (right - left).max(1.0),
                foot - top,
                escaped(&side.name),
                bar.requests,
                time(Some(bar.from_ms)),
                time(Some(bar.to_ms))
            );
        }
    }
    svg.end()
}

/// The mean latency of each repetition.
pub(super) fn repetitions(report: &Report) -> String {
    let means = |side: &Side| -> Vec<Option<f64>> {
        let means = side
            .repetitions
            .iter()
            .map(|one| Some(one.latency_ms?.mean));
        means.collect()
    };
    let axis = Decades::around(report.sides.iter().flat_map(means).flatten());
    let count = report.repetitions().max(1);
    let place = |at: usize| along((at as f64 + 0.5) / count as f64);
    let mut svg = Svg::new("The mean latency of each repetition, logarithmic");
    svg.rows(axis.ticks());
    let numbers = (0..count).step_by(count.div_ceil(10));
    svg.columns(numbers.map(|at| ((at as f64 + 0.5) / count as f64, (at + 1).to_string())));
    svg.names(report);
    for (class, side) in sides(report) {
        let means: Vec<_> = means(side).into_iter().enumerate().collect();
        let known = means.iter().filter_map(|(at, ms)| Some((*at, (*ms)?)));
        let points: Vec<_> = known
            .map(|(at, ms)| (ms, (place(at), up(axis.part(ms)))))
            .collect();
        svg.line(
            class,
            &points.iter().map(|(_, point)| *point).collect::<Vec<_>>(),
        );
        for (ms, point) in points {
            svg.dot(class, point, &time(Some(ms)));
        }
    }
    svg.end()
}
