//! The embedded knowledge base: a real full-text search, asked with any message.

use larder_metrics::Registry;
use larder_services::assistant_context::{Context, Knowledge, Question, Rpc};
use larder_services::sql::Database;
use tempfile::TempDir;

fn open(directory: &TempDir) -> Knowledge {
    Knowledge::open(&url(directory), &Registry::new()).unwrap()
}

fn url(directory: &TempDir) -> String {
    format!("sqlite:{}", directory.path().join("k.db").display())
}

async fn ask(knowledge: &Knowledge, message: &str) -> Context {
    let found = knowledge.fetch(&Question::new(message, None)).await;
    found.unwrap_or_else(|error| panic!("{message:?}: {error}"))
}

#[tokio::test]
async fn the_best_text_comes_first_whatever_form_its_words_have() {
    let directory = tempfile::tempdir().unwrap();
    let knowledge = open(&directory);
    for (message, from) in [
        ("how to use reverb in mixing", "reverb.md"),
        ("Compression techniques for vocals", "vocals.md"),
        ("sidechaining the kick and the bass", "compression.md"),
        ("my mix sounds muddy and boxy", "equalization.md"),
        ("what LUFS for streaming services?", "mastering.md"),
        ("programming drums", "drums.md"),
        ("ping-pong delays", "delay.md"),
    ] {
        let context = ask(&knowledge, message).await;
        assert_eq!(
            context.snippets[0].from, from,
            "{message}: {:?}",
            context.snippets[0]
        );
        assert!(context.snippets.len() <= 10);
    }
    assert!(ask(&knowledge, "zebras on bicycles").await.is_empty());
}

/// No message is a query: whatever it holds is looked for as words.
#[tokio::test]
async fn any_message_is_safe() {
    let directory = tempfile::tempdir().unwrap();
    let knowledge = open(&directory);
    let reverb = ask(&knowledge, "reverb").await;
    for message in [
        "\"",
        "\"reverb",
        "reverb\"\"",
        "reverb AND",
        "NOT reverb",
        "NEAR(reverb",
        "reverb*",
        "^reverb",
        "snippet:reverb",
        "{filename snippet}:reverb",
        "-reverb + (",
        "'; DROP TABLE knowledge; --",
        "reverb' OR '1'='1",
        "\u{0}reverb\u{0}",
        "e\u{301}\u{200d}🎛️ reverb",
        "rëverb ﬁlter İstanbul ß",
        "\\",
        "%_",
        "",
    ] {
        ask(&knowledge, message).await;
    }
    ask(&knowledge, &"reverb ".repeat(1_000)).await;
    ask(
        &knowledge,
        &["word1 ", "word2 ", "reverb "].concat().repeat(300),
    )
    .await;
    ask(&knowledge, &"x".repeat(8_000)).await;
    assert_eq!(
        ask(&knowledge, "^(\"reverb\"*) OR").await.snippets[0].from,
        reverb.snippets[0].from
    );
    assert_eq!(
        ask(&knowledge, "reverb").await,
        reverb,
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_file_that_is_known_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let knowledge = open(&directory);
    let ask = async |name: &str| {
        knowledge
            .fetch(&Question::new("zebras", Some(name)))
            .await
            .unwrap()
    };
    let known = ask("reverb.md").await;
    let file = known.file.as_ref().unwrap();
    assert_eq!(
        (&*file.filename, &*file.file_type),
        ("reverb.md", "text/markdown")
    );
    assert!(!known.is_empty());
    assert_eq!(ask("' OR 1=1 --").await, Context::default());
}

#[tokio::test]
async fn it_is_filled_once_and_what_others_put_in_stays() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(&directory);
    first.fill().await.unwrap();
    first.close().await;
    let own = Database::open(&url(&directory), &[], &Registry::new()).unwrap();
    let rows = async |statement: &'static str| {
        let run = own.run("select", "knowledge", async |pool| {
            sqlx::query(statement).fetch_all(pool).await
        });
        run.await.unwrap().len()
    };
    let all = "SELECT snippet FROM knowledge";
    let before = rows(all).await;
    assert!(before > 50);
    rows("INSERT INTO knowledge (filename, snippet) VALUES ('house.md', 'Our zebras ride bicycles.')").await;
    rows("UPDATE knowledge_files SET digest = 'older' WHERE filename = 'reverb.md'").await;
    rows("DELETE FROM knowledge WHERE filename = 'reverb.md' AND snippet LIKE '%Pre-delay%'").await;

    let second = open(&directory);
    assert_eq!(ask(&second, "zebras").await.snippets[0].from, "house.md");
    assert_eq!(
        rows(all).await,
        before + 1,
        "a text that is older is put in anew"
    );
}

#[tokio::test]
async fn a_server_is_no_knowledge_base() {
    let refused = Knowledge::open("postgres://a/b", &Registry::new());
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("expected sqlite:PATH")
    );
}
