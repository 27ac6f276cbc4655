//! The service `workstations`, through a gateway: each fact on `SQLite` and on a real `PostgreSQL`.

mod caching;
mod fields;
mod house;
mod outage;
mod performance;
mod rest;
mod sockets;

/// Makes a test on each database of each fact.
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($house:ident) $body:block)*) => {
        mod on_sqlite {
            $($(#[$doc])* #[tokio::test] async fn $name() {
                super::$name(super::House::on_sqlite()).await;
            })*
        }
        mod on_postgres {
            $($(#[$doc])* #[tokio::test] async fn $name() {
                super::$name(super::House::on_postgres().await).await;
            })*
        }
        $(async fn $name($house: House) $body)*
    };
}
use on_both;
