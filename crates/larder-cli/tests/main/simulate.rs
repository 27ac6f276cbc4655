//! `larder simulate` on small streams of keys.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::{Ended, end, larder};

fn simulate(dir: &Path, name: &str, bytes: &[u8], arguments: &[&str]) -> Ended {
    let trace = dir.join(name);
    fs::write(&trace, bytes).expect("a trace is written");
    let path = trace.to_str().expect("its path is UTF-8");
    end(larder(dir, &[&["simulate", path], arguments].concat())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default()))
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory is made")
}

#[test]
fn a_trace_of_lines_gives_the_ratios_of_each_capacity() {
    let dir = directory();
    let stream = b"a\nb\na\nb\nc\na\nb\nc\n*\n\n";
    let ended = simulate(dir.path(), "keys.txt", stream, &["--capacity", "2,100%"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "8 requests of 3 keys");
    let cells = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(cells(lines[2]), ["capacity", "larder", "LRU", "optimum"]);
    let two = cells(lines[3]);
    assert_eq!(
        (two[0].as_str(), two[3].as_str(), two[5].as_str()),
        ("2", "25.00", "50.00")
    );
    assert_eq!(
        cells(lines[4]),
        ["3", "62.50", "%", "62.50", "%", "62.50", "%"]
    );
}

#[test]
fn each_format_is_read() {
    let dir = directory();
    let oracle: Vec<u8> = [7_u64, 8, 7, 7]
        .iter()
        .flat_map(|key| [&[0; 4], &key.to_le_bytes()[..], &[0; 12]].concat())
        .collect();
    let wide: Vec<u8> = [7_i64, -8, 7, 7]
        .iter()
        .flat_map(|key| key.to_be_bytes())
        .collect();
    let narrow: Vec<u8> = [7_u32, 8, 7, 7]
        .iter()
        .flat_map(|key| key.to_be_bytes())
        .collect();
    for (name, bytes, format) in [
        ("a.lis", &b"7 2 0 0\n7 1 0 1\n7 1 0 2\n"[..], "auto"),
        ("a", b"1 7 100\n2 8 100\n3 7 100\n4 7 100\n", "timed"),
        ("a.oracleGeneral.bin", &oracle, "auto"),
        ("b", &wide, "i64be"),
        ("c", &narrow, "u32be"),
    ] {
        let arguments = ["--capacity", "50%", "--json", "--format", format];
        let ended = simulate(dir.path(), name, bytes, &arguments);
        assert_eq!(ended.stderr, "", "{name}");
        let answer: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(
            (&answer["requests"], &answer["unique_keys"]),
            (&4.into(), &2.into()),
            "{name}"
        );
        let first = &answer["capacities"][0];
        assert_eq!(
            (&first["capacity"], &first["hit_ratio"]["optimum"]),
            (&1.into(), &0.5.into())
        );
    }
}

#[test]
fn a_packed_trace_is_unpacked() {
    let dir = directory();
    fs::write(dir.path().join("plain"), "1\n1\n2\n").expect("a trace is written");
    let gzip = Command::new("gzip")
        .args(["-c", "plain"])
        .current_dir(dir.path())
        .output();
    let packed = gzip.expect("gzip is there").stdout;
    let ended = simulate(dir.path(), "keys.gz", &packed, &["--capacity", "1"]);
    assert!(
        ended.stdout.starts_with("3 requests of 2 keys\n"),
        "{}",
        ended.stderr
    );

    let ended = simulate(
        dir.path(),
        "torn.gz",
        &packed[..packed.len() - 9],
        &["--capacity", "1"],
    );
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("torn.gz: `gzip` can't unpack it: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn where_the_unpacking_program_is_missing_it_is_named() {
    let dir = directory();
    let trace = dir.path().join("keys.zst");
    fs::write(&trace, "").expect("a trace is written");
    let path = trace.to_str().expect("its path is UTF-8");
    let mut command = larder(dir.path(), &["simulate", path, "--capacity", "1"]);
    let ended = end(command.env("PATH", dir.path()).stdin(Stdio::null()));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("needs the program `zstd`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_bad_record_is_named_with_its_place() {
    let dir = directory();
    for (name, bytes, format, said) in [
        (
            "a.lis",
            &b"1 2\nx 3\n"[..],
            "auto",
            "a.lis, line 2: expected `start count …`",
        ),
        (
            "b.lis",
            b"1 9999999999\n",
            "auto",
            "b.lis, line 1: expected `start count …`",
        ),
        (
            "c",
            b"1 2\n\n3\n",
            "timed",
            "c, line 3: expected `time key …`",
        ),
        (
            "d",
            &[0; 10],
            "i64be",
            "d, byte 8: expected whole numbers of 8 bytes",
        ),
        (
            "e",
            &[0; 10],
            "auto",
            "e: it is binary, and its name does not tell the format",
        ),
        ("f", b"\n", "lines", "f: it holds no requests"),
    ] {
        let ended = simulate(
            dir.path(),
            name,
            bytes,
            &["--capacity", "1", "--format", format],
        );
        assert!(
            ended.code != Some(0) && ended.stderr.contains(said),
            "{}",
            ended.stderr
        );
    }
    let missing = end(&mut larder(
        dir.path(),
        &["simulate", "nowhere", "--capacity", "1"],
    ));
    assert!(missing.stderr.contains("nowhere: "), "{}", missing.stderr);
}

#[test]
fn a_size_is_a_number_or_a_share() {
    let dir = directory();
    for size in ["", "ten", "-1", "101%", "%", "NaN%"] {
        let ended = simulate(dir.path(), "a", b"1\n", &[&format!("--capacity={size}")]);
        assert_eq!(ended.code, Some(2), "{size}");
        assert!(
            ended
                .stderr
                .contains("expected a number of entries or a share"),
            "{}",
            ended.stderr
        );
    }
}
