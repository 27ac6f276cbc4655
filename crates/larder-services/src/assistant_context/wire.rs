//! The RPC's answer as it comes: two shapes, read into a [`Context`]. Total: whatever the bytes, it
//! returns.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::context::{Chat, Context, File, Snippet};

const EXPECTED: &str =
    "expected JSON: an object with `snippets`, or rows with `topic` and `suggestion`";

/// The first shape. Its lists may be null.
#[derive(Deserialize)]
struct Found {
    #[serde(deserialize_with = "Option::deserialize")]
    snippets: Option<Vec<FoundSnippet>>,
    file: Option<FoundFile>,
    chat_history: Option<Vec<FoundChat>>,
}

#[derive(Deserialize)]
struct FoundSnippet {
    #[serde(default, deserialize_with = "text")]
    filename: String,
    snippet: Option<String>,
}

#[derive(Deserialize)]
struct FoundFile {
    #[serde(default, deserialize_with = "text")]
    id: String,
    #[serde(default, deserialize_with = "text")]
    filename: String,
    #[serde(default, deserialize_with = "text")]
    file_type: String,
    #[serde(default, deserialize_with = "text")]
    storage_path: String,
    #[serde(default, deserialize_with = "text")]
    uploaded_at: String,
}

#[derive(Deserialize)]
struct FoundChat {
    #[serde(default, deserialize_with = "text")]
    id: String,
    #[serde(default, deserialize_with = "text")]
    user_id: String,
    messages: Option<Value>,
    #[serde(default, deserialize_with = "text")]
    updated_at: String,
}

/// A row of the later shape.
#[derive(Deserialize)]
struct Row {
    topic: Option<String>,
    #[serde(default, deserialize_with = "text")]
    category: String,
    suggestion: Value,
    confidence: Option<f64>,
}

/// Reads an answer.
///
/// # Errors
/// What was expected, and where it goes wrong.
pub(super) fn context(body: &[u8]) -> Result<Context, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| refused(&error))?;
    match value {
        Value::Object(_) => found(value),
        // A function that returns a set brings it in a list.
        Value::Array(mut items) if items.len() == 1 && items[0].get("snippets").is_some() => {
            found(items.remove(0))
        }
        Value::Array(items) => {
            let rows: Vec<Row> =
                serde_json::from_value(Value::Array(items)).map_err(|error| refused(&error))?;
            Ok(Context {
                snippets: rows.into_iter().filter_map(Row::into_snippet).collect(),
                ..Context::default()
            })
        }
        _ => Err(EXPECTED.to_owned()),
    }
}

fn refused(error: &serde_json::Error) -> String {
    format!("{EXPECTED} ({error})")
}

fn found(value: Value) -> Result<Context, String> {
    let Found {
        snippets,
        file,
        chat_history,
    } = serde_json::from_value(value).map_err(|error| refused(&error))?;
    let snippets = snippets.into_iter().flatten().filter_map(|one| {
        let text = one.snippet.filter(|text| !text.trim().is_empty())?;
        Some(Snippet {
            from: one.filename,
            text,
            confidence: None,
        })
    });
    let chats = chat_history.into_iter().flatten().map(|one| Chat {
        id: one.id,
        user_id: one.user_id,
        messages: one.messages.unwrap_or_default().to_string(),
        updated_at: one.updated_at,
    });
    Ok(Context {
        snippets: snippets.collect(),
        file: file.map(|file| File {
            id: file.id,
            filename: file.filename,
            file_type: file.file_type,
            storage_path: file.storage_path,
            uploaded_at: file.uploaded_at,
        }),
        chat_history: chats.collect(),
    })
}

impl Row {
    fn into_snippet(self) -> Option<Snippet> {
        let text = said(&self.suggestion);
        let topic = self.topic.unwrap_or_default();
        let from = [topic.as_str(), self.category.as_str()];
        let from: Vec<_> = from.into_iter().filter(|part| !part.is_empty()).collect();
        (!text.trim().is_empty()).then(|| Snippet {
            from: from.join(", "),
            text,
            confidence: self.confidence.map(|confidence| confidence.clamp(0.0, 1.0)),
        })
    }
}

/// What a suggestion says, which is a text or JSON of any shape.
fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join("; "),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}: {}", said(value)));
            members.collect::<Vec<_>>().join("; ")
        }
        plain => plain.to_string(),
    }
}

/// A text, or a number or null in its place: ids are either.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Value::deserialize(from).map(|value| said(&value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Context, String> {
        context(value.to_string().as_bytes())
    }

    #[test]
    fn both_shapes_are_read() {
        let first = json!({
            "snippets": [{"filename": "reverb.md", "snippet": "Use a return."}, {"filename": null, "snippet": null}, {"filename": "a", "snippet": " "}],
            "file": {"id": 7, "filename": "a.wav", "file_type": "audio/wav", "storage_path": "a", "uploaded_at": null},
            "chat_history": [{"id": "c", "user_id": "u", "messages": [{"role": "user"}], "updated_at": "2025"}],
        });
        let context = read(&first).unwrap();
        assert_eq!(context.snippets.len(), 1);
        assert_eq!(
            (&*context.snippets[0].from, &*context.snippets[0].text),
            ("reverb.md", "Use a return.")
        );
        assert_eq!(context.file.as_ref().unwrap().id, "7");
        assert_eq!(context.chat_history[0].messages, r#"[{"role":"user"}]"#);
        assert_eq!(read(&json!([first])).unwrap(), context, "a set of one");

        let later = json!([
            {"id": 1, "topic": "reverb", "category": "mixing", "suggestion": "Use a return.", "confidence": 0.9},
            {"id": "x", "topic": "eq", "category": null, "suggestion": {"title": "Cut", "steps": ["a", "b"]}, "confidence": null},
        ]);
        let context = read(&later).unwrap();
        assert_eq!(context.snippets[0].from, "reverb, mixing");
        assert_eq!(context.snippets[0].confidence, Some(0.9));
        assert_eq!(context.snippets[1].text, "steps: a; b; title: Cut");
    }

    #[test]
    fn lists_may_be_null_or_empty() {
        let nothing = json!({"snippets": null, "file": null, "chat_history": null});
        for nothing in [nothing, json!({"snippets": []}), json!([])] {
            assert_eq!(read(&nothing).unwrap(), Context::default(), "{nothing}");
        }
    }

    #[test]
    fn another_shape_is_refused() {
        for other in [
            json!(null),
            json!({}),
            json!({"data": []}),
            json!({"message": "no function", "code": "PGRST202"}),
            json!({"snippets": "none"}),
            json!({"snippets": [1]}),
            json!([1, 2]),
            json!([{"id": 1}]),
            json!("snippets"),
        ] {
            let expected = read(&other).expect_err("refused");
            assert!(expected.starts_with(EXPECTED), "{other}: {expected}");
        }
        for text in [
            "",
            "<html>",
            "{\"snippets\":[",
            "\u{0}",
            &"[".repeat(100_000),
        ] {
            assert!(context(text.as_bytes()).is_err());
        }
    }
}
