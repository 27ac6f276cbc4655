use super::*;

fn action(number: usize) -> Record {
    Record {
        at: "2026-11-22T00:00:00Z".to_owned(),
        actor: "user ada".to_owned(),
        role: Some(Role::Admin),
        request_id: number.to_string(),
        action: "invalidate".to_owned(),
        cache: Some("numbers".to_owned()),
        scope: Some(format!("key {number}")),
        dry_run: false,
        matched: Some(1),
        outcome: "everywhere".to_owned(),
        status: 200,
    }
}

fn refused(number: usize) -> Record {
    Record {
        outcome: "refused".to_owned(),
        status: 403,
        ..action(number)
    }
}

fn ids(log: &AuditLog) -> Vec<String> {
    let told = log.tell().actions.into_iter();
    told.map(|action| action.request_id).collect()
}

#[test]
fn the_newest_thousand_are_told_the_newest_first() {
    let log = AuditLog::default();
    (0..1_200).for_each(|number| log.add(action(number)));
    let ids = ids(&log);
    assert_eq!((ids.len(), &*ids[0], &*ids[999]), (1_000, "1199", "200"));
    assert_eq!(log.tell().dropped, 0);
}

#[test]
fn who_may_change_nothing_does_not_push_out_what_was_changed() {
    let log = AuditLog::default();
    log.add(action(0));
    (1..5_000).for_each(|number| log.add(refused(number)));
    let told = log.tell();
    assert_eq!(told.actions.last().unwrap().request_id, "0");
    assert_eq!(told.dropped as usize + told.actions.len(), 5_000);
}

/// I5
#[test]
fn a_restart_finds_what_was_noted_and_skips_a_line_that_a_crash_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let log = AuditLog::in_file(path.clone());
    (0..3).for_each(|number| log.add(action(number)));
    drop(log);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();

    let log = AuditLog::in_file(path.clone());
    assert_eq!(
        (ids(&log), log.tell().unreadable),
        (vec!["1".into(), "0".into()], 1)
    );
    log.add(action(7));
    drop(log);
    let log = AuditLog::in_file(path);
    assert_eq!(
        (ids(&log), log.tell().unreadable),
        (vec!["7".into(), "1".into(), "0".into()], 1)
    );
}

#[test]
fn the_file_is_bounded_and_read_with_the_one_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let line = serde_json::to_string(&action(1)).unwrap() + "\n";
    let full = line.repeat((4 << 20) / line.len());
    std::fs::write(&path, &full).unwrap();
    let log = AuditLog::in_file(path.clone());
    (0..10).for_each(|number| log.add(action(number)));
    drop(log);
    let before = std::fs::read_to_string(directory.path().join("audit.log.1")).unwrap();
    assert!(before.starts_with(&full) && before.len() <= 4 << 20);
    assert!(std::fs::metadata(&path).unwrap().len() < 10_000);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    let ids = ids(&AuditLog::in_file(path));
    assert_eq!((ids.len(), &*ids[0], &*ids[9]), (1_000, "9", "0"));
}

#[test]
fn of_a_file_that_is_too_long_the_end_is_read_from_the_beginning_of_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let line = serde_json::to_string(&action(1)).unwrap() + "\n";
    std::fs::write(&path, line.repeat((5 << 20) / line.len())).unwrap();
    assert_eq!(AuditLog::in_file(path).tell().unreadable, 0);
}

#[test]
fn who_is_refused_a_minute_later_is_noted_again() {
    let log = AuditLog::default();
    (0..200).for_each(|number| log.add(refused(number)));
    assert_eq!(ids(&log).len(), REFUSED_MAX);
    log.kept.lock().refused_since -= REFUSED_PERIOD;
    log.add(refused(200));
    assert_eq!(ids(&log)[0], "200");
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_costs_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    std::fs::create_dir(&path).unwrap();
    let log = AuditLog::in_file(path.clone());
    log.add(action(1));
    assert!(log.trouble().unwrap().contains("audit.log"));
    assert_eq!(ids(&log), ["1"]);
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let log = AuditLog::in_file(path.clone());
    log.add(action(1));
    drop(log);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
