//! Larder over HTTP: admin API, auth, request metrics, dashboard, live stream.
