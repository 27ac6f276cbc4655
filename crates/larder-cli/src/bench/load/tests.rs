//! Loops against a server that exists in the clock only.

use std::sync::atomic::AtomicUsize;

use tokio::time::sleep_until;

use super::*;

/// Answers after `delay`, but for a time in which it answers nothing.
#[derive(Clone)]
struct Server {
    begun: Instant,
    delay: Duration,
    stalled: (Duration, Duration),
    prepares: Duration,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn new(delay_ms: u64) -> Self {
        Self {
            begun: Instant::now(),
            delay: Duration::from_millis(delay_ms),
            stalled: (Duration::ZERO, Duration::ZERO),
            prepares: Duration::ZERO,
            asked: Arc::default(),
        }
    }

    fn stalled(mut self, from_ms: u64, to_ms: u64) -> Self {
        self.stalled = (Duration::from_millis(from_ms), Duration::from_millis(to_ms));
        self
    }
}

impl Exchange for Server {
    async fn prepare(&mut self, _: u64) -> Result<(), Failure> {
        sleep(self.prepares).await;
        Ok(())
    }

    async fn exchange(&mut self) -> Result<Answered, Failure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (from, to) = self.stalled;
        let now = self.begun.elapsed();
        if now >= from && now < to {
            sleep_until(self.begun + to).await;
        }
        sleep(self.delay).await;
        Ok(Answered {
            status: 200,
            bytes: 3,
        })
    }
}

/// Turns nothing: the clock does, when all are asleep.
struct Virtual;

impl Wait for Virtual {
    async fn until(&self, due: Instant) {
        sleep_until(due).await;
    }
}

async fn measure(server: &Server, connections: usize, pace: Pace, length: Length) -> Measured {
    let load = Load {
        pace,
        length,
        timeout: Duration::from_secs(5),
    };
    let connections = vec![server.clone(); connections];
    run(load, connections, Virtual, &Arc::default()).await.0
}

fn milliseconds(measured: &Measured, quantile: f64) -> f64 {
    measured.tally.latencies.value_at_quantile(quantile) as f64 / 1e6
}

