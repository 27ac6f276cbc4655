//! What a token costs, by model.
//!
//! The table is public and embedded; a file may replace or add models. It knows names and prices,
//! not lines or files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::record::{Cost, Record};

/// Tokens of one field that cost the base price where the table has a price above 200k.
const TIER_TOKENS: u64 = 200_000;
/// Prices are whole 10⁻¹⁸ dollars a token.
const ATTO: f64 = 1e18;
/// No token costs more than this many dollars.
const PRICE_MAX: f64 = 1.0;
/// Multipliers are whole millionths.
const MICRO: f64 = 1e6;
/// No table multiplies a price by more.
const MULTIPLIER_MAX: f64 = 100.0;

/// Prices by model. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Prices(Arc<HashMap<String, Rates>>);

/// Why a price file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The file could not be read.
    #[error("price file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no JSON object.
    #[error("price file {} is not a JSON object of models: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where it breaks.
        #[source]
        source: serde_json::Error,
    },
    /// A model's entry cannot be used.
    #[error("price file {}: {key}: expected {expected}, found {found}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The model, and the field if it is one field's fault.
        key: String,
        /// What would have been right.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
}

#[derive(Debug)]
struct BadEntry {
    key: String,
    expected: &'static str,
    found: String,
}

/// One field's prices, in 10⁻¹⁸ dollars a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    base: u64,
    above_200k: Option<u64>,
}

impl Rate {
    fn cost(self, tokens: u64) -> u128 {
        let above = self
            .above_200k
            .map_or(0, |_| tokens.saturating_sub(TIER_TOKENS));
        let base = u128::from(tokens - above) * u128::from(self.base);
        base + u128::from(above) * u128::from(self.above_200k.unwrap_or_default())
    }
}

/// One model's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates {
    input: Rate,
    output: Rate,
    write_5m: Rate,
    write_1h: Rate,
    read: Rate,
    /// What fast mode multiplies the cost by, in millionths.
    fast: Option<u64>,
}

impl Rates {
    /// What the record's tokens cost.
    pub(super) fn cost(&self, record: &Record) -> Cost {
        let atto = self.input.cost(record.tokens.input)
            + self.output.cost(record.tokens.output)
            + self.write_5m.cost(record.write_5m)
            + self.write_1h.cost(record.write_1h)
            + self.read.cost(record.tokens.cache_read);
        let atto = match self.fast.filter(|_| record.fast) {
            Some(millionths) => atto.saturating_mul(u128::from(millionths)) / 1_000_000,
            None => atto,
        };
        Cost::from_picodollars((atto + 500_000) / 1_000_000)
    }
}

impl Prices {
    /// The embedded table.
    pub fn embedded() -> Self {
        let text = include_str!("prices.json");
        let table = parse_table(text).expect("the embedded table is a JSON object");
        let rates = table.iter().map(|(model, entry)| {
            let rates = rates(model, entry).expect("every embedded entry is valid");
            (model.clone(), rates)
        });
        Self(Arc::new(rates.collect()))
    }

    /// The embedded table, with the models of the JSON file at `path` replaced or added.
    ///
    /// The file maps a model's name to an object with `input_cost_per_token` and
    /// `output_cost_per_token`, in US dollars, and optionally `cache_creation_input_token_cost`,
    /// `cache_read_input_token_cost`, each of the four also with `_above_200k_tokens`, and
    /// `provider_specific_entry.fast`. Other fields are ignored.
    pub fn load(path: &Path) -> Result<Self, PricesError> {
        let text = std::fs::read_to_string(path).map_err(|source| PricesError::Read {
            path: path.to_owned(),
            source,
        })?;
        let table = parse_table(&text).map_err(|source| PricesError::Syntax {
            path: path.to_owned(),
            source,
        })?;
        let mut all = HashMap::clone(&Self::embedded().0);
        for (model, entry) in &table {
            let rates = rates(model, entry).map_err(|bad| bad.at(path))?;
            all.insert(model.clone(), rates);
        }
        Ok(Self(Arc::new(all)))
    }

