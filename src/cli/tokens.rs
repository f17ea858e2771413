//! `token`: API tokens on a running server. The text of a new one is printed once, alone on its
//! line, and never read from an argument.

use clap::{Args, Subcommand};

use super::arguments::Global;
use super::connection;
use super::exit::Failure;
use super::output::{Output, Paint};
use super::table::{Cell, Table};
use super::times;
use crate::api::token::{NewProgramToken, NewToken, TokenAnswer};
use crate::client::{Answer, Client};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token of your own, or with --agent one of a program
    Create(Create),
    /// List your tokens, the newest first; with --all those of everybody
    List(List),
    /// Revoke a token and those that were made by it
    Revoke {
        /// The token's id: the letters after hp_
        id: String,
        /// It may be anybody's (for admins)
        #[arg(long)]
        any: bool,
    },
}

/// A token to be made.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// What it is for
    name: String,
    /// What it may be used for, such as jobs:read, or * for all; may be given again
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// Days until it expires, 1 to 365
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// The program that uses it (for admins); it never decides
    #[arg(long, value_name = "PROGRAM")]
    agent: Option<String>,
    /// A role of the program; may be given again [default: user]
    #[arg(long = "role", value_name = "ROLE", requires = "agent")]
    roles: Vec<String>,
}

/// Which tokens.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Those of everybody (for admins)
    #[arg(long)]
    all: bool,
    /// Only those of this user id or agent:PROGRAM
    #[arg(long, value_name = "HOLDER", requires = "all")]
    of: Option<String>,
    /// Rows on the page, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Rows to skip
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

pub(super) fn run(command: Command, global: &Global, output: &mut Output) -> Result<(), Failure> {
    connection::with_client(global, async |client| match command {
        Command::Create(create) => print(&made(client, create).await?, output),
        Command::List(list) => print_list(client, &list, output).await,
        Command::Revoke { id, any } => print(&client.revoke_token(&id, any).await?, output),
    })
}

async fn made(client: &Client, create: Create) -> Result<Answer<TokenAnswer>, Failure> {
    let Create { name, scopes, days, agent, roles } = create;
    let expires_in_days = Some(days);
    Ok(match agent {
        None => client.create_token(&NewToken { name, scopes, expires_in_days }).await?,
        Some(agent) => {
            let kind = "agent".to_owned();
            let roles = (!roles.is_empty()).then_some(roles);
            let new = NewProgramToken { kind, agent, name, roles, scopes, expires_in_days };
            client.create_program_token(&new).await?
        }
    })
}

fn print(answer: &Answer<TokenAnswer>, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    let TokenAnswer { token, secret, message, .. } = &answer.body;
    let now = output.now();
    output.painted(Paint::Good, message.as_deref().unwrap_or_default())?;
    output.fact("Id", Paint::Plain, &token.id)?;
    output.fact("For", Paint::Plain, &token.name)?;
    output.fact("Of", Paint::Plain, &token.user_id)?;
    output.fact("Scopes", Paint::Plain, &token.scopes.join(", "))?;
    output.fact("Expires", Paint::Plain, &times::moment(Some(&token.expires_at), now))?;
    if let Some(secret) = secret {
        output.line("\nPut it into HOLDPOINT_TOKEN, or send it as Authorization: Bearer …")?;
        output.line(secret)?;
    }
    Ok(())
}

async fn print_list(client: &Client, list: &List, output: &mut Output) -> Result<(), Failure> {
    let answer = match list.all {
        true => client.all_tokens(list.of.as_deref(), list.limit, list.offset).await?,
        false => client.tokens().await?,
    };
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    if answer.body.tokens.is_empty() {
        return Ok(output.line("There is no token.")?);
    }
    let now = output.now();
    let mut table = Table::new(&["TOKEN", "FOR", "OF", "SCOPES", "GOOD", "EXPIRES", "USED"]);
    for token in &answer.body.tokens {
        let good = match token.is_active {
            true => Cell::painted("yes", Paint::Good),
            false => Cell::painted("no", Paint::Dim),
        };
        table.row(vec![
            token.id.as_str().into(),
            token.name.as_str().into(),
            token.user_id.as_str().into(),
            token.scopes.join(",").into(),
            good,
            times::moment(Some(&token.expires_at), now).into(),
            times::moment(token.last_used_at.as_deref(), now).into(),
        ]);
    }
    output.table(&table)?;
    let (rows, total) = (answer.body.tokens.len() as u64, answer.body.pagination.total);
    if total > rows {
        output.painted(Paint::Dim, format!("{rows} of {total}; --offset skips"))?;
    }
    Ok(())
}
