//! Document 1: context read through memory from an RPC, which is the embedded knowledge base, and the same
//! after a wait as long as the document's RPC took.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use larder::{Clock, Tiers};
use larder_services::assistant_context::{
    AssistantContext, Closing, Fetching, Knowledge, Options, Question, Rpc, Running,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::front::{self, Front};
use super::table::Section;
use super::timing::{Pair, bytes, each_awaited, mean, median, seconds, spread, whole};

/// The document's mean of a call.
const CALL: Duration = Duration::from_micros(285_600);
/// Between the two calls of the document's tester.
const PAUSE: Duration = Duration::from_millis(200);
/// As many questions as the document's example missed, asked as often as it was asked.
const QUESTIONS: [&str; 8] = [
    "how to use reverb in mixing",
    "compression techniques for vocals",
    "how to equalize a muddy mix",
    "how to make kick and bass fit together",
    "how loud should a master be for streaming",
    "how to record an acoustic guitar",
    "what does a delay do for a lead",
    "how wide should a mix be",
];
const REQUESTS: usize = 50;
const CALLS: usize = 10_000;

/// The knowledge base, as far away as the document's.
struct FarAway(Arc<Knowledge>);

impl Rpc for FarAway {
    fn name(&self) -> &'static str {
        "the knowledge base, after a wait"
    }

    fn fingerprint(&self) -> u64 {
        self.0.fingerprint()
    }

    fn fetch<'a>(&'a self, question: &'a Question) -> Fetching<'a> {
        Box::pin(async move {
            tokio::time::sleep(CALL).await;
            self.0.fetch(question).await
        })
    }

    fn close(&self) -> Closing<'_> {
        self.0.close()
    }
}

pub(super) fn measure(
    runtime: &Runtime,
    directory: &Path,
    rounds: usize,
) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "1 · assistant_context: tiered read-through",
        "The embedded knowledge base as the RPC, and, where the row says so, after a wait of 285.6 ms, which is what \
         the document's took. Requests over loopback, one at a time.",
    );
    let near = House::start(runtime, &directory.join("near.db"), false)?;
    let (first, again) = near.tested(rounds * 5, Duration::ZERO)?;
    let here = Pair {
        without: median(first),
        with: median(again),
    };
    let here = format!("{here}. {}", near.front.overhead(rounds)?);
    let how = "a question new to the cache → the same again; RPC in the process, so there is little to save";
    section.row(
        "POST /codette/chat",
        "278.45 ms → 42.89 ms, 6.49×",
        here,
        how,
    );
    let question = Question::new(QUESTIONS[0], None);
    let hit = runtime.block_on(each_awaited(CALLS, async || {
        front::answered(near.service.context(&question).await).map(drop)
    }))?;
    section.row(
        "a hit in memory",
        "~5–10 µs",
        seconds(hit),
        "in the process, without HTTP",
    );
    let why = "needs a server: the bench `remote` measures one, and the README has its figures";
    section.row("a hit in Redis", "~50–100 µs", "–", why);
    runtime.block_on(near.running.stop());

    let far = House::start(runtime, &directory.join("far.db"), true)?;
    let (first, again) = far.tested(5, PAUSE)?;
    let how = "the tester: 5 questions, 200 ms, the same again; with the wait";
    section.row(
        "average first → cached call",
        "278.45 ms → 42.89 ms, 6.49×",
        pair(&first, &again),
        how,
    );
    let here = format!("{}; {}", seconds(spread(&first)), seconds(spread(&again)));
    section.row(
        "standard deviation, first; cached",
        "18.92 ms; 5.34 ms",
        here,
        "the same",
    );
    far.front.post("/codette/cache/clear", &json!({}))?;
    runtime.block_on(far.running.stop());
    example(runtime, directory, &mut section)?;
    Ok(section)
}

