//! Every answer has the members that the document shows, of the same kinds, and no others.

use serde_json::{Value, json};

use super::server::reverb;
use super::{House, Says, Server};

/// The members of a value and their kinds; of a list, those of its first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => json!([items.first().map(shape)]),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), shape(value)))
                    .collect(),
            )
        }
    }
}

/// As they stand in the document.
const DOCUMENTED: [(&str, &str); 4] = [
    (
        "/codette/cache/stats",
        r#"{
  "cache_enabled": true,
  "entries": 12,
  "ttl_seconds": 300,
  "metrics": {
    "hits": 42,
    "misses": 8,
    "total_requests": 50,
    "hit_rate_percent": 84.0,
    "average_hit_latency_ms": 45.2,
    "average_miss_latency_ms": 285.6,
    "performance_gain_multiplier": 6.31,
    "uptime_seconds": 3600.0
  },
  "timestamp": "2025-12-02T02:47:01.451643Z"
}"#,
    ),
    (
        "/codette/cache/metrics",
        r#"{
  "performance_dashboard": {
    "cache_hit_rate": "84.0%",
    "total_requests": 50,
    "successful_hits": 42,
    "cache_misses": 8,
    "average_latency_comparison": {
      "cached_response_ms": 45.2,
      "uncached_response_ms": 285.6,
      "speedup_multiplier": "6.31x",
      "time_saved_per_hit_ms": 240.4
    },
    "cumulative_time_saved": {
      "total_ms": 10096.8,
      "total_seconds": 10.1
    },
    "cache_efficiency": {
      "memory_entries": 12,
      "ttl_seconds": 300,
      "uptime_seconds": 3600,
      "estimated_memory_mb": 0.048
    }
  },
  "timestamp": "2025-12-02T02:47:01.451643Z"
}"#,
    ),
    (
        "/codette/analytics/dashboard",
        r#"{
  "analytics": {
    "cache_performance": {
      "overall_hit_rate": "84.0%",
      "total_requests_processed": 50,
      "successful_cache_hits": 42,
      "cache_misses": 8,
      "average_response_times": {
        "with_cache_ms": 45.2,
        "without_cache_ms": 285.6,
        "speedup_multiplier": "6.31x"
      },
      "total_time_saved": {
        "milliseconds": 10096.8,
        "seconds": 10.1,
        "estimated_cost_savings": "Multiple RPC calls avoided"
      }
    },
    "cache_infrastructure": {
      "memory_cache_enabled": true,
      "redis_cache_enabled": true,
      "redis_connected": true,
      "memory_entries": 12,
      "estimated_memory_usage_mb": 0.048,
      "ttl_seconds": 300,
      "uptime_seconds": 3600
    },
    "optimization_recommendations": [
      "✅ Cache performing optimally with high hit rate",
      "Maintaining 6.31x performance improvement",
      "Consider Redis if scaling to multiple backend instances"
    ]
  },
  "timestamp": "2025-12-02T02:47:01.451643Z"
}"#,
    ),
    (
        "/codette/cache/status",
        r#"{
  "cache_backends": {
    "memory_cache": "active",
    "redis_cache": "connected"
  },
  "current_mode": "dual",
  "fallback_chain": [
    "Redis (if enabled and connected)",
    "In-memory cache",
    "Fresh Supabase RPC call"
  ],
  "timestamp": "2025-12-02T02:47:01.451643Z"
}"#,
    ),
];

#[tokio::test]
async fn figures_have_the_documents_shapes_before_and_after_the_first_request() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    for _ in 0..3 {
        for (path, documented) in DOCUMENTED {
            let documented: Value = serde_json::from_str(documented).unwrap();
            assert_eq!(shape(&house.get(path).await), shape(&documented), "{path}");
        }
        house.asks("how to use reverb").await;
    }
}

#[tokio::test]
async fn an_answer_says_what_where_from_and_how_sure() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    let asked = json!({
        "message": "Reverb on a return", "perspective": "neural", "conversation_id": "c-7",
        "context": [{"role": "user"}], "daw_context": {"filename": "mix.wav", "bpm": 120},
    });
    let (status, mut answer) = house.says(asked).await;
    assert!(answer["timestamp"].as_str().unwrap().ends_with('Z'));
    answer.as_object_mut().unwrap().remove("timestamp");
    let expected = json!({
        "response": "Put reverb on a return. (from reverb.md)",
        "perspective": "neural",
        "confidence": 1.0,
        "source": "rpc",
        "cached": false,
        "conversation_id": "c-7",
        "context": { "snippets": 1, "file": null, "chat_history": 0 },
    });
    assert_eq!((status, answer), (200, expected));
    let call = server.last_call();
    let asked = json!({ "input_prompt": "reverb on a return", "optionally_filename": "mix.wav" });
    assert_eq!(call.body, asked);
    assert_eq!(call.headers["apikey"], "the-key");
    assert_eq!(call.headers["authorization"], "Bearer the-key");
    assert_eq!(call.headers["content-type"], "application/json");
}

#[tokio::test]
async fn the_chain_names_the_true_order_and_what_there_is() {
    let server = Server::start(Says::Json(reverb())).await;
    let status = House::at(&server.url).get("/codette/cache/status").await;
    assert_eq!(status["current_mode"], "memory-only");
    assert_eq!(status["cache_backends"]["redis_cache"], "disabled");
    let rpc = format!("Fresh RPC call (PostgREST at {})", server.url);
    assert_eq!(status["fallback_chain"], json!(["In-memory cache", rpc]));
    let status = House::embedded().get("/codette/cache/status").await;
    let chain = json!([
        "In-memory cache",
        "Fresh RPC call (embedded knowledge base)"
    ]);
    assert_eq!(status["fallback_chain"], chain);
}

#[tokio::test]
async fn signals_watch_what_the_document_says() {
    let house = House::embedded();
    house.asks("how to use reverb").await;
    let signals = house.get("/codette/analytics/signals").await;
    let names: Vec<_> = signals["signals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    let expected = json!([
        "hit_rate",
        "hit_latency",
        "miss_latency",
        "memory",
        "redis_errors",
        "rpc_errors",
        "fallback",
    ]);
    assert_eq!(json!(names), expected);
    assert_eq!(signals["rpc"], json!({ "calls": 1, "failures": 0 }));
}
