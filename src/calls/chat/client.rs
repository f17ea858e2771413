//! The client: asks a question in the strictest form that the server takes, within a time limit.
//! It asks each form once; nothing is repeated here.

use std::sync::Arc;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use serde::Serialize;
use serde_json::Value;

use super::answer::{Completion, Told};
use super::form::{Form, Known};
use super::options::ChatOptions;
use super::question::Question;
use super::transport::{Transport, Trouble};
use super::unavailable::Unavailable;
use crate::calls::redaction::Disclosed;
use crate::calls::wire::Wire;

/// Asks one model.
pub(crate) struct Chat {
    pub(crate) options: ChatOptions,
    client: Client<OpenAIConfig>,
    known: Known,
}

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

impl Chat {
    pub(crate) fn new(options: ChatOptions, wire: Arc<Wire>) -> Self {
        let key = options.api_key.as_ref().map(|key| key.expose()).unwrap_or_default();
        // Everything is set: what is not, the crate would take from the environment.
        let config = OpenAIConfig::new()
            .with_api_base(options.base_url.trim_end_matches('/'))
            .with_api_key(key)
            .with_org_id("")
            .with_project_id("");
        let mut disclosed = Disclosed::default();
        disclosed.note(key, "openai");
        let client = Client::with_config(config).with_http_service(Transport::new(wire, disclosed));
        Self { options, client, known: Known::nothing() }
    }

    /// Asks the model once.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Told, Unavailable> {
        let limit = self.options.timeout;
        tokio::time::timeout(limit, self.descend(question)).await.unwrap_or_else(|_| {
            let limit = limit.as_millis();
            Err(Unavailable::passing(format!("not done after {limit} ms (`[openai] timeout_ms`)")))
        })
    }

    /// From the strictest form to the weakest that the server takes.
    async fn descend(&self, question: &Question) -> Result<Told, Unavailable> {
        let mut form = self.known.strictest();
        loop {
            match self.ask_in(form, question).await {
                Ok(completion) => {
                    self.known.works(form);
                    return completion.told(&self.options);
                }
                Err(Trouble::Unavailable(unavailable)) => return Err(unavailable),
                Err(Trouble::Unsuited(unavailable)) => {
                    form = form.weaker().ok_or(unavailable)?;
                }
            }
        }
    }

    async fn ask_in(&self, form: Form, question: &Question) -> Result<Completion, Trouble> {
        let body = Body {
            model: &self.options.model,
            messages: [
                Message { role: "system", content: &question.system },
                Message { role: "user", content: &question.user },
            ],
            response_format: form.format(question),
            stream: false,
        };
        let answered: Result<Value, OpenAIError> = self.client.chat().create_byot(body).await;
        let value = answered.map_err(trouble)?;
        serde_json::from_value(value).map_err(|error| {
            let text = format!("the answer is no chat completion: {error}");
            Trouble::Unavailable(Unavailable::garbage(&text))
        })
    }
}

fn trouble(error: OpenAIError) -> Trouble {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Trouble>() {
            Ok(trouble) => *trouble,
            Err(error) => Trouble::Unavailable(Unavailable::passing(error.to_string())),
        },
        other => Trouble::Unavailable(Unavailable::passing(other.to_string())),
    }
}
