//! What each role exposes is what `docs/operations.md` lists, and Prometheus finds nothing wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use chapar::testing::{Place, Shape};
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::{DEADLINE, Site, User, eventually};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A row of the document's table.
#[derive(Debug, PartialEq, Eq)]
struct Documented {
    kind: String,
    /// Each label with its values, where they are listed.
    labels: BTreeMap<String, BTreeSet<String>>,
    role: String,
}

/// A metric that a node exposes.
#[derive(Debug, Default)]
struct Exposed {
    kind: String,
    has_help: bool,
    labels: BTreeMap<String, BTreeSet<String>>,
}

type Exposition = BTreeMap<String, Exposed>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_each_role_exposes_is_what_the_document_lists() {
    let documented = documented("docs/operations.md");
    let persian = self::documented("docs/operations.fa.md");
    for (name, row) in &documented {
        assert_eq!(persian.get(name), Some(row), "{name} in Persian");
    }
    assert_eq!(
        documented.len(),
        persian.len(),
        "a metric that is only in Persian"
    );

    let mut exposed: Vec<(&str, Exposition)> = Vec::new();
    let single = Site::start(Shape::Single, Place::Processes, &[]).await;
    exposed.push(("one", bounded(used(&single, &single.api(0))).await));
    single.stop().await;
    // Nodes that share a process would share their metrics.
    let cluster = Site::start(CLUSTER, Place::Processes, &[]).await;
    exposed.push(("api", bounded(used(&cluster, &cluster.api(0))).await));
    exposed.push((
        "gateway",
        bounded(used(&cluster, &cluster.gateway(0))).await,
    ));
    cluster.stop().await;

    let mut values: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (role, exposition) in &exposed {
        for (name, row) in &documented {
            let is_due = row.role == "all" || *role == "one" || row.role == *role;
            assert_eq!(
                exposition.contains_key(name),
                is_due,
                "{name} of a node that is {role}"
            );
        }
        for (name, metric) in exposition {
            let row = documented.get(name);
            let row =
                row.unwrap_or_else(|| panic!("{name} of a node that is {role} is not listed"));
            assert_eq!(metric.kind, row.kind, "{name}");
            assert!(metric.has_help, "{name} does not say what it is");
            let labels: Vec<_> = metric.labels.keys().collect();
            assert_eq!(
                labels,
                row.labels.keys().collect::<Vec<_>>(),
                "labels of {name}"
            );
            for (label, seen) in &metric.labels {
                let seen = seen.iter().map(String::as_str);
                values.entry((name, label)).or_default().extend(seen);
            }
        }
    }
    for ((name, label), seen) in values {
        let listed = &documented[name].labels[label];
        let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        assert!(
            listed.is_empty() || listed == seen,
            "{name}: {label} = {seen:?}, not {listed:?}"
        );
    }
}

/// A node's metrics after somebody chatted, as Prometheus reads them without complaint.
async fn used(site: &Site, node: &chapar_tests::Rest) -> Exposition {
    let ali = User::register(site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    ali.connect().await.say(room, "سلام").await;
    let text = eventually(
        DEADLINE,
        "the node is ready, and has answered before",
        async || {
            let text = node.get("/metrics").await.expect(200).text();
            let is_used =
                text.contains("\nchapar_ready 1\n") && text.contains("chapar_http_requests_total{");
            is_used.then_some(text)
        },
    )
    .await;
    promtool(&text).await;
    read(&text)
}

async fn promtool(text: &str) {
    let mut checking = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("promtool: {error}; make tools, or: apt-get install prometheus")
        });
    let mut input = checking.stdin.take().unwrap();
    input.write_all(text.as_bytes()).await.unwrap();
    drop(input);
    let checked = checking.wait_with_output().await.unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        checked.status.success() && said.trim().is_empty(),
        "promtool: {said}"
    );
}

/// The families of a text of Prometheus' form.
fn read(text: &str) -> Exposition {
    let mut found = Exposition::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').unwrap();
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let metric = found.entry(name.to_owned()).or_default();
            match word {
                "TYPE" => rest.clone_into(&mut metric.kind),
                "HELP" => metric.has_help = !rest.is_empty(),
                other => panic!("{other}"),
            }
        } else if let Some((name, rest)) = line.split_once(['{', ' ']) {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                let base = name.strip_suffix(end)?;
                found
                    .get(base)
                    .is_some_and(|it| it.kind == "histogram")
                    .then_some(base)
            });
            let metric = found.get_mut(base.unwrap_or(name));
            let metric = metric.unwrap_or_else(|| panic!("{name} has no type"));
            let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let (name, value) = label.split_once("=\"").unwrap();
                if name != "le" {
                    let values = metric.labels.entry(name.to_owned()).or_default();
                    values.insert(value.trim_end_matches('"').to_owned());
                }
            }
        }
    }
    found
}

/// The table of metrics of a document: name, type, labels, unit, role, meaning.
fn documented(path: &str) -> BTreeMap<String, Documented> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 7);
    let rows: Vec<_> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, name, kind, labels, _, role, _, _] = cells[..] else {
                unreachable!("counted above")
            };
            let labels = labels.split(';').filter(|label| label.contains('`'));
            let labels = labels.map(|label| {
                let mut words = label.split('`').skip(1).step_by(2).map(str::to_owned);
                (words.next().unwrap(), words.collect())
            });
            let row = Documented {
                kind: kind.to_owned(),
                labels: labels.collect(),
                role: role.to_owned(),
            };
            (name.trim_matches('`').to_owned(), row)
        })
        .collect();
    let count = rows.len();
    let table: BTreeMap<_, _> = rows.into_iter().collect();
    assert!(
        count > 40 && table.len() == count,
        "{}: a name stands twice, or the table is gone",
        path.display()
    );
    table
}
