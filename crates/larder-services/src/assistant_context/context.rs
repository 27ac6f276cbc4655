//! What is known of what a question asks: the value that is cached.

use serde::{Deserialize, Serialize};

/// What an RPC found for a question. Empty where it found nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The best first.
    pub snippets: Vec<Snippet>,
    /// The file that was asked about, if it is known.
    pub file: Option<File>,
    /// Earlier conversations.
    pub chat_history: Vec<Chat>,
}

/// A text that bears on a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snippet {
    /// The file that it is from, or its topic.
    pub from: String,
    /// The text itself.
    pub text: String,
    /// How sure the source is of it, 0 to 1, if it says so.
    pub confidence: Option<f64>,
}

/// A file that is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// As the source knows it.
    pub id: String,
    /// Its name.
    pub filename: String,
    /// What kind of file it is.
    pub file_type: String,
    /// Where it is kept.
    pub storage_path: String,
    /// When it came, in RFC 3339.
    pub uploaded_at: String,
}

/// An earlier conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// As the source knows it.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// JSON.
    pub messages: String,
    /// When something was last said, in RFC 3339.
    pub updated_at: String,
}

impl Context {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.snippets.is_empty() && self.file.is_none()
    }

    /// Bytes that it takes in memory, those behind its pointers included.
    pub fn bytes(&self) -> usize {
        let snippets = self
            .snippets
            .iter()
            .map(|one| one.from.capacity() + one.text.capacity());
        let chats = self.chat_history.iter().map(|one| {
            let texts = [&one.id, &one.user_id, &one.messages, &one.updated_at];
            texts.map(String::capacity).iter().sum::<usize>()
        });
        let file = self.file.as_ref().map_or(0, |file| {
            let File {
                id,
                filename,
                file_type,
                storage_path,
                uploaded_at,
            } = file;
            let texts = [id, filename, file_type, storage_path, uploaded_at];
            texts.map(String::capacity).iter().sum()
        });
        size_of::<Self>()
            + self.snippets.capacity() * size_of::<Snippet>()
            + self.chat_history.capacity() * size_of::<Chat>()
            + snippets.sum::<usize>()
            + chats.sum::<usize>()
            + file
    }
}
