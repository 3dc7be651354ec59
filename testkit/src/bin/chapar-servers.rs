//! Starts private servers for hand work and load runs, prints their URLs, one `name=url` a line, and keeps them
//! until its standard input ends.
//!
//! ```text
//! chapar-servers postgres redis cluster
//! ```

use std::io::Read as _;

use anyhow::{Result, bail};
use chapar_testkit::{Postgres, Redis, RedisCluster, RedisOptions, Sentinel};

#[tokio::main]
async fn main() -> Result<()> {
    let mut keep: Vec<Box<dyn Send>> = Vec::new();
    for name in std::env::args().skip(1) {
        let url = match name.as_str() {
            "postgres" => {
                let server = Postgres::start().await?;
                let url = server.url();
                keep.push(Box::new(server));
                url
            }
            "redis" => {
                let server = Redis::start(RedisOptions::default()).await?;
                let url = server.url();
                keep.push(Box::new(server));
                url
            }
            "cluster" => {
                let cluster = RedisCluster::start(3, 0).await?;
                let url = cluster.url();
                keep.push(Box::new(cluster));
                url
            }
            "sentinel" => {
                let sentinel = Sentinel::start().await?;
                let url = sentinel.url();
                keep.push(Box::new(sentinel));
                url
            }
            other => bail!("{other}: not one of postgres, redis, cluster, sentinel"),
        };
        println!("{name}={url}");
    }
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
