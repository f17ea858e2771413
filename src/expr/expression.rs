//! One compiled expression and its evaluation. The first output is the result; the others are never
//! made.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jaq_core::{Ctx, Vars};
use serde_json::Value;

use crate::model::limits::{EXPRESSION_RESULT_BYTES_MAX, EXPRESSION_TIME_MAX};

use super::compile::{Program, compile};
use super::datum::Datum;
use super::error::{ExpressionDefect, ExpressionError};
use super::json::{from_json, json_bytes, to_json};
use super::meter::{self, Budget, Stop};
use super::natives::{self, Jq};
use super::pool::{self, NoResult};
use super::scope::{Scope, Variables};

/// Steps of an evaluation on the caller's thread, some milliseconds. One that needs more is done
/// again on the pool: it has no effects, so nobody notices.
const INLINE_STEPS_MAX: u64 = 100_000;
/// Stack that an evaluation may use on the caller's thread, of which nothing is known.
const INLINE_STACK_BYTES_MAX: usize = 384 * 1024;
/// Stack that an evaluation may use on the pool; the rest is for what recurses over values unseen.
const POOL_STACK_BYTES_MAX: usize = pool::STACK_BYTES / 4 * 3;
/// Longest part of a source in an error, bytes.
const SHOWN_SOURCE_BYTES_MAX: usize = 80;
/// Longest message of a failed expression, bytes.
const MESSAGE_BYTES_MAX: usize = 500;

/// A compiled expression. Cheap to clone; shared between threads.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: String,
    program: Program,
}

/// How an evaluation ends when nothing stops it: with a result, or with jq's message.
type Outcome<T> = Result<Result<T, String>, Stop>;

/// What becomes of the first output, while the meter still runs.
type Finish<T> = fn(&Datum) -> Result<T, Stop>;

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.source())
    }
}

impl Expression {
    /// Compiles a source, written without `${ }`, for a scope.
    ///
    /// # Errors
    /// The first defect: syntax, an unknown variable or function, or something that the strict
    /// profile of `spec/workflows.md` refuses.
    pub fn compile(source: &str, scope: &Scope) -> Result<Expression, ExpressionDefect> {
        let program = compile(source, scope)?;
        Ok(Expression(Arc::new(Compiled { source: source.to_owned(), program })))
    }

    /// The source as it was compiled.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether the work is linear in the input, so that an evaluation runs on the caller's thread.
    /// One that is not cheap holds its caller for at most a quarter of a second and some.
    pub fn is_cheap(&self) -> bool {
        self.0.program.is_cheap
    }

    /// The first output, or null without one.
    ///
    /// # Errors
    /// When the expression fails, or passes one of its limits.
    pub fn evaluate(&self, input: &Value, variables: &Variables) -> Result<Value, ExpressionError> {
        self.evaluate_to(input, variables, |datum| {
            let bytes = json_bytes(datum, EXPRESSION_RESULT_BYTES_MAX);
            if bytes > EXPRESSION_RESULT_BYTES_MAX {
                return Err(Stop::TooLarge { bytes, max: EXPRESSION_RESULT_BYTES_MAX });
            }
            Ok(to_json(datum))
        })
    }

    /// jq truth of the first output: all but false and null; false without one.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], but a result may have any size.
    pub fn is_true(&self, input: &Value, variables: &Variables) -> Result<bool, ExpressionError> {
        self.evaluate_to(input, variables, |datum| Ok(datum.is_true()))
    }

