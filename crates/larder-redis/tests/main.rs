//! The link against real servers. What is needed is named when it is missing.

mod main {
    mod caches;
    mod calls;
    mod cluster;
    mod ends;
    mod recorder;
    mod refusals;
    mod told;
    mod ways;
}
