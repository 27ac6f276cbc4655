//! The embedded source: a full-text search (`SQLite`'s FTS5, ranked by BM25) over a knowledge base in a
//! file, which is filled with texts of its own when it is first opened.
//!
//! Must not know caches. What a question says reaches the database as bound words in quotes: no message
//! is a query.

use larder_metrics::Registry;
use sqlx::Row;
use tokio::sync::OnceCell;
use xxhash_rust::xxh3::xxh3_64;

use super::context::{Context, File, Snippet};
use super::question::Question;
use super::rpc::{Closing, Fetching, Rpc, RpcError};
use crate::sql::{Database, Dialect, UrlError};

/// Snippets that an answer has at most.
const SNIPPETS_MAX: i64 = 10;
/// When the texts below were written.
const WRITTEN_AT: &str = "2026-11-21T00:00:00Z";

const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS knowledge_files (
        id {identity},
        filename TEXT NOT NULL UNIQUE,
        file_type TEXT NOT NULL,
        storage_path TEXT NOT NULL,
        uploaded_at TEXT NOT NULL,
        digest TEXT NOT NULL
    )",
    "CREATE VIRTUAL TABLE IF NOT EXISTS knowledge USING fts5 (
        filename UNINDEXED, title, snippet, tokenize = 'porter unicode61'
    )",
];

macro_rules! corpus {
    ($($name:literal),* $(,)?) => {
        /// Names, and texts whose paragraphs are the snippets.
        const CORPUS: &[(&str, &str)] = &[$(($name, include_str!(concat!("corpus/", $name)))),*];
    };
}

corpus![
    "arrangement.md",
    "bass.md",
    "compression.md",
    "delay.md",
    "drums.md",
    "equalization.md",
    "gain.md",
    "guitars.md",
    "mastering.md",
    "recording.md",
    "reverb.md",
    "stereo.md",
    "vocals.md",
];

/// A knowledge base on mixing and recording, in a file.
pub struct Knowledge {
    database: Database,
    is_filled: OnceCell<()>,
}

impl Knowledge {
    /// The knowledge base at this URL, `sqlite:PATH`. Opens nothing yet; queries are timed in the
    /// registry.
    ///
    /// # Errors
    /// The URL is not understood, or is a server's.
    pub fn open(url: &str, registry: &Registry) -> Result<Self, UrlError> {
        let database = Database::open(url, SCHEMA, registry)?;
        if database.dialect() != Dialect::Sqlite {
            let expected = "the knowledge base is embedded: expected sqlite:PATH";
            return Err(UrlError::Rest(expected.to_owned()));
        }
        Ok(Self {
            database,
            is_filled: OnceCell::new(),
        })
    }

    /// Puts in the texts that are not there as they are here, once; what others have put in stays. Happens
    /// by itself before the first search.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn fill(&self) -> sqlx::Result<()> {
        self.is_filled.get_or_try_init(|| self.put_in()).await?;
        Ok(())
    }

    async fn search(&self, question: &Question) -> Result<Context, RpcError> {
        self.fill().await?;
        Ok(Context {
            snippets: self.snippets(question).await?,
            file: self.file(question).await?,
            chat_history: Vec::new(),
        })
    }

    /// Those that hold a word of the question, the best match first.
    async fn snippets(&self, question: &Question) -> sqlx::Result<Vec<Snippet>> {
        let quoted = question
            .words()
            .into_iter()
            .map(|word| format!("\"{word}\""));
        let any_of = quoted.collect::<Vec<_>>().join(" OR ");
        if any_of.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.database.run("select", "knowledge", async |pool| {
            let best = "SELECT filename, snippet FROM knowledge WHERE knowledge MATCH $1 \
                        ORDER BY bm25(knowledge, 0.0, 3.0, 1.0) LIMIT $2";
            sqlx::query(best)
                .bind(any_of)
                .bind(SNIPPETS_MAX)
                .fetch_all(pool)
                .await
        });
        let snippet = |row: &sqlx::any::AnyRow| {
            Ok(Snippet {
                from: row.try_get("filename")?,
                text: row.try_get("snippet")?,
                confidence: None,
            })
        };
        rows.await?.iter().map(snippet).collect()
    }

    async fn file(&self, question: &Question) -> sqlx::Result<Option<File>> {
        let Some(filename) = question.filename() else {
            return Ok(None);
        };
        let row = self.database.run("select", "knowledge_files", async |pool| {
            let named = "SELECT id, filename, file_type, storage_path, uploaded_at FROM knowledge_files \
                         WHERE filename = $1";
            sqlx::query(named).bind(filename.to_owned()).fetch_optional(pool).await
        });
        let Some(row) = row.await? else {
            return Ok(None);
        };
        Ok(Some(File {
            id: row.try_get::<i64, _>("id")?.to_string(),
            filename: row.try_get("filename")?,
            file_type: row.try_get("file_type")?,
            storage_path: row.try_get("storage_path")?,
            uploaded_at: row.try_get("uploaded_at")?,
        }))
    }

    async fn put_in(&self) -> sqlx::Result<()> {
        self.database
            .run("insert", "knowledge", async |pool| {
                let mut transaction = pool.begin().await?;
                for (filename, text) in CORPUS {
                    let digest = format!("{:016x}", xxh3_64(text.as_bytes()));
                    let put = "INSERT INTO knowledge_files (filename, file_type, storage_path, uploaded_at, digest) \
                               VALUES ($1, 'text/markdown', $2, $3, $4) \
                               ON CONFLICT (filename) DO UPDATE SET uploaded_at = $3, digest = $4 \
                               WHERE knowledge_files.digest <> $4 RETURNING id";
                    let put = sqlx::query(put)
                        .bind(*filename)
                        .bind(format!("knowledge/{filename}"))
                        .bind(WRITTEN_AT)
                        .bind(digest);
                    if put.fetch_all(&mut *transaction).await?.is_empty() {
                        continue;
                    }
                    let old = sqlx::query("DELETE FROM knowledge WHERE filename = $1").bind(*filename);
                    old.execute(&mut *transaction).await?;
                    for snippet in paragraphs(text) {
                        let new = "INSERT INTO knowledge (filename, title, snippet) VALUES ($1, $2, $3)";
                        let new = sqlx::query(new).bind(*filename).bind(title(text)).bind(snippet);
                        new.execute(&mut *transaction).await?;
                    }
                }
                transaction.commit().await
            })
            .await
    }
}

impl Rpc for Knowledge {
    fn name(&self) -> &'static str {
        "embedded knowledge base"
    }

    fn fingerprint(&self) -> u64 {
        let digests = CORPUS.iter().map(|(_, text)| xxh3_64(text.as_bytes()));
        digests.fold(0, |all, one| all.rotate_left(1) ^ one)
    }

    fn fetch<'a>(&'a self, question: &'a Question) -> Fetching<'a> {
        Box::pin(self.search(question))
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(self.database.close())
    }
}

/// A text's first line, which counts for more than the others.
fn title(text: &'static str) -> &'static str {
    let first = text.lines().next().unwrap_or_default();
    first.trim_start_matches('#').trim()
}

/// A text's paragraphs, each on one line, without its title.
fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    let paragraphs = text.split("\n\n").map(str::trim);
    let kept = paragraphs.filter(|text| !text.is_empty() && !text.starts_with('#'));
    kept.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}
