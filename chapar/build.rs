//! Lists the built files of the web client, for `src/web.rs` to hold: path on the server, and the file's bytes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() {
    let root = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).to_owned();
    let dist = root.join("../web/dist");
    // Of a folder cargo looks at everything below it.
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    walk(&dist, &mut files)
        .unwrap_or_else(|error| panic!("{} is not readable: {error}", dist.display()));
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&dist).expect("it was found below");
        let name = name.to_str().expect("names are ASCII").replace('\\', "/");
        let path = file.canonicalize().expect("it is there");
        let path = path.to_str().expect("the project's path is UTF-8");
        writeln!(table, "    (\"/{name}\", include_bytes!({path:?})),")
            .expect("a string takes everything");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("web_files.rs"), table).expect("the folder of the build is writable");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
