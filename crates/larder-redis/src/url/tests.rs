use super::*;

fn place(url: &str) -> Place {
    Target::parse(url).unwrap().place
}

fn host(name: &str, port: u16) -> Host {
    Host {
        name: name.to_owned(),
        port,
    }
}

fn login(user: Option<&str>, password: Option<&str>) -> Login {
    Login {
        user: user.map(str::to_owned),
        password: password.map(str::to_owned),
    }
}

#[test]
fn a_host_has_a_port_and_a_database_if_none_is_named() {
    let target = Target::parse("redis://cache").unwrap();
    assert_eq!(target.place, Place::Host(host("cache", 6379)));
    assert_eq!((target.db, target.has_tls), (0, false));
    assert_eq!(target.login, Login::default());
    let target = Target::parse("rediss://u:p%40%2Fs@cache:7000/3").unwrap();
    assert_eq!(target.place, Place::Host(host("cache", 7000)));
    assert_eq!((target.db, target.has_tls), (3, true));
    assert_eq!(target.login, login(Some("u"), Some("p@/s")));
    assert_eq!(place("redis://[::1]:7000/"), Place::Host(host("::1", 7000)));
    assert_eq!(
        place("redis://[fe80::2]"),
        Place::Host(host("fe80::2", 6379))
    );
}

#[test]
fn a_password_may_stand_alone_and_have_an_at_sign() {
    let target = Target::parse("redis://:p@ss@cache").unwrap();
    assert_eq!(target.login, login(None, Some("p@ss")));
    assert_eq!(target.place, Place::Host(host("cache", 6379)));
}

#[test]
fn a_socket_has_its_settings_in_the_query() {
    let target = Target::parse("unix:///run/redis%20a.sock?db=2&password=p&user=u").unwrap();
    assert_eq!(target.place, Place::Unix("/run/redis a.sock".into()));
    assert_eq!((target.db, target.login), (2, login(Some("u"), Some("p"))));
}

#[test]
fn sentinels_are_several_and_watch_a_name() {
    let url = "redis+sentinel://u:p@a:1,b,[::1]:3/main/2?sentinel_password=s";
    let target = Target::parse(url).unwrap();
    let Place::Sentinels(sentinels) = target.place else {
        panic!("{target:?}");
    };
    let hosts = vec![host("a", 1), host("b", 26379), host("::1", 3)];
    assert_eq!((sentinels.hosts, sentinels.name), (hosts, "main".into()));
    assert_eq!(sentinels.login, login(None, Some("s")));
    assert_eq!((target.db, target.login), (2, login(Some("u"), Some("p"))));
}

#[test]
fn what_is_wrong_is_named_and_what_is_expected_without_the_password() {
    let cases = [
        ("localhost:6379", "begins with a scheme"),
        ("http://u:secret@host", "scheme `http`"),
        ("redis://", "is no host"),
        ("redis://u:secret@host:port", "the port is a number"),
        ("redis://host:70000", "the port is a number"),
        ("redis://host/zero", "the database is a number"),
        ("redis://u@host", "user without a password"),
        ("redis://u:%zz@host", "two hexadecimal digits"),
        ("redis://host?timeout=3", "`timeout` is not known"),
        ("unix://run/redis.sock", "begins with `/`"),
        ("redis+sentinel://a,b", "the name under which"),
        ("redis://[::1", "is no host"),
        ("redis://u:secret/1@host", "written as %2F"),
        ("redis://u:p?secret@host", "written as %2F"),
        ("redis://u:p#secret@host", "written as %2F"),
    ];
    for (url, expected) in cases {
        let text = Target::parse(url).unwrap_err().to_string();
        assert!(text.contains(expected), "{url}: {text}");
        assert!(text.contains("redis://[user:password@]host"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let target = Target::parse("redis://u:secret@host").unwrap();
    assert!(!format!("{target:?} {target} {:?}", target.login).contains("secret"));
}

#[test]
fn the_environment_names_a_server_by_its_host() {
    let vars = |pairs: &'static [(&str, &str)]| {
        move |name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name)?;
            Some(pair.1.to_owned())
        }
    };
    assert_eq!(Target::from_vars(vars(&[("REDIS_PORT", "1")])), Ok(None));
    let all = &[("REDIS_HOST", "h"), ("REDIS_PORT", "1"), ("REDIS_DB", "2")];
    let target = Target::from_vars(vars(all)).unwrap().unwrap();
    assert_eq!((target.place, target.db), (Place::Host(host("h", 1)), 2));
    let wrong = &[("REDIS_HOST", "h"), ("REDIS_DB", "x")];
    let text = Target::from_vars(vars(wrong)).unwrap_err().to_string();
    assert!(text.contains("REDIS_DB is a number"), "{text}");
}
