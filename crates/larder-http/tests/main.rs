//! The gateway as a client meets it.

mod main {
    mod access;
    mod accounts;
    mod actions;
    mod advice;
    mod cache_layer;
    mod caches;
    mod dashboard;
    mod health;
    mod live;
    mod metrics;
    mod mounts;
    mod peers;
    mod stall;
    mod values;

    use axum::Router;
    use axum::body::Body;
    use axum::http::{Method, Request, Response, StatusCode, header};
    use http_body_util::BodyExt;
    use larder::Cache;
    use larder_http::{Access, Check, Gateway, Hosts, Mount, Role};
    use serde_json::Value;
    use tokio::sync::watch;
    use tower::ServiceExt;

    pub(crate) const TOKEN: &str = "the admin's token";

    /// A gateway before one cache and one service route.
    pub(crate) struct House {
        pub(crate) router: Router,
        pub(crate) cache: Cache<u64, String>,
        pub(crate) stop: watch::Sender<bool>,
    }

    pub(crate) fn house(anonymous: Option<Role>) -> House {
        house_with(anonymous, None)
    }

    pub(crate) fn house_with(anonymous: Option<Role>, check: Option<Check>) -> House {
        house_of(Cache::builder("numbers").build().unwrap(), anonymous, check)
    }

    pub(crate) fn house_of(
        cache: Cache<u64, String>,
        anonymous: Option<Role>,
        check: Option<Check>,
    ) -> House {
        let (stop, stopping) = watch::channel(false);
        let access = Access::new(TOKEN, anonymous);
        let mut gateway =
            Gateway::new("test", "1.2.3", access, Hosts::default(), stopping).cache(cache.clone());
        if let Some(check) = check {
            gateway = gateway.check(check);
        }
        let service = Router::new().route("/service", axum::routing::get(|| async { "served" }));
        let router = gateway.mount(Mount::new().reads(service)).into_router();
        House {
            router,
            cache,
            stop,
        }
    }

    pub(crate) fn request(method: Method, path: &str, token: Option<&str>) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Body::empty()).unwrap()
    }

    pub(crate) async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
        router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
        json(send(router, request(Method::GET, path, Some(TOKEN))).await).await
    }

    pub(crate) async fn json(response: Response<Body>) -> (StatusCode, Value) {
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}
