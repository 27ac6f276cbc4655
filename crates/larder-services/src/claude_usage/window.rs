//! Cutting a [`View`] out of a [`Report`].
//!
//! It knows days and cells, and the order in which people want them; nothing of the wire.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::report::{Call, Cell, Day, Report, Totals};
use super::view::{
    ACTIVITY_MAX, Archived, CallRow, ChartData, DayCost, DayRow, ModelRow, ModelShare, ProjectCost,
    ProjectRow, SESSIONS_MAX, SessionRow, Summary, TimeRange, TotalsRow, View, Window,
};

impl Report {
    /// The figures of the window `range` that ends with `today`, a day in the report's zone.
    ///
    /// It costs some hundred microseconds for a year of logs; callers that serve many readers
    /// keep the result until the report changes.
    pub fn view(&self, range: TimeRange, today: Date) -> View {
        let first = range.first_day(today);
        let within = |date: Option<Date>| match first {
            None => true,
            Some(first) => date.is_some_and(|date| first <= date && date <= today),
        };
        let days: Vec<&Day> = self
            .days
            .iter()
            .map(AsRef::as_ref)
            .filter(|day| within(day.date))
            .collect();
        let mut totals = Totals::default();
        for day in &days {
            totals.add(&day.totals);
        }

        let models = models(&days);
        let projects = projects(&days);
        View {
            time_range: range,
            window: self.window(first, today, &days),
            project: self.summary(&projects, &totals),
            totals: TotalsRow {
                figures: (&totals).into(),
                unpriced_messages: totals.unpriced_messages,
                basis: "as_logged",
            },
            chart_data: chart_data(&days, &models, &projects, totals.messages),
            models,
            projects,
            sessions: sessions(&days),
            days: day_rows(&days),
            activity: activity(&days),
            archived: self.archived_within(within),
            scan: (&self.scan).into(),
        }
    }

    fn window(&self, first: Option<Date>, today: Date, days: &[&Day]) -> Window {
        let mut dates = days.iter().filter_map(|day| day.date);
        let from = first.or_else(|| dates.next());
        let last = days.last().and_then(|day| day.date);
        let to = if first.is_some() {
            today
        } else {
            last.map_or(today, |last| last.max(today))
        };
        let zone = match self.zone.iana_name() {
            Some(name) => name.to_owned(),
            None => self
                .zone
                .to_offset(self.updated_at.unwrap_or(Timestamp::UNIX_EPOCH))
                .to_string(),
        };
        Window {
            from: from.map(|date| date.to_string()),
            to: to.to_string(),
            zone,
        }
    }

    fn summary(&self, projects: &[ProjectRow], totals: &Totals) -> Summary {
        let name = match projects {
            [only] => only.project.to_string(),
            several => format!("All projects ({})", several.len()),
        };
        Summary {
            name,
            cost: totals.cost,
            tokens: totals.tokens.input.wrapping_add(totals.tokens.output),
            calls: totals.messages,
            last_updated: self.updated_at.map(|at| at.to_string()),
        }
    }

    fn archived_within(&self, within: impl Fn(Option<Date>) -> bool) -> Archived {
        let mut totals = Totals::default();
        let mut files = HashSet::new();
        for day in self.archived.iter().filter(|day| within(day.date)) {
            totals.add(&day.totals);
            files.extend(day.files.iter().copied());
        }
        Archived {
            files: files.len() as u64,
            messages: totals.messages,
            total_tokens: totals.tokens.total(),
            cost_usd: totals.cost,
        }
    }
}

/// Sums the cells of all days by `key`.
fn grouped<'a, K: Eq + Hash>(days: &[&'a Day], key: impl Fn(&'a Cell) -> K) -> HashMap<K, Totals> {
    let mut groups: HashMap<K, Totals> = HashMap::default();
    for cell in days.iter().flat_map(|day| &day.cells) {
        groups.entry(key(cell)).or_default().add(&cell.totals);
    }
    groups
}

/// The costliest first, then by name.
fn ranked(groups: HashMap<&Arc<str>, Totals>) -> Vec<(&Arc<str>, Totals)> {
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_unstable_by(|(name_a, a), (name_b, b)| {
        b.cost.cmp(&a.cost).then_with(|| name_a.cmp(name_b))
    });
    rows
}

