//! The table: its schema, and the few statements on it. Columns are named here and in `fields`, values are
//! always bound.
//!
//! It must not know of caches.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::fields::{Datum, Fields};
use super::record::{Summary, Workstation};
use crate::sql::Database;

/// Workstations at most: the list is one answer.
pub(super) const ROWS_MAX: usize = 10_000;

pub(super) const SCHEMA: &[&str] = &["CREATE TABLE IF NOT EXISTS workstations (
    id {identity},
    name TEXT NOT NULL UNIQUE,
    ip_address TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'unknown',
    total_emulators BIGINT NOT NULL DEFAULT 0,
    active_emulators BIGINT NOT NULL DEFAULT 0,
    cpu_usage DOUBLE PRECISION NOT NULL DEFAULT 0,
    memory_usage DOUBLE PRECISION NOT NULL DEFAULT 0,
    disk_usage DOUBLE PRECISION NOT NULL DEFAULT 0,
    last_seen TEXT,
    username TEXT,
    ldplayer_path TEXT,
    ldconsole_path TEXT,
    configs_path TEXT,
    smb_enabled BIGINT NOT NULL DEFAULT 0,
    powershell_remoting_enabled BIGINT NOT NULL DEFAULT 0,
    winrm_port BIGINT NOT NULL DEFAULT 5985,
    monitoring_enabled BIGINT NOT NULL DEFAULT 1,
    monitoring_interval BIGINT NOT NULL DEFAULT 30,
    CHECK (active_emulators <= total_emulators)
)"];

const TABLE: &str = "workstations";
const SUMMARY: &str = "id, name, ip_address, status, total_emulators, active_emulators, cpu_usage, \
                       memory_usage, disk_usage, last_seen";
const DETAILS: &str = "username, ldplayer_path, ldconsole_path, configs_path, smb_enabled, \
                       powershell_remoting_enabled, winrm_port, monitoring_enabled, monitoring_interval";

/// All workstations, by name.
pub(super) async fn list(database: &Database) -> sqlx::Result<Vec<Summary>> {
    let rows = database.run("select", TABLE, async |pool| {
        let text = format!("SELECT {SUMMARY} FROM {TABLE} ORDER BY name, id");
        sqlx::query(AssertSqlSafe(text)).fetch_all(pool).await
    });
    rows.await?.iter().map(summary).collect()
}

/// The workstation `id`, if there is one.
pub(super) async fn find(database: &Database, id: i64) -> sqlx::Result<Option<Workstation>> {
    let row = database.run("select", TABLE, async |pool| {
        let text = format!("SELECT {SUMMARY}, {DETAILS} FROM {TABLE} WHERE id = $1");
        sqlx::query(AssertSqlSafe(text))
            .bind(id)
            .fetch_optional(pool)
            .await
    });
    row.await?.as_ref().map(workstation).transpose()
}

/// Adds a workstation; none where there are [`ROWS_MAX`].
pub(super) async fn insert(
    database: &Database,
    fields: Fields,
) -> sqlx::Result<Option<Workstation>> {
    let columns: Vec<_> = fields.0.iter().map(|(column, _)| *column).collect();
    let numbers: Vec<_> = (1..=columns.len())
        .map(|number| format!("${number}"))
        .collect();
    let text = format!(
        "INSERT INTO {TABLE} ({}) SELECT {} WHERE (SELECT COUNT(*) FROM {TABLE}) < {ROWS_MAX} \
         RETURNING {SUMMARY}, {DETAILS}",
        columns.join(", "),
        numbers.join(", ")
    );
    let insert = bind(sqlx::query(AssertSqlSafe(text)), fields);
    first(&database.change("insert", TABLE, insert).await?)
}

/// Changes these fields of the workstation `id`, if there is one.
pub(super) async fn update(
    database: &Database,
    id: i64,
    fields: Fields,
) -> sqlx::Result<Option<Workstation>> {
    let columns = fields.0.iter().zip(1..);
    let sets: Vec<_> = columns
        .map(|((column, _), number)| format!("{column} = ${number}"))
        .collect();
    let text = format!(
        "UPDATE {TABLE} SET {} WHERE id = ${} RETURNING {SUMMARY}, {DETAILS}",
        sets.join(", "),
        sets.len() + 1
    );
    let update = bind(sqlx::query(AssertSqlSafe(text)), fields).bind(id);
    first(&database.change("update", TABLE, update).await?)
}

/// Removes the workstation `id`, if there is one, and returns what it was.
pub(super) async fn delete(database: &Database, id: i64) -> sqlx::Result<Option<Workstation>> {
    let text = format!("DELETE FROM {TABLE} WHERE id = $1 RETURNING {SUMMARY}, {DETAILS}");
    let delete = sqlx::query(AssertSqlSafe(text)).bind(id);
    first(&database.change("delete", TABLE, delete).await?)
}

type Bound<'q> = Query<'q, Any, AnyArguments>;

fn bind(query: Bound<'_>, fields: Fields) -> Bound<'_> {
    let data = fields.0.into_iter().map(|(_, datum)| datum);
    data.fold(query, |query, datum| match datum {
        Datum::Text(text) => query.bind(text),
        Datum::Whole(whole) => query.bind(whole),
        Datum::Real(real) => query.bind(real),
    })
}

fn first(rows: &[AnyRow]) -> sqlx::Result<Option<Workstation>> {
    rows.first().map(workstation).transpose()
}

fn summary(row: &AnyRow) -> sqlx::Result<Summary> {
    Ok(Summary {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        ip_address: row.try_get("ip_address")?,
        status: row.try_get("status")?,
        total_emulators: row.try_get("total_emulators")?,
        active_emulators: row.try_get("active_emulators")?,
        cpu_usage: row.try_get("cpu_usage")?,
        memory_usage: row.try_get("memory_usage")?,
        disk_usage: row.try_get("disk_usage")?,
        last_seen: row.try_get("last_seen")?,
    })
}

fn workstation(row: &AnyRow) -> sqlx::Result<Workstation> {
    let is_on = |column| row.try_get::<i64, _>(column).map(|number| number != 0);
    Ok(Workstation {
        summary: summary(row)?,
        username: row.try_get("username")?,
        ldplayer_path: row.try_get("ldplayer_path")?,
        ldconsole_path: row.try_get("ldconsole_path")?,
        configs_path: row.try_get("configs_path")?,
        smb_enabled: is_on("smb_enabled")?,
        powershell_remoting_enabled: is_on("powershell_remoting_enabled")?,
        winrm_port: row.try_get("winrm_port")?,
        monitoring_enabled: is_on("monitoring_enabled")?,
        monitoring_interval: row.try_get("monitoring_interval")?,
    })
}
