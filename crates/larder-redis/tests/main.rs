//! The link against real servers. What is needed is named when it is missing.

mod main {
    mod audit;
    mod bad_input;
    mod caches;
    mod calls;
    mod cluster;
    mod ends;
    mod guarded;
    mod promises;
    mod reclaim;
    mod recorder;
    mod refusals;
    mod sites;
    mod told;
    mod ways;
}
