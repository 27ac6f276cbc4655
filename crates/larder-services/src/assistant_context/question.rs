//! What is asked for: a message as it is compared, and the key of its context.

use md5::{Digest, Md5};

/// Words of a message that are searched for, at most.
const WORDS_MAX: usize = 32;
/// Longer words are none.
const WORD_CHARS_MAX: usize = 64;
/// Words that say nothing of what is asked about.
const COMMON: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "best", "but", "by", "can", "could", "do", "does", "for", "from", "get", "give", "good", "has",
    "have", "help", "how", "i", "if", "in", "into", "is", "it", "its", "know", "like", "make",
    "me", "more", "my", "need", "not", "of", "on", "or", "our", "please", "should", "so", "some",
    "tell", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to",
    "up", "use", "using", "want", "was", "way", "we", "what", "when", "where", "which", "who",
    "why", "will", "with", "would", "you", "your",
];

/// A message without differences of case and white space, and the file that it is about.
///
/// ```
/// use larder_services::assistant_context::Question;
/// let one = Question::new("How to use  REVERB", None);
/// assert_eq!(one, Question::new("how to use reverb\n", None));
/// assert_eq!(one.key(), "context:7c21df122a12fe05c4e49476af534a66");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    message: String,
    filename: Option<String>,
}

impl Question {
    /// The question that these words ask.
    pub fn new(message: &str, filename: Option<&str>) -> Self {
        let words: Vec<_> = message.split_whitespace().map(str::to_lowercase).collect();
        let filename = filename.map(str::trim).filter(|name| !name.is_empty());
        Self {
            message: words.join(" "),
            filename: filename.map(str::to_owned),
        }
    }

    /// In lower case, its words parted by one blank each.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file that it is about, if any.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// `context:` and the MD5 of `{message}:{filename}`, with `none` for no file. In the filename `%` and
    /// `:` are written as in a URL, and so is the `n` of a file that is named `none`: two questions do not
    /// share a key.
    pub fn key(&self) -> String {
        let filename = match self.filename() {
            None => "none".to_owned(),
            Some("none") => "%6Eone".to_owned(),
            Some(name) => name.replace('%', "%25").replace(':', "%3A"),
        };
        let digest = Md5::digest(format!("{}:{filename}", self.message));
        let digest: [u8; 16] = digest.into();
        format!("context:{:032x}", u128::from_be_bytes(digest))
    }

    /// The words that tell what is asked about: letters and digits only, each once.
    pub fn words(&self) -> Vec<&str> {
        let mut words = Vec::new();
        for word in self.message.split(|c: char| !c.is_alphanumeric()) {
            let chars = word.chars().count();
            let tells = (2..=WORD_CHARS_MAX).contains(&chars) && !COMMON.contains(&word);
            if tells && !words.contains(&word) && words.len() < WORDS_MAX {
                words.push(word);
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_white_space_make_no_other_question() {
        let key = Question::new("how to use reverb", None).key();
        for same in ["How To Use REVERB", "  how\tto use\n\nreverb  "] {
            assert_eq!(Question::new(same, Some(" ")).key(), key, "{same:?}");
        }
        assert_ne!(Question::new("how to use reverbs", None).key(), key);
        assert_ne!(Question::new("how to use reverb", Some("a.wav")).key(), key);
    }

    /// `printf 'how to use reverb:none' | md5sum`
    #[test]
    fn keys_are_as_documented() {
        let of = |message, filename| Question::new(message, filename).key();
        assert_eq!(
            of("How to use reverb", None),
            "context:7c21df122a12fe05c4e49476af534a66"
        );
        assert_eq!(
            of("How to use reverb", Some("mix.wav")),
            "context:a60ef7ed46b34c5b8aba96cbb466e3eb"
        );
    }

    #[test]
    fn two_questions_share_no_key() {
        let asked = [
            ("a:b", Some("c")),
            ("a", Some("b:c")),
            ("a", Some("b%3Ac")),
            ("a", Some("none")),
            ("a", None),
            ("a:none", None),
        ];
        let keys = asked.map(|(message, filename)| Question::new(message, filename).key());
        let unlike: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(unlike.len(), keys.len());
    }

    #[test]
    fn words_are_those_that_tell_something() {
        let question = Question::new("How do I use the EQ -- \"EQ\" OR NEAR(kick* 50Hz)?", None);
        assert_eq!(question.words(), ["eq", "near", "kick", "50hz"]);
        let many = (0..100)
            .map(|n| format!("word{n}"))
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(Question::new(&many, None).words().len(), WORDS_MAX);
        assert!(Question::new(&"x".repeat(65), None).words().is_empty());
        assert!(Question::new("?!  …", None).words().is_empty());
    }
}
