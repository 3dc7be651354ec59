//! A private nginx, to test behind a real load balancer.

use std::net::{Ipv4Addr, TcpStream};

use anyhow::Result;

use crate::process::{Process, Scratch, blocking, find_binary, with_ports};

/// A running nginx; killed and removed when dropped.
#[derive(Debug)]
pub struct Nginx {
    port: u16,
    _process: Process,
    // Last, so that the server is gone before its folder.
    _scratch: Scratch,
}

impl Nginx {
    /// Starts nginx with a whole configuration, in which `{port}` stands for a free port and `{dir}` for its
    /// temporary folder. `daemon`, `pid` and the first `error_log` are given here and must not stand in it.
    ///
    /// # Errors
    /// When nginx is not installed or refuses the configuration.
    pub async fn start(configuration: &str) -> Result<Self> {
        let configuration = configuration.to_owned();
        blocking(move || with_ports(|port| Self::launch(port, &configuration))).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn launch(port: u16, configuration: &str) -> Result<Self> {
        let binary = find_binary("nginx", &[], "nginx-light")?;
        let scratch = Scratch::new("nginx")?;
        let folder = scratch.path().display().to_string();
        let file = scratch.path().join("nginx.conf");
        let text = configuration
            .replace("{port}", &port.to_string())
            .replace("{dir}", &folder);
        std::fs::write(&file, text)?;
        let args = [
            "-p".to_owned(),
            folder.clone(),
            "-c".to_owned(),
            file.display().to_string(),
            "-e".to_owned(),
            "stderr".to_owned(),
            "-g".to_owned(),
            format!("daemon off; pid {folder}/nginx.pid;"),
        ];
        let process = Process::start(&binary, &args, &scratch.path().join("log"), None)?;
        process.wait_until("starting nginx", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })?;
        Ok(Self {
            port,
            _process: process,
            _scratch: scratch,
        })
    }
}
