//! What the kit promises, held against real processes and sockets.

mod main {
    mod cluster;
    mod postgres;
    mod proxy;
    mod proxy_pace;
    mod redis;
    mod sentinels;
    mod wire;
}