/// The document's example, 42 hits and 8 misses, as the service itself accounts for it.
fn example(runtime: &Runtime, directory: &Path, section: &mut Section) -> anyhow::Result<()> {
    let far = House::start(runtime, &directory.join("example.db"), true)?;
    for request in 0..REQUESTS {
        far.chat(QUESTIONS[request % QUESTIONS.len()])?;
    }
    let metrics = far.front.json("/codette/cache/metrics")?;
    let all = &metrics["performance_dashboard"];
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let times = &all["average_latency_comparison"];
    let gain = number(&times["uncached_response_ms"]) / number(&times["cached_response_ms"]);
    let mut how = "50 requests for 8 questions; as /codette/cache/metrics tells it, with the wait";
    let ms = |value: &Value| seconds(number(value) / 1e3);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for (what, document, here) in [
        ("hit rate", "84.0 %", text(&all["cache_hit_rate"])),
        (
            "mean time of a hit",
            "45.2 ms",
            ms(&times["cached_response_ms"]),
        ),
        (
            "mean time of a miss",
            "285.6 ms",
            ms(&times["uncached_response_ms"]),
        ),
        ("gain", "6.31×", format!("{}×", whole(gain))),
        (
            "saved by a hit",
            "240.4 ms",
            ms(&times["time_saved_per_hit_ms"]),
        ),
        (
            "saved by 42 hits",
            "10,096.8 ms",
            ms(&all["cumulative_time_saved"]["total_ms"]),
        ),
    ] {
        section.row(what, document, here, how);
        how = "the same";
    }
    let efficiency = &all["cache_efficiency"];
    let here = format!(
        "{} for {} entries",
        bytes(number(&efficiency["estimated_memory_mb"]) * 1e6),
        efficiency["memory_entries"]
    );
    let how = "the entries' weight; the document multiplied their number by 4 kB";
    section.row("memory", "48 kB for 12 entries; target < 100 MB", here, how);
    let how = "the document's expectation for memory alone; the rows above are its example";
    let expected = "60–80 % hits, hit 40–60 ms, miss 250–400 ms, 4× to 10×";
    section.row("expected, memory only", expected, "see above", how);
    let expected = "75–95 % hits, hit 50–100 ms, 3× to 8×";
    section.row(
        "expected, with Redis",
        expected,
        "–",
        "needs a server; see the README",
    );
    runtime.block_on(far.running.stop());
    Ok(())
}

struct House {
    service: AssistantContext,
    running: Running,
    front: Front,
}

impl House {
    fn start(runtime: &Runtime, file: &Path, is_far: bool) -> anyhow::Result<Self> {
        let gateway = front::gateway();
        let url = format!("sqlite:{}", file.display());
        // It connects when it is first asked, and yet wants a runtime.
        let _entered = runtime.enter();
        let knowledge = Arc::new(Knowledge::open(&url, &gateway.registry())?);
        runtime.block_on(knowledge.fill())?;
        let rpc: Arc<dyn Rpc> = if is_far {
            Arc::new(FarAway(knowledge))
        } else {
            knowledge
        };
        let options = Options {
            rpc,
            rpc_limit: Duration::from_secs(5),
            memory_bytes_max: 64 << 20,
            tiers: Tiers::default(),
            clock: Clock::system(),
        };
        let (service, running) = runtime.block_on(async { AssistantContext::start(options) })?;
        let front = Front::serve(runtime, gateway.mount(service.mount()))?;
        Ok(Self {
            service,
            running,
            front,
        })
    }

    fn chat(&self, message: &str) -> anyhow::Result<f64> {
        self.front
            .timed_post("/codette/chat", &json!({ "message": message }))
    }

    /// So many questions, each twice with a pause between: seconds of the first calls, and of the second.
    fn tested(&self, questions: usize, pause: Duration) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        // It opens the connection, which is not to be measured.
        self.front.json("/codette/cache/status")?;
        for number in 0..questions {
            let question = format!("{} {number}", QUESTIONS[number % QUESTIONS.len()]);
            first.push(self.chat(&question)?);
            std::thread::sleep(pause);
            again.push(self.chat(&question)?);
        }
        Ok((first, again))
    }
}

fn pair(first: &[f64], again: &[f64]) -> String {
    Pair {
        without: mean(first),
        with: mean(again),
    }
    .to_string()
}
