//! URI templates as the standard limits them: `{name}` becomes the value, percent-encoded. It never
//! looks below the first level of the values and knows no operator of RFC 6570.

use serde_json::Value;

/// Why a template did not become a URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriTemplateError {
    /// A variable has a value that is no text.
    #[error(
        "the URI template variable {{{name}}} is {found}; \
         it must be a string, a number, a boolean or null"
    )]
    NotScalar {
        /// The variable.
        name: String,
        /// What it was: `an object` or `an array`.
        found: &'static str,
    },
    /// A `{` has no `}`.
    #[error("the URI template has a `{{` at byte {at} that no `}}` closes")]
    Unclosed {
        /// Where it opens, in bytes.
        at: usize,
    },
}

/// Replaces each `{name}` by the top-level property of that exact name; a missing one and `null`
/// become nothing (dsl-reference.md, "URI Template"; encoding by RFC 6570, section 3.2.2).
///
/// # Errors
/// A variable is an object or an array, or a brace stays open.
pub fn expand(template: &str, values: &Value) -> Result<String, UriTemplateError> {
    let mut uri = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        uri.push_str(literal);
        let Some((name, tail)) = after.split_once('}') else {
            return Err(UriTemplateError::Unclosed { at: template.len() - after.len() - 1 });
        };
        push_encoded(&mut uri, &text_of(name, values.get(name))?);
        rest = tail;
    }
    uri.push_str(rest);
    Ok(uri)
}

fn text_of(name: &str, value: Option<&Value>) -> Result<String, UriTemplateError> {
    let found = match value {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Number(number)) => return Ok(number.to_string()),
        Some(Value::Bool(flag)) => return Ok(flag.to_string()),
        Some(Value::Array(_)) => "an array",
        Some(Value::Object(_)) => "an object",
    };
    Err(UriTemplateError::NotScalar { name: name.to_owned(), found })
}

/// Appends the text with everything but the unreserved characters of RFC 3986 percent-encoded.
pub fn push_encoded(uri: &mut String, text: &str) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            uri.push(HEX[usize::from(byte >> 4)]);
            uri.push(HEX[usize::from(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_expand_as_the_standard_says() {
        let values = json!({
            "petId": 7, "status": "for sale/é", "flag": true, "none": null,
            "pet.id": "dotted", "pet": {"id": 1}, "tags": ["a"],
        });
        let cases = [
            ("https://petstore.swagger.io/v2/pet/{petId}", "https://petstore.swagger.io/v2/pet/7"),
            ("https://h/find?status={status}", "https://h/find?status=for%20sale%2F%C3%A9"),
            ("{pet.id}/{flag}{none}{missing}", "dotted/true"),
            ("no variables }", "no variables }"),
            ("", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(expand(template, &values).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn templates_refuse_what_is_no_text() {
        let values = json!({"pet": {"id": 1}, "tags": ["a"]});
        let not_scalar =
            |name: &str, found| UriTemplateError::NotScalar { name: name.into(), found };
        assert_eq!(expand("x/{pet}", &values), Err(not_scalar("pet", "an object")));
        assert_eq!(expand("x/{tags}", &values), Err(not_scalar("tags", "an array")));
        assert_eq!(expand("x/{pet", &values), Err(UriTemplateError::Unclosed { at: 2 }));
    }
}
