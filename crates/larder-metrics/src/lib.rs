//! Timings, counters and gauges with tags, exported as JSON and as a summary.
