//! `user`: accounts on a running server, and one's own password. Passwords come from the
//! environment only; one that the server drew is printed once.

use clap::{Args, Subcommand};

use super::arguments::Global;
use super::connection;
use super::exit::{Code, Failure};
use super::output::{Output, Paint};
use super::table::{Cell, Table};
use super::times;
use crate::api::auth::PasswordChange;
use crate::api::user::{AccountAnswer, NewUser, UserEdit};
use crate::client::{Answer, Client};

/// The variable with the password that shall be.
const NEW_PASSWORD: &str = "HOLDPOINT_NEW_PASSWORD";
/// The variable with the password that is.
const PASSWORD: &str = "HOLDPOINT_PASSWORD";

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account; its one-time password is printed once
    Add(Add),
    /// List the accounts, the oldest first
    List(List),
    /// Change name, roles, groups, or whether somebody may sign in
    Set(Set),
    /// Take an account out of use for ever
    Deactivate {
        /// The e-mail or id of the account
        user: String,
    },
    /// Draw a one-time password for somebody, or change your own
    ///
    /// Your own: without USER, from HOLDPOINT_PASSWORD to HOLDPOINT_NEW_PASSWORD.
    Password {
        /// The e-mail or id of somebody else
        user: Option<String>,
    },
}

/// An account to be made.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The e-mail to sign in with
    email: String,
    /// How the person is called; the first part of the e-mail when absent
    #[arg(long)]
    name: Option<String>,
    /// user, reviewer, operator or admin; may be given again [default: user]
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A group that documents may name as assignee; may be given again
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

/// Which accounts.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Rows on the page, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Rows to skip
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

/// A change of an account; what is absent stays.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// The e-mail or id of the account
    user: String,
    /// How the person is called
    #[arg(long)]
    name: Option<String>,
    /// A role from now on; give all that shall be
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A group from now on; give all that shall be
    #[arg(long = "group", value_name = "GROUP", conflicts_with = "no_groups")]
    groups: Vec<String>,
    /// No group from now on
    #[arg(long)]
    no_groups: bool,
    /// Whether the person may sign in and use tokens
    #[arg(long, value_name = "true|false")]
    active: Option<bool>,
}

pub(super) fn run(command: Command, global: &Global, output: &mut Output) -> Result<(), Failure> {
    connection::with_client(global, async |client| match command {
        Command::Add(add) => {
            let new = NewUser {
                email: add.email,
                name: add.name,
                roles: (!add.roles.is_empty()).then_some(add.roles),
                groups: add.groups,
                password: connection::variable(NEW_PASSWORD),
            };
            print(&client.create_user(&new).await?, output)
        }
        Command::List(list) => print_list(client, &list, output).await,
        Command::Set(set) => {
            let groups = if set.no_groups { Some(Vec::new()) } else { given(set.groups) };
            let edit = UserEdit {
                name: set.name,
                roles: given(set.roles),
                groups,
                is_active: set.active,
                ..UserEdit::default()
            };
            print(&client.edit_user(&set.user, &edit).await?, output)
        }
        Command::Deactivate { user } => print(&client.deactivate_user(&user).await?, output),
        Command::Password { user: Some(user) } => {
            let edit = UserEdit { reset_password: Some(true), ..UserEdit::default() };
            print(&client.edit_user(&user, &edit).await?, output)
        }
        Command::Password { user: None } => change_own(client, output).await,
    })
}

fn given(words: Vec<String>) -> Option<Vec<String>> {
    (!words.is_empty()).then_some(words)
}

async fn change_own(client: &Client, output: &mut Output) -> Result<(), Failure> {
    let read = |name: &str| {
        let missing = || Failure::new(Code::Usage, format!("set {name} to a password"));
        connection::variable(name).ok_or_else(missing)
    };
    let change = PasswordChange { current: read(PASSWORD)?, new: read(NEW_PASSWORD)? };
    let answer = client.change_password(&change).await?;
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    Ok(output.painted(Paint::Good, &answer.body.message)?)
}

fn print(answer: &Answer<AccountAnswer>, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    let AccountAnswer { user, one_time_password, message, .. } = &answer.body;
    output.painted(Paint::Good, message.as_deref().unwrap_or_default())?;
    output.fact("Id", Paint::Plain, &user.id)?;
    output.fact("E-mail", Paint::Plain, &user.email)?;
    output.fact("Name", Paint::Plain, &user.name)?;
    output.fact("Roles", Paint::Plain, &user.roles.join(", "))?;
    output.fact("Groups", Paint::Plain, &user.groups.join(", "))?;
    output.fact("Active", Paint::Plain, if user.is_active { "yes" } else { "no" })?;
    if let Some(password) = one_time_password {
        output
            .line("\nOne-time password, shown this once; it must be changed at the first login:")?;
        output.line(password)?;
    }
    Ok(())
}

async fn print_list(client: &Client, list: &List, output: &mut Output) -> Result<(), Failure> {
    let answer = client.users(list.limit, list.offset).await?;
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    let now = output.now();
    let mut table = Table::new(&["USER", "E-MAIL", "ROLES", "GROUPS", "ACTIVE", "MADE"]);
    for user in &answer.body.users {
        let active = match (user.is_active, &user.retired_at) {
            (true, _) => Cell::painted("yes", Paint::Good),
            (false, None) => Cell::painted("no", Paint::Attention),
            (false, Some(_)) => Cell::painted("gone", Paint::Dim),
        };
        table.row(vec![
            user.id.as_str().into(),
            user.email.as_str().into(),
            user.roles.join(",").into(),
            user.groups.join(",").into(),
            active,
            times::moment(Some(&user.created_at), now).into(),
        ]);
    }
    output.table(&table)?;
    let (rows, total) = (answer.body.users.len() as u64, answer.body.pagination.total);
    if total > rows {
        output.painted(Paint::Dim, format!("{rows} of {total}; --offset skips"))?;
    }
    Ok(())
}
