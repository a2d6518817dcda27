//! Where books are: a SQLite file, or a database on a server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::account::Kept;
use crate::books::Books;
use crate::server::ServerStore;
use crate::sqlite::{Migrated, OpenError, SqliteStore};

/// Where books are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    File(PathBuf),
    /// A database on a server.
    Server(ServerUrl),
}

/// How books were found.
#[derive(Debug)]
pub struct Looked {
    /// The newest migration of their schema.
    pub migration: i64,
    /// What would let a crash of their server take back what it said, each by the name of the setting.
    pub dangers: Vec<&'static str>,
    /// The account that they are kept with; `None`: no start has kept one.
    pub account: Option<Kept>,
}

/// The URL of a database on a server. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

/// How the URLs of servers begin.
const SCHEMES: [&str; 4] = ["postgres://", "postgresql://", "mysql://", "mariadb://"];

impl FromStr for ServerUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let known = SCHEMES.iter().any(|scheme| raw.starts_with(scheme));
        known.then(|| Self(raw.to_owned())).ok_or(
            "give sqlite: or sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE",
        )
    }
}

impl ServerUrl {
    /// The URL with all that is in it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Without what stands before the host, and without parameters.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        write!(f, "{scheme}://{rest}")
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Place {
    /// Opens the books, or makes them, and brings their schema up to date.
    ///
    /// # Errors
    ///
    /// [`OpenError`], in one line, without a password.
    pub async fn open(&self) -> Result<Arc<dyn Books>, OpenError> {
        Ok(match self {
            Self::File(file) => Arc::new(SqliteStore::open(file).await?),
            Self::Server(url) => Arc::new(ServerStore::open(url).await?),
        })
    }

    /// Opens books that another process may be serving: changes nothing, refuses to commit.
    ///
    /// # Errors
    ///
    /// [`OpenError`], in one line, without a password.
    pub async fn open_read_only(&self) -> Result<Arc<dyn Books>, OpenError> {
        Ok(match self {
            Self::File(file) => Arc::new(SqliteStore::open_read_only(file).await?),
            Self::Server(url) => Arc::new(ServerStore::open_read_only(url).await?),
        })
    }

    /// Brings the schema up to date, and does nothing else.
    ///
    /// # Errors
    ///
    /// [`OpenError`], in one line, without a password.
    pub async fn migrate(&self) -> Result<Migrated, OpenError> {
        match self {
            Self::File(file) => SqliteStore::migrate(file).await,
            Self::Server(url) => ServerStore::migrate(url).await,
        }
    }

    /// Looks at books as a start would find them, and changes nothing: whether they can be reached and read, have the schema that
    /// this binary knows, and, on a server, whether they take writes.
    ///
    /// # Errors
    ///
    /// [`OpenError`], in one line, without a password.
    pub async fn look(&self) -> Result<Looked, OpenError> {
        match self {
            Self::File(file) => {
                let books = SqliteStore::open_read_only(file).await?;
                let refused = |reason: String| OpenError::Refused { file: file.clone(), reason };
                let account = books.account().await.map_err(|error| refused(error.to_string()));
                books.close().await;
                let migration = SqliteStore::newest_migration();
                Ok(Looked { migration, dangers: vec![], account: account? })
            }
            Self::Server(url) => ServerStore::look(url).await,
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) => Some(file),
            Self::Server(_) => None,
        }
    }
}

/// Without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "sqlite:{}", file.display()),
            Self::Server(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            (
                "postgres://u:p@ss@db:5432/tally?sslmode=require&password=p",
                "postgres://db:5432/tally",
            ),
            ("mysql://u:p%40@[::1]/tally", "mysql://[::1]/tally"),
            ("mariadb://db/tally", "mariadb://db/tally"),
        ] {
            let url: ServerUrl = url.parse().unwrap();
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown));
        }
        assert!("oracle://db/tally".parse::<ServerUrl>().is_err());
    }
}
