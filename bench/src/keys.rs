//! Streams of numbers to make keys of, the same in each run.

/// A small generator of even random numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number under `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All alike.
    Uniform,
    /// By Zipf's law with exponent 0.99: few often, many seldom.
    Zipf,
}

/// `count` numbers under `end`.
pub fn numbers(spread: Spread, end: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::seeded(seed);
    match spread {
        Spread::Uniform => (0..count).map(|_| random.below(end)).collect(),
        Spread::Zipf => {
            let sums = zipf_sums(end);
            // Popularity is scattered over the numbers, so that popular keys are no neighbours.
            let places = shuffled(end, &mut random);
            let total = sums[end - 1];
            let mut draw = || {
                let drawn = random.fraction() * total;
                places[sums.partition_point(|&sum| sum < drawn).min(end - 1)]
            };
            (0..count).map(|_| draw()).collect()
        }
    }
}

fn zipf_sums(end: usize) -> Vec<f64> {
    let weight = |rank: usize| (rank as f64).powf(-0.99);
    (1..=end)
        .map(weight)
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}

fn shuffled(end: usize, random: &mut Random) -> Vec<usize> {
    let mut places: Vec<usize> = (0..end).collect();
    for i in (1..end).rev() {
        places.swap(i, random.below(i + 1));
    }
    places
}
