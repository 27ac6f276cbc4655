//! Servers that refuse, fail, break off or are not there; and TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::small::{Small, bench, home, measured, serve_apart};
use crate::run::{end, larder};

#[test]
fn a_server_that_refuses_fails_or_is_not_there_is_told_at_once() {
    let (home, small) = (home(), Small::start());
    for (status, code, said) in [
        (
            401,
            4,
            "is refused: the server's own words (status 401); give what it asks for with -H",
        ),
        (403, 4, "is refused"),
        (404, 5, "is not found"),
        (503, 6, "has no answer yet"),
        (
            500,
            1,
            "expected status 2xx, got: the server's own words (status 500)",
        ),
        (302, 1, "expected status 2xx"),
    ] {
        let ended = bench(
            home.path(),
            &["run", &format!("{}/status/{status}", small.url)],
        );
        assert_eq!(ended.code, Some(code), "{status}");
        assert!(
            ended.stderr.contains(said) && ended.stdout.is_empty(),
            "{}",
            ended.stderr
        );
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let ended = bench(
        home.path(),
        &["run", &format!("http://{}/", free.expect("an address"))],
    );
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.stderr.contains("cannot connect: "),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("is a server running there?"),
        "{}",
        ended.stderr
    );
}

/// Answers each connection with the next text and closes it.
fn raw(answers: impl Fn(usize) -> &'static str + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = stream;
            let mut request = [0; 4_096];
            let asked = stream.read(&mut request);
            let answered = asked.and_then(|_| stream.write_all(answers(number).as_bytes()));
            // A client that went away is no matter.
            drop(answered);
        }
    });
    url
}

#[test]
fn answers_that_break_off_are_counted_by_their_kind() {
    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let home = home();
    let url = raw(|number| match number % 4 {
        0 => GOOD,
        1 => CUT,
        2 => "what is this?\r\n\r\n",
        _ => BUSY,
    });
    let run = [
        url.as_str(),
        "-n",
        "8",
        "-r",
        "1",
        "-c",
        "1",
        "--warm-up",
        "0s",
    ];
    let report = measured(home.path(), &run);
    let side = &report["sides"][0];
    assert_eq!(
        side["errors"],
        serde_json::json!({ "cut": 2, "protocol": 2, "status": 2 })
    );
    assert_eq!(side["statuses"], serde_json::json!({ "200": 2, "503": 2 }));
    assert_eq!(side["error_rate"], 0.75);
    let broken = raw(|_| CUT);
    let ended = bench(home.path(), &["run", &broken]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("the answer broke off"),
        "{}",
        ended.stderr
    );
}

/// Answers over TLS with a certificate that nobody has signed; returns it as PEM.
fn secure() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            let config = config.with_no_client_auth();
            config.with_single_cert(vec![cert.der().clone()], key)
        });
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let address = serve_apart(async move |listener| {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut request = [0; 4_096];
                while stream.read(&mut request).await? > 0 {
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                        .await?;
                    stream.flush().await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    (format!("https://{address}/"), cert.pem())
}

#[test]
fn a_server_is_asked_over_tls_if_its_authority_is_trusted() {
    let home = home();
    let (url, pem) = secure();
    std::fs::write(home.path().join("ca.pem"), pem).expect("written");
    let run = |trusted: &str| {
        let arguments = [
            "bench",
            "run",
            &url,
            "-n",
            "4",
            "-r",
            "1",
            "--warm-up",
            "0s",
            "--csv",
            "-",
        ];
        let mut command = larder(home.path(), &arguments);
        end(command
            .env("SSL_CERT_FILE", home.path().join(trusted))
            .current_dir(home.path()))
    };
    let ended = run("ca.pem");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("measured,1,4,0,"), "{}", ended.stdout);

    let (_, other) = secure();
    std::fs::write(home.path().join("other.pem"), other).expect("written");
    let ended = run("other.pem");
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("certificate"), "{}", ended.stderr);
    assert!(
        run("none.pem")
            .stderr
            .contains("no certificate of an authority was found")
    );
}
