//! Subjects run in turns, and the ratios between them.

use std::sync::Barrier;
use std::time::Instant;

/// Works through some inputs and says for how many of them it found something.
pub type Work<'a, I> = dyn Fn(&[I]) -> usize + Sync + 'a;

/// Something that is measured.
pub struct Subject<'a, I> {
    /// What the table calls it.
    pub name: &'static str,
    /// What is timed.
    pub run: Box<Work<'a, I>>,
}

impl<'a, I> Subject<'a, I> {
    /// A subject whose `each` is called on every input.
    pub fn new(name: &'static str, each: impl Fn(&I) -> bool + Sync + 'a) -> Self {
        let run = move |inputs: &[I]| inputs.iter().filter(|input| each(input)).count();
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// What the rounds gave for a subject.
pub struct Measured {
    /// The subject's name.
    pub name: &'static str,
    /// Nanoseconds for each operation of a thread, a round each.
    pub nanos: Vec<f64>,
    /// The share of operations that returned true in the last round.
    pub found: f64,
}

/// Runs each subject once a round, in an order that turns, on as many threads as there are `inputs`.
pub fn rounds<I: Sync>(
    subjects: &[Subject<'_, I>],
    inputs: &[&[I]],
    rounds: usize,
) -> Vec<Measured> {
    let mut measured: Vec<Measured> = subjects
        .iter()
        .map(|s| Measured {
            name: s.name,
            nanos: Vec::new(),
            found: 0.0,
        })
        .collect();
    for round in 0..=rounds {
        for turn in 0..subjects.len() {
            let at = (turn + round) % subjects.len();
            let (nanos, found) = once(&subjects[at], inputs);
            // The first round warms up.
            if round > 0 {
                measured[at].nanos.push(nanos);
                measured[at].found = found;
            }
        }
    }
    measured
}

/// As [`rounds`], with subjects that each round makes anew, in an order that turns too: so each has every
/// place in the heap once, which may be worth more than the differences that are looked for.
pub fn rounds_anew<'a, I: Sync>(
    make: &[Box<dyn Fn() -> Subject<'a, I> + 'a>],
    inputs: &[&[I]],
    rounds: usize,
) -> Vec<Measured> {
    let mut measured: Vec<Measured> = Vec::new();
    for round in 0..rounds {
        let order: Vec<usize> = (0..make.len())
            .map(|turn| (turn + round) % make.len())
            .collect();
        let mut subjects: Vec<_> = order.iter().map(|at| (*at, make[*at]())).collect();
        subjects.sort_by_key(|(at, _)| *at);
        if measured.is_empty() {
            measured.extend(subjects.iter().map(|(_, subject)| Measured {
                name: subject.name,
                nanos: Vec::new(),
                found: 0.0,
            }));
        }
        // The first time warms up.
        for is_timed in [false, true] {
            for at in &order {
                let (nanos, found) = once(&subjects[*at].1, inputs);
                if is_timed {
                    measured[*at].nanos.push(nanos);
                    measured[*at].found = found;
                }
            }
        }
    }
    measured
}

fn once<I: Sync>(subject: &Subject<'_, I>, inputs: &[&[I]]) -> (f64, f64) {
    let start = Barrier::new(inputs.len());
    let timed = |inputs: &[I]| {
        start.wait();
        let started = Instant::now();
        let found = std::hint::black_box((subject.run)(inputs));
        (
            started.elapsed().as_nanos() as f64 / inputs.len() as f64,
            found as f64 / inputs.len() as f64,
        )
    };
    let threads: Vec<(f64, f64)> = std::thread::scope(|scope| {
        let others: Vec<_> = inputs[1..]
            .iter()
            .map(|inputs| scope.spawn(|| timed(inputs)))
            .collect();
        let first = timed(inputs[0]);
        others
            .into_iter()
            .map(|t| t.join().expect("a subject does not panic"))
            .chain([first])
            .collect()
    });
    let mean =
        |of: fn(&(f64, f64)) -> f64| threads.iter().map(of).sum::<f64>() / threads.len() as f64;
    (mean(|thread| thread.0), mean(|thread| thread.1))
}

/// The middle one of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let sorted = sorted(figures);
    sorted[sorted.len() / 2]
}

/// The 95 % interval of the median, by order statistics; of few figures, their extremes.
pub fn interval(figures: &[f64]) -> (f64, f64) {
    let sorted = sorted(figures);
    let n = sorted.len() as f64;
    let low = ((n - 1.96 * n.sqrt()) / 2.0).floor().max(0.0) as usize;
    (sorted[low], sorted[sorted.len() - 1 - low])
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Prints a table: for each subject its time, and how many times that of the first it is.
pub fn print(title: &str, measured: &[Measured]) {
    println!("\n{title}");
    println!("| subject | ns | found | × the first | 95 % |\n|---|--:|--:|--:|---|");
    let first = &measured[0];
    for m in measured {
        let ratios: Vec<f64> = m
            .nanos
            .iter()
            .zip(&first.nanos)
            .map(|(nanos, first)| nanos / first)
            .collect();
        let (low, high) = interval(&ratios);
        let (nanos, ratio) = (median(&m.nanos), median(&ratios));
        println!(
            "| {} | {nanos:.1} | {:.3} | {ratio:.2} | {low:.2} to {high:.2} |",
            m.name, m.found
        );
    }
}
