//! The tables: what is written of tasks, and the two questions that are asked.
//!
//! A batch may be written twice, when it is not known whether the first time succeeded: rows that are there
//! already stay as they are. Must not know caches.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::outbox::Ended;
use super::reads::SchedulerFigures;
use super::simulator::Scheduler;
use crate::sql::Database;

const TRAINING: &str = "training_data";
const RESULTS: &str = "scheduler_results";

pub(super) const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS training_data (
        id {identity},
        task_id TEXT NOT NULL UNIQUE,
        size DOUBLE PRECISION NOT NULL,
        compute_intensity DOUBLE PRECISION NOT NULL,
        memory_required DOUBLE PRECISION NOT NULL,
        memory_per_size DOUBLE PRECISION NOT NULL,
        compute_to_memory DOUBLE PRECISION NOT NULL,
        optimal_gpu_fraction DOUBLE PRECISION NOT NULL,
        optimal_time DOUBLE PRECISION NOT NULL,
        created_at BIGINT NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS scheduler_results (
        id {identity},
        task_id TEXT NOT NULL,
        scheduler_name TEXT NOT NULL,
        gpu_fraction DOUBLE PRECISION NOT NULL,
        cpu_fraction DOUBLE PRECISION NOT NULL,
        gpu_id BIGINT,
        actual_time DOUBLE PRECISION NOT NULL,
        energy_consumption DOUBLE PRECISION,
        execution_cost DOUBLE PRECISION,
        executed_at BIGINT NOT NULL,
        UNIQUE (task_id, scheduler_name)
    )",
    "CREATE INDEX IF NOT EXISTS scheduler_results_by_name ON scheduler_results (scheduler_name)",
];

/// Tables in a database, of bounded length.
pub(super) struct Store {
    pub(super) database: Database,
    /// Tasks whose rows are kept.
    pub(super) tasks_max: u64,
}

/// A row of `training_data`, as it is answered with.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct TrainingData {
    size: f64,
    compute_intensity: f64,
    memory_required: f64,
    memory_per_size: f64,
    compute_to_memory: f64,
    optimal_gpu_fraction: f64,
    optimal_time: f64,
    created_at: String,
}

impl Store {
    /// The newest rows of the training data, newest first.
    pub(super) async fn latest(&self, limit: u32) -> sqlx::Result<Vec<TrainingData>> {
        let rows = self.database.run("select", TRAINING, async |pool| {
            let latest = "SELECT size, compute_intensity, memory_required, memory_per_size, compute_to_memory, \
                          optimal_gpu_fraction, optimal_time, created_at \
                          FROM training_data ORDER BY id DESC LIMIT $1";
            sqlx::query(latest).bind(i64::from(limit)).fetch_all(pool).await
        });
        rows.await?.iter().map(training).collect()
    }

    /// What the results of a scheduler come to.
    pub(super) async fn figures(&self, scheduler: Scheduler) -> sqlx::Result<SchedulerFigures> {
        let row = self.database.run("select", RESULTS, async |pool| {
            let sums = "SELECT COUNT(*), AVG(actual_time), MIN(actual_time), MAX(actual_time), \
                        SUM(energy_consumption), SUM(execution_cost) \
                        FROM scheduler_results WHERE scheduler_name = $1";
            sqlx::query(sums)
                .bind(scheduler.name())
                .fetch_one(pool)
                .await
        });
        let row = row.await?;
        let sum = |column| {
            Ok::<f64, sqlx::Error>(row.try_get::<Option<f64>, usize>(column)?.unwrap_or(0.0))
        };
        Ok(SchedulerFigures {
            count: row.try_get(0)?,
            avg_time: row.try_get(1)?,
            min_time: row.try_get(2)?,
            max_time: row.try_get(3)?,
            total_energy: sum(4)?,
            total_cost: sum(5)?,
        })
    }

    /// Writes tasks, a statement for each table.
    pub(super) async fn write(&self, batch: &[Ended]) -> sqlx::Result<()> {
        self.write_training(batch).await?;
        self.write_results(batch).await
    }

