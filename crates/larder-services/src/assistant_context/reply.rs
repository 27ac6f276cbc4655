//! A reply out of what a context holds. There is no model here: it says what was found, and where.

use super::context::Context;
use super::question::Question;

/// Snippets that a reply quotes at most.
const QUOTED_MAX: usize = 3;
/// Words are of one stem here if they begin with the same so many letters.
const STEM_CHARS: usize = 5;

/// What is said to a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) text: String,
    /// 0 to 1.
    pub(super) confidence: f64,
}

pub(super) fn reply(question: &Question, context: &Context) -> Reply {
    if context.is_empty() {
        return Reply {
            text: "Nothing is known here that bears on this question.".to_owned(),
            confidence: 0.0,
        };
    }
    let file = context.file.iter().map(|file| {
        let kind = if file.file_type.is_empty() {
            "a file"
        } else {
            &file.file_type
        };
        format!("{} ({kind}) is known.", file.filename)
    });
    let quoted = context.snippets.iter().take(QUOTED_MAX).map(|one| {
        if one.from.is_empty() {
            return one.text.clone();
        }
        format!("{} (from {})", one.text, one.from)
    });
    Reply {
        text: file.chain(quoted).collect::<Vec<_>>().join("\n\n"),
        confidence: confidence(question, context),
    }
}

/// The source's own for the best snippet, if it gives one; else the part of the question's words that the
/// quoted snippets have.
fn confidence(question: &Question, context: &Context) -> f64 {
    if let Some(given) = context.snippets.first().and_then(|best| best.confidence) {
        return given;
    }
    let quoted = context.snippets.iter().take(QUOTED_MAX);
    let text = quoted
        .map(|one| one.text.to_lowercase())
        .collect::<Vec<_>>()
        .join(" ");
    let said: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let words = question.words();
    let is_said = |word: &&&str| said.iter().any(|other| stem(other) == stem(word));
    let found = words.iter().filter(is_said).count();
    let part = found as f64 / words.len().max(1) as f64;
    (part * 100.0).round() / 100.0
}

fn stem(word: &str) -> &str {
    let end = word
        .char_indices()
        .nth(STEM_CHARS)
        .map_or(word.len(), |(at, _)| at);
    &word[..end]
}

#[cfg(test)]
mod tests {
    use super::super::context::Snippet;
    use super::*;

    fn context(texts: &[(&str, Option<f64>)]) -> Context {
        let snippet = |(text, confidence): &(&str, Option<f64>)| Snippet {
            from: "reverb.md".to_owned(),
            text: (*text).to_owned(),
            confidence: *confidence,
        };
        Context {
            snippets: texts.iter().map(snippet).collect(),
            ..Context::default()
        }
    }

    #[test]
    fn a_reply_quotes_the_best_three_and_where_they_are_from() {
        let question = Question::new("how to use reverb", None);
        let found = context(&[
            ("one", None),
            ("two", None),
            ("three", None),
            ("four", None),
        ]);
        let said = reply(&question, &found).text;
        assert_eq!(
            said,
            "one (from reverb.md)\n\ntwo (from reverb.md)\n\nthree (from reverb.md)"
        );
    }

    #[test]
    fn confidence_is_the_sources_or_the_part_of_the_words_that_are_found() {
        let of =
            |message, texts: &[_]| reply(&Question::new(message, None), &context(texts)).confidence;
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(near(
            of(
                "reverb on drums",
                &[("A reverb.", None), ("Drums.", Some(0.9))]
            ),
            1.0
        ));
        assert!(near(
            of(
                "compress the reverb tail",
                &[("Compression of a reverb", None)]
            ),
            0.67
        ));
        assert!(near(of("reverb", &[("Something else", None)]), 0.0));
        assert!(near(of("reverb", &[("Something else", Some(0.7))]), 0.7));
        assert!(near(of("reverb", &[]), 0.0));
    }
}