fn about(found: f64, expected: f64) {
    // Three digits, and a timer that counts milliseconds.
    assert!(
        (found - expected).abs() <= 2.0 + expected * 0.001,
        "{found}, {expected}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_asks_as_often_as_its_connections_can() {
    let server = Server::new(10);
    let measured = measure(
        &server,
        4,
        Pace::Closed,
        Length::Time(Duration::from_secs(1)),
    )
    .await;
    assert_eq!(
        (measured.tally.requests, measured.tally.bytes),
        (400, 1_200)
    );
    about(milliseconds(&measured, 0.5), 10.0);
    assert_eq!(measured.took, Duration::from_secs(1));
    assert!(measured.lag.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_number_of_requests_is_kept_to_the_last() {
    for pace in [Pace::Closed, Pace::Open(1_000.0)] {
        let server = Server::new(1);
        let measured = measure(&server, 7, pace, Length::Requests(101)).await;
        assert_eq!(measured.tally.requests, 101, "{pace:?}");
        assert_eq!(server.asked.load(Ordering::Relaxed), 101);
    }
}

/// A server that stands still for a second of ten: a tenth of those who would come in an open loop wait,
/// half a second in the mean. The closed loop's one client waits once and asks nothing meanwhile.
#[tokio::test(start_paused = true)]
async fn the_open_loop_shows_a_stall_that_the_closed_loop_hides() {
    let ten_seconds = Length::Time(Duration::from_secs(10));
    let stalled = || Server::new(1).stalled(4_000, 5_000);

    let open = measure(&stalled(), 200, Pace::Open(100.0), ten_seconds).await;
    assert_eq!(open.tally.requests, 1_000);
    about(milliseconds(&open, 1.0), 1_001.0);
    about(milliseconds(&open, 0.99), 901.0);
    about(milliseconds(&open, 0.95), 501.0);
    about(milliseconds(&open, 0.89), 1.0);
    // (1001 + 991 + … + 11) / 1000 for those that wait, 1 for the others.
    about(open.tally.mean().expect("timed") / 1e6, 50.6 + 0.9);

    let closed = measure(&stalled(), 1, Pace::Closed, ten_seconds).await;
    about(milliseconds(&closed, 1.0), 1_001.0);
    about(milliseconds(&closed, 0.999), 1.0);
}

/// With one connection that takes 20 ms for what comes every 10 ms, each waits longer than the one before.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_connection_is_part_of_an_open_loop_s_latency() {
    let server = Server::new(20);
    let measured = measure(&server, 1, Pace::Open(100.0), Length::Requests(100)).await;
    about(milliseconds(&measured, 1.0), 20.0 * 100.0 - 10.0 * 99.0);
    about(milliseconds(&measured, 0.5), 20.0 * 50.0 - 10.0 * 49.0);
    let lag = measured.lag.expect("an open loop has one");
    about(lag.max() as f64 / 1e6, 0.0);
}

/// Is stopped at `from` and goes on at `to`, as a program to which SIGSTOP and SIGCONT are sent.
struct Stopped {
    from: Instant,
    to: Instant,
}

impl Wait for Stopped {
    async fn until(&self, due: Instant) {
        sleep_until(if due > self.from {
            due.max(self.to)
        } else {
            due
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_that_was_stopped_itself_says_how_late_it_was() {
    let from = Instant::now() + Duration::from_secs(1);
    let to = from + Duration::from_millis(1_500);
    let load = Load {
        pace: Pace::Open(100.0),
        length: Length::Requests(1_000),
        timeout: Duration::from_secs(5),
    };
    let connections = vec![Server::new(1); 200];
    let (measured, _) = run(load, connections, Stopped { from, to }, &Arc::default()).await;
    let lag = measured.lag.as_ref().expect("an open loop has one");
    assert_eq!(lag.len(), 1_000);
    // Those that were due after 1.01 s, 1.02 s, … to 2.49 s.
    about(lag.max() as f64 / 1e6, 1_490.0);
    about(lag.value_at_quantile(0.99) as f64 / 1e6, 1_390.0);
    about(lag.value_at_quantile(0.5) as f64 / 1e6, 0.0);
    about(milliseconds(&measured, 1.0), 1_491.0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_each_request_its_time_limit_and_the_rest_is_not_sent() {
    let server = Server::new(1).stalled(0, 3_600_000);
    let measured = measure(&server, 2, Pace::Open(10.0), Length::Requests(100)).await;
    let errors = &measured.tally.errors;
    // Until 10 s + 5 s each of two connections has begun three.
    assert_eq!((errors["timeout"], errors["not_sent"]), (6, 94));
    assert_eq!(server.asked.load(Ordering::Relaxed), 6);
    // Those that begin last were due at 0.4 s and 0.5 s.
    about(milliseconds(&measured, 1.0), 14_600.0);

    let closed = measure(&server, 2, Pace::Closed, Length::Requests(4)).await;
    assert_eq!(closed.tally.errors["timeout"], 4);
    about(milliseconds(&closed, 0.5), 5_000.0);
}

#[tokio::test(start_paused = true)]
async fn what_making_ready_takes_is_neither_latency_nor_time() {
    let server = Server {
        prepares: Duration::from_millis(90),
        ..Server::new(10)
    };
    let measured = measure(&server, 1, Pace::Closed, Length::Requests(10)).await;
    about(milliseconds(&measured, 1.0), 10.0);
    about(measured.took.as_secs_f64() * 1e3, 100.0);
}

/// Refuses at once.
struct Refusing;

impl Exchange for Refusing {
    async fn prepare(&mut self, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    async fn exchange(&mut self) -> Result<Answered, Failure> {
        Err(Failure::Connect("refused".to_owned()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_gone_is_not_asked_a_million_times() {
    let load = Load {
        pace: Pace::Closed,
        length: Length::Time(Duration::from_secs(1)),
        timeout: Duration::from_secs(5),
    };
    let (measured, _) = run(load, vec![Refusing], Virtual, &Arc::default()).await;
    assert_eq!(measured.tally.errors["connect"], measured.tally.requests);
    assert!((80..=100).contains(&measured.tally.requests));
}