fn models(days: &[&Day]) -> Vec<ModelRow> {
    let row = |(model, totals): (&Arc<str>, Totals)| ModelRow {
        model: model.clone(),
        figures: (&totals).into(),
        priced: totals.unpriced_messages == 0,
    };
    ranked(grouped(days, |cell| &cell.model))
        .into_iter()
        .map(row)
        .collect()
}

fn projects(days: &[&Day]) -> Vec<ProjectRow> {
    let row = |(project, totals): (&Arc<str>, Totals)| ProjectRow {
        project: project.clone(),
        figures: (&totals).into(),
    };
    ranked(grouped(days, |cell| &cell.project))
        .into_iter()
        .map(row)
        .collect()
}

fn sessions(days: &[&Day]) -> Vec<SessionRow> {
    let groups = grouped(days, |cell| (&cell.session, &cell.project));
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_unstable_by(|(key_a, a), (key_b, b)| {
        b.cost.cmp(&a.cost).then_with(|| key_a.cmp(key_b))
    });
    rows.truncate(SESSIONS_MAX);
    let last_activity = last_activity(days, &rows.iter().map(|(key, _)| *key).collect());
    let row = |((session, project), totals): ((&Arc<str>, &Arc<str>), Totals)| SessionRow {
        session: session.clone(),
        project: project.clone(),
        figures: (&totals).into(),
        last_activity: last_activity
            .get(&(session, project))
            .map(Timestamp::to_string),
    };
    rows.into_iter().map(row).collect()
}

type SessionKey<'a> = (&'a Arc<str>, &'a Arc<str>);

fn last_activity<'a>(
    days: &[&'a Day],
    wanted: &foldhash::HashSet<SessionKey<'a>>,
) -> HashMap<SessionKey<'a>, Timestamp> {
    let mut newest = HashMap::default();
    for cell in days.iter().flat_map(|day| &day.cells) {
        let key = (&cell.session, &cell.project);
        if let Some(at) = cell.last_activity.filter(|_| wanted.contains(&key)) {
            newest
                .entry(key)
                .and_modify(|last: &mut Timestamp| *last = at.max(*last))
                .or_insert(at);
        }
    }
    newest
}

fn day_rows(days: &[&Day]) -> Vec<DayRow> {
    let (dated, undated): (Vec<&Day>, Vec<&Day>) = days.iter().partition(|day| day.date.is_some());
    let row = |day: &Day| DayRow {
        date: day
            .date
            .map_or_else(|| "undated".to_owned(), |date| date.to_string()),
        figures: (&day.totals).into(),
    };
    dated.into_iter().chain(undated).map(row).collect()
}

fn chart_data(
    days: &[&Day],
    models: &[ModelRow],
    projects: &[ProjectRow],
    messages: u64,
) -> ChartData {
    let day_cost = |day: &&Day| {
        day.date.map(|date| DayCost {
            date: date.to_string(),
            cost: day.totals.cost,
        })
    };
    let share = |row: &ModelRow| ModelShare {
        model: row.model.clone(),
        percentage: 100.0 * row.figures.messages as f64 / messages as f64,
    };
    let project_cost = |row: &ProjectRow| ProjectCost {
        project: row.project.clone(),
        cost: row.figures.cost_usd,
    };
    ChartData {
        cost_over_time: days.iter().filter_map(day_cost).collect(),
        cost_by_project: projects.iter().map(project_cost).collect(),
        model_distribution: models.iter().map(share).collect(),
    }
}

fn activity(days: &[&Day]) -> Vec<CallRow> {
    let row = |call: &Call| CallRow {
        timestamp: call.at.map(|at| at.to_string()),
        model: call.model.clone(),
        project: call.project.clone(),
        session: call.session.clone(),
        input_tokens: call.tokens.input,
        output_tokens: call.tokens.output,
        cache_creation_tokens: call.tokens.cache_creation,
        cache_read_tokens: call.tokens.cache_read,
        cost_usd: call.cost,
        priced: call.priced,
    };
    days.iter()
        .rev()
        .flat_map(|day| &day.calls)
        .take(ACTIVITY_MAX)
        .map(row)
        .collect()
}