    fn evaluate_to<T: Send + 'static>(
        &self,
        input: &Value,
        variables: &Variables,
        finish: Finish<T>,
    ) -> Result<T, ExpressionError> {
        let selection = self.0.program.selection.as_ref();
        if let Some(selected) = selection.and_then(|it| it.find(input, variables)) {
            let result = from_json(selected).and_then(|datum| finish(&datum));
            return result.map_err(|stop| self.error(Ended::Stopped(stop)));
        }
        let outcome = self.arguments(input, variables).and_then(|(input, variables)| {
            if self.is_cheap() {
                let outcome = self.0.inline(input.clone(), variables.clone(), finish);
                if !matches!(outcome, Err(Stop::TimedOut | Stop::StackUsedUp)) {
                    return outcome.map_err(Ended::Stopped);
                }
            }
            self.on_pool(input, variables, finish)
        });
        outcome
            .map_err(|ended| self.error(ended))?
            .map_err(|message| ExpressionError::Failed { expression: self.shown_source(), message })
    }

    /// Input and variables as jaq takes them. What the source does not name is not converted.
    fn arguments(
        &self,
        input: &Value,
        variables: &Variables,
    ) -> Result<(Datum, Vec<Datum>), Ended> {
        let program = &self.0.program;
        let input = if program.uses_input { from_json(input) } else { Ok(Datum::Null) };
        let variables = program
            .variables
            .iter()
            .map(|name| variables.get(name).map_or(Ok(Datum::Null), |value| from_json(value)));
        let variables = variables.collect::<Result<_, _>>().map_err(Ended::Stopped)?;
        Ok((input.map_err(Ended::Stopped)?, variables))
    }

    fn on_pool<T: Send + 'static>(
        &self,
        input: Datum,
        variables: Vec<Datum>,
        finish: Finish<T>,
    ) -> Result<Result<T, String>, Ended> {
        let compiled = Arc::clone(&self.0);
        let work = move |cancelled: Arc<AtomicBool>| {
            let budget = Budget {
                steps_max: u64::MAX,
                stack_bytes_max: POOL_STACK_BYTES_MAX,
                cancelled: Some(cancelled),
            };
            compiled.run(budget, input, variables, finish)
        };
        match pool::run(EXPRESSION_TIME_MAX.as_duration(), work) {
            Ok(outcome) => outcome.map_err(Ended::Stopped),
            Err(NoResult::TimedOut) => Err(Ended::Stopped(Stop::TimedOut)),
            Err(NoResult::Exhausted) => Err(Ended::Exhausted),
        }
    }

    fn error(&self, ended: Ended) -> ExpressionError {
        let expression = self.shown_source();
        match ended {
            Ended::Exhausted => ExpressionError::Exhausted { expression },
            Ended::Stopped(Stop::TimedOut) => ExpressionError::TimedOut {
                expression,
                max_ms: EXPRESSION_TIME_MAX.as_duration().as_millis(),
            },
            Ended::Stopped(Stop::TooLarge { bytes, max }) => {
                ExpressionError::TooLarge { expression, bytes, max }
            }
            Ended::Stopped(Stop::TooDeep | Stop::StackUsedUp) => {
                ExpressionError::TooDeep { expression, max: meter::DEPTH_MAX }
            }
            Ended::Stopped(Stop::Panicked(message)) => {
                ExpressionError::Failed { expression, message }
            }
        }
    }

    fn shown_source(&self) -> String {
        shortened(self.source().trim(), SHOWN_SOURCE_BYTES_MAX)
    }
}

/// Why an evaluation did not come to its own end.
enum Ended {
    Stopped(Stop),
    Exhausted,
}

impl Compiled {
    fn inline<T>(&self, input: Datum, variables: Vec<Datum>, finish: Finish<T>) -> Outcome<T> {
        let budget = Budget {
            steps_max: INLINE_STEPS_MAX,
            stack_bytes_max: INLINE_STACK_BYTES_MAX,
            cancelled: None,
        };
        self.run(budget, input, variables, finish)
    }

    fn run<T>(
        &self,
        budget: Budget,
        input: Datum,
        variables: Vec<Datum>,
        finish: Finish<T>,
    ) -> Outcome<T> {
        meter::run(budget, || {
            let filter = &self.program.filter;
            let context = Ctx::<Jq>::new(natives::Program(&filter.lut), Vars::new(variables));
            let output = filter.id.run((context, input)).next();
            match output.unwrap_or(Ok(Datum::Null)) {
                Ok(datum) => finish(&datum).map(Ok),
                Err(exception) => Ok(Err(message_of(exception))),
            }
        })?
    }
}

fn message_of(exception: jaq_core::Exn<'_, Datum>) -> String {
    let message = match exception.get_err().map(jaq_core::Error::into_val) {
        Ok(Datum::Text(text)) => text.to_string(),
        Ok(other) => other.to_string(),
        Err(_) => "it breaks out of nothing".to_owned(),
    };
    shortened(&message, MESSAGE_BYTES_MAX)
}

fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    format!("{}…", text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default())
}

/// The source inside `${ … }` when the whole trimmed text is one expression.
pub fn strict(text: &str) -> Option<&str> {
    Some(text.trim().strip_prefix("${")?.strip_suffix('}')?.trim())
}