    async fn write_training(&self, batch: &[Ended]) -> sqlx::Result<()> {
        let columns = "task_id, size, compute_intensity, memory_required, memory_per_size, compute_to_memory, \
                       optimal_gpu_fraction, optimal_time, created_at";
        let text = insertion(TRAINING, columns, batch.len());
        let written = self.database.run("insert", TRAINING, async |pool| {
            let mut query = sqlx::query(AssertSqlSafe(text));
            for Ended { completed, at } in batch {
                let (task, training) = (&completed.task, &completed.training);
                query = query
                    .bind(task.id.as_str())
                    .bind(task.size)
                    .bind(task.compute_intensity)
                    .bind(task.memory_required)
                    .bind(training.memory_per_size)
                    .bind(training.compute_to_memory)
                    .bind(training.optimal_gpu_fraction)
                    .bind(training.optimal_time)
                    .bind(at.as_millisecond());
            }
            query.execute(pool).await
        });
        written.await.map(|_| ())
    }

    async fn write_results(&self, batch: &[Ended]) -> sqlx::Result<()> {
        let columns = "task_id, scheduler_name, gpu_fraction, cpu_fraction, gpu_id, actual_time, \
                       energy_consumption, execution_cost, executed_at";
        let rows = batch
            .iter()
            .map(|ended| ended.completed.results.len())
            .sum();
        let text = insertion(RESULTS, columns, rows);
        let written = self.database.run("insert", RESULTS, async |pool| {
            let mut query = sqlx::query(AssertSqlSafe(text));
            for Ended { completed, at } in batch {
                for result in &completed.results {
                    query = query
                        .bind(completed.task.id.as_str())
                        .bind(result.scheduler_name)
                        .bind(result.gpu_fraction)
                        .bind(result.cpu_fraction)
                        .bind(result.gpu_id)
                        .bind(result.actual_time)
                        .bind(result.energy_consumption)
                        .bind(result.execution_cost)
                        .bind(at.as_millisecond());
                }
            }
            query.execute(pool).await
        });
        written.await.map(|_| ())
    }

    /// Removes the oldest rows past the limit.
    pub(super) async fn trim(&self) -> sqlx::Result<()> {
        let limits = [
            (TRAINING, self.tasks_max),
            (RESULTS, self.tasks_max * Scheduler::ALL.len() as u64),
        ];
        for (table, rows_max) in limits {
            let trimmed = self.database.run("delete", table, async |pool| {
                let text =
                    format!("DELETE FROM {table} WHERE id <= (SELECT MAX(id) FROM {table}) - $1");
                let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
                sqlx::query(AssertSqlSafe(text))
                    .bind(rows_max)
                    .execute(pool)
                    .await
            });
            trimmed.await?;
        }
        Ok(())
    }
}

/// An insertion of so many rows; each column is bound.
fn insertion(table: &str, columns: &str, rows: usize) -> String {
    let width = columns.split(',').count();
    let mut text = format!("INSERT INTO {table} ({columns}) VALUES ");
    for number in 1..=rows * width {
        let before = match number % width {
            1 if number == 1 => "(",
            1 => "), (",
            _ => ", ",
        };
        write!(text, "{before}${number}").expect("a String takes all");
    }
    text + ") ON CONFLICT DO NOTHING"
}

fn training(row: &AnyRow) -> sqlx::Result<TrainingData> {
    let created_at: i64 = row.try_get("created_at")?;
    Ok(TrainingData {
        size: row.try_get("size")?,
        compute_intensity: row.try_get("compute_intensity")?,
        memory_required: row.try_get("memory_required")?,
        memory_per_size: row.try_get("memory_per_size")?,
        compute_to_memory: row.try_get("compute_to_memory")?,
        optimal_gpu_fraction: row.try_get("optimal_gpu_fraction")?,
        optimal_time: row.try_get("optimal_time")?,
        created_at: Timestamp::from_millisecond(created_at)
            .unwrap_or_default()
            .to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::insertion;

    #[test]
    fn each_column_of_each_row_is_bound() {
        let text = insertion("t", "a, b", 3);
        let expected =
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6) ON CONFLICT DO NOTHING";
        assert_eq!(text, expected);
    }
}