    /// The prices of the model that the log calls `model`, vendor prefixes and suffixes aside.
    pub(super) fn find(&self, model: &str) -> Option<Rates> {
        let known = |name: &str| self.0.get(name).copied();
        if let Some(rates) = known(model) {
            return Some(rates);
        }
        let name = model.strip_suffix("[1m]").unwrap_or(model);
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        let name = name
            .rsplit_once("anthropic.")
            .map_or(name, |(_, name)| name);
        let name = name.replacen('@', "-", 1);
        let plain = without_revision(&name);
        let unlabelled = plain.strip_suffix("-default").unwrap_or(plain);
        known(&name)
            .or_else(|| known(plain))
            .or_else(|| known(unlabelled))
            .or_else(|| known(&plain.replace('.', "-")))
    }
}

impl Default for Prices {
    fn default() -> Self {
        Self::embedded()
    }
}

/// `claude-x-v1:0` and `claude-x-v2` are `claude-x`.
fn without_revision(name: &str) -> &str {
    let name = match name.rsplit_once(':') {
        Some((name, revision)) if !revision.is_empty() && !name.is_empty() => name,
        _ => name,
    };
    match name.rsplit_once("-v") {
        Some((name, digits))
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => name,
    }
}

fn parse_table(text: &str) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_str(text)
}

impl BadEntry {
    fn at(self, path: &Path) -> PricesError {
        PricesError::Entry {
            path: path.to_owned(),
            key: self.key,
            expected: self.expected,
            found: self.found,
        }
    }
}

fn rates(model: &str, entry: &Value) -> Result<Rates, BadEntry> {
    let Value::Object(fields) = entry else {
        return Err(BadEntry {
            key: model.to_owned(),
            expected: "an object of prices",
            found: shown(entry),
        });
    };
    let price = |field: &str| price(model, fields, field);
    let required = |field: &str| {
        price(field)?.ok_or_else(|| BadEntry {
            key: format!("{model}.{field}"),
            expected: "a price in dollars a token",
            found: "nothing".to_owned(),
        })
    };
    let input = Rate {
        base: required("input_cost_per_token")?,
        above_200k: price("input_cost_per_token_above_200k_tokens")?,
    };
    Ok(Rates {
        input,
        output: Rate {
            base: required("output_cost_per_token")?,
            above_200k: price("output_cost_per_token_above_200k_tokens")?,
        },
        write_5m: Rate {
            base: price("cache_creation_input_token_cost")?.unwrap_or(input.base / 4 * 5),
            above_200k: price("cache_creation_input_token_cost_above_200k_tokens")?,
        },
        write_1h: Rate {
            base: input.base * 2,
            above_200k: input.above_200k.map(|price| price * 2),
        },
        read: Rate {
            base: price("cache_read_input_token_cost")?.unwrap_or(input.base / 10),
            above_200k: price("cache_read_input_token_cost_above_200k_tokens")?,
        },
        fast: fast_multiplier(model, fields)?,
    })
}

fn price(model: &str, fields: &Map<String, Value>, field: &str) -> Result<Option<u64>, BadEntry> {
    number(
        &format!("{model}.{field}"),
        fields.get(field),
        PRICE_MAX,
        "a price from 0 to 1 dollars a token",
    )
    .map(|price| price.map(|price| (price * ATTO).round() as u64))
}

fn fast_multiplier(model: &str, fields: &Map<String, Value>) -> Result<Option<u64>, BadEntry> {
    let value = fields
        .get("provider_specific_entry")
        .and_then(|entry| entry.get("fast"));
    let key = format!("{model}.provider_specific_entry.fast");
    number(&key, value, MULTIPLIER_MAX, "a factor from 0 to 100")
        .map(|factor| factor.map(|factor| (factor * MICRO).round() as u64))
}

/// The number at `key`; none if it is absent or null.
fn number(
    key: &str,
    value: Option<&Value>,
    max: f64,
    expected: &'static str,
) -> Result<Option<f64>, BadEntry> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) if (0.0..=max).contains(&number) => Ok(Some(number)),
            _ => Err(BadEntry {
                key: key.to_owned(),
                expected,
                found: shown(value),
            }),
        },
    }
}

fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > 60 {
        text = text.chars().take(60).chain("…".chars()).collect();
    }
    text
}
