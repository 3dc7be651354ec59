//! The documents for client authors name every code that the server can send.

use std::fs;
use std::path::Path;

use chapar_shared::Code;
use chapar_shared::protocol::CloseCode;

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A table row whose first cell is `cell`.
fn row<'a>(text: &'a str, cell: &str) -> Option<&'a str> {
    text.lines()
        .find(|line| line.starts_with(&format!("| {cell} |")))
}

#[test]
fn both_languages_tell_every_error_code_with_its_status() {
    for name in ["protocol.md", "protocol.fa.md"] {
        let text = document(name);
        for code in Code::ALL {
            let row = row(&text, &format!("`{code}`"))
                .unwrap_or_else(|| panic!("{name} does not tell {code}"));
            assert!(
                row.contains(&format!("| {} |", code.status())),
                "{name} tells another status: {row}"
            );
        }
    }
}

#[test]
fn both_languages_tell_every_close_code() {
    for name in ["protocol.md", "protocol.fa.md"] {
        let text = document(name);
        for code in CloseCode::ALL {
            assert!(
                row(&text, &code.code().to_string()).is_some(),
                "{name} does not tell {code:?}"
            );
        }
    }
}
