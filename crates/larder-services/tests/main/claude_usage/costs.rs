//! What messages cost.

use std::fs;

use larder_services::claude_usage::{Prices, PricesError};

use super::tree::Tree;

const SONNET: &str = "claude-sonnet-4-5-20250929";

/// The cost in dollars and the number of unpriced messages of one line.
fn cost_with(prices: Prices, model: &str, usage: &str, rest: &str) -> (f64, u64) {
    let line = format!(r#"{{"message":{{"model":"{model}","usage":{{{usage}}}}}{rest}}}"#);
    let mut tree = Tree::of(&[&line]);
    tree.prices = prices;
    let totals = tree.totals();
    assert_eq!(totals.messages, 1, "{line}");
    (totals.cost.usd(), totals.unpriced_messages)
}

fn cost(model: &str, usage: &str, rest: &str) -> (f64, u64) {
    cost_with(Prices::embedded(), model, usage, rest)
}

fn table(json: &str) -> Result<Prices, PricesError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), json).unwrap();
    Prices::load(file.path())
}

#[test]
fn tokens_above_200k_cost_the_higher_price_field_by_field() {
    assert_eq!(cost(SONNET, r#""input_tokens":300000"#, ""), (1.2, 0));
    assert_eq!(
        cost(
            SONNET,
            r#""input_tokens":200000,"output_tokens":200000"#,
            ""
        ),
        (3.6, 0)
    );
    assert_eq!(
        cost(SONNET, r#""output_tokens":200010"#, ""),
        (3.000_225, 0)
    );
    assert_eq!(
        cost(SONNET, r#""cache_read_input_tokens":1200000"#, ""),
        (0.66, 0)
    );
    assert_eq!(
        cost(SONNET, r#""cache_creation_input_tokens":300000"#, ""),
        (1.5, 0)
    );
    let hours = r#""cache_creation_input_tokens":300000,"cache_creation":{"ephemeral_1h_input_tokens":300000}"#;
    assert_eq!(cost(SONNET, hours, ""), (2.4, 0));
    assert_eq!(
        cost("claude-opus-4-5-20251101", r#""input_tokens":300000"#, ""),
        (1.5, 0),
        "no such price"
    );
}

#[test]
fn cache_writes_cost_by_their_lifetime() {
    let model = "claude-opus-4-20250514"; // 15 dollars a million in, 18.75 for 5 minutes
    let write = |breakdown: &str| {
        let usage = format!(r#""cache_creation_input_tokens":1000{breakdown}"#);
        cost(model, &usage, "")
    };
    assert_eq!(write(""), (0.018_75, 0));
    assert_eq!(
        write(
            r#","cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":0}"#
        ),
        (0.018_75, 0)
    );
    assert_eq!(
        write(
            r#","cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":1000}"#
        ),
        (0.03, 0)
    );
    assert_eq!(
        write(r#","cache_creation":{"ephemeral_1h_input_tokens":400}"#),
        (0.012 + 0.011_25, 0)
    );
    assert_eq!(write(r#","cache_creation":null"#), (0.018_75, 0));
}

#[test]
fn prices_that_the_table_leaves_out_follow_from_the_input_price() {
    let prices =
        table(r#"{"mine":{"input_cost_per_token":1e-5,"output_cost_per_token":0}}"#).unwrap();
    let usage = r#""cache_creation_input_tokens":100,"cache_read_input_tokens":100"#;
    assert_eq!(cost_with(prices, "mine", usage, ""), (0.00125 + 0.0001, 0));
}

#[test]
fn speed_changes_the_cost_only_where_the_table_says_so() {
    let usage = r#""input_tokens":1000,"speed":"fast""#;
    assert_eq!(cost(SONNET, usage, ""), (0.003, 0));
    assert_eq!(cost("claude-opus-5", usage, ""), (0.01, 0));
    assert_eq!(
        cost(
            "claude-opus-5",
            r#""input_tokens":1000,"speed":"standard""#,
            ""
        ),
        (0.005, 0)
    );
}

#[test]
fn a_stated_cost_stands_unless_it_is_unusable() {
    let usage = r#""input_tokens":1000"#;
    assert_eq!(cost(SONNET, usage, r#","costUSD":0.25"#), (0.25, 0));
    assert_eq!(cost(SONNET, usage, r#","costUSD":0"#), (0.0, 0));
    assert_eq!(cost("nobody's", usage, r#","costUSD":0.25"#), (0.25, 0));
    for unusable in ["null", "-1", "\"0.25\"", "1e300", "[]"] {
        assert_eq!(
            cost(SONNET, usage, &format!(r#","costUSD":{unusable}"#)),
            (0.003, 0),
            "{unusable}"
        );
    }
}

#[test]
fn vendor_prefixes_and_suffixes_of_a_model_are_understood() {
    let names = [
        "claude-opus-4-1-20250805",
        "anthropic/claude-opus-4-1-20250805",
        "anthropic.claude-opus-4-1-20250805-v1:0",
        "us.anthropic.claude-opus-4-1-20250805-v1:0",
        "bedrock/eu.anthropic.claude-opus-4-1-20250805-v1:0",
        "vertex_ai/claude-opus-4-1@20250805",
        "claude-opus-4-1@default",
        "openrouter/anthropic/claude-opus-4.1",
        "claude-opus-4-1-20250805[1m]",
        "anthropic/claude-opus-4-1:thinking",
    ];
    for name in names {
        assert_eq!(
            cost(name, r#""input_tokens":1000"#, ""),
            (0.015, 0),
            "{name}"
        );
    }
}

#[test]
fn an_unknown_model_is_counted_at_no_cost_and_reported() {
    for model in ["claude-sonnet-99", "gpt-5", "<synthetic>", ""] {
        assert_eq!(
            cost(model, r#""input_tokens":1000"#, ""),
            (0.0, 1),
            "{model}"
        );
    }
    let row = &Tree::of(&[r#"{"message":{"usage":{}}}"#])
        .collect()
        .report()
        .days()[0]
        .cells[0]
        .clone();
    assert_eq!(&*row.model, "unknown");
}

#[test]
fn a_price_file_replaces_and_adds_models() {
    let json = format!(
        r#"{{"{SONNET}":{{"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"litellm_provider":"x"}},
            "mine":{{"input_cost_per_token":0.5,"output_cost_per_token":0}}}}"#
    );
    let prices = table(&json).unwrap();
    let usage = r#""input_tokens":300000"#;
    assert_eq!(cost_with(prices.clone(), SONNET, usage, ""), (0.3, 0));
    assert_eq!(cost_with(prices.clone(), "mine", usage, ""), (150_000.0, 0));
    assert_eq!(
        cost_with(prices, "claude-opus-4-5-20251101", usage, ""),
        (1.5, 0)
    );
}

#[test]
fn a_bad_price_file_is_refused_with_the_place_and_what_was_expected() {
    let error = |json: &str| table(json).unwrap_err().to_string();
    assert!(error("[]").contains("is not a JSON object of models"));
    assert!(error("{").contains("line 1"));
    assert!(error(r#"{"m":5}"#).ends_with("m: expected an object of prices, found 5"));
    let missing = error(r#"{"m":{"input_cost_per_token":1e-6}}"#);
    assert!(
        missing.ends_with(
            "m.output_cost_per_token: expected a price in dollars a token, found nothing"
        )
    );
    for bad in ["-1", "\"1\"", "1e300", "3", "true"] {
        let error = error(&format!(
            r#"{{"m":{{"input_cost_per_token":{bad},"output_cost_per_token":0}}}}"#
        ));
        assert!(
            error.contains(
                "m.input_cost_per_token: expected a price from 0 to 1 dollars a token, found "
            ),
            "{error}"
        );
    }
    let absent = Prices::load("/nonexistent/prices.json".as_ref()).unwrap_err();
    assert!(
        absent
            .to_string()
            .contains("/nonexistent/prices.json could not be read")
    );
}
