//! Waiting for something to come true by asking again, first often and then less often. Whoever
//! waits says for how long at most and learns what was last seen.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::error::ClientError;

/// The first pause: most things here are true within milliseconds.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause: a person at a terminal notices no second.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Asks `probe` until it answers something. It writes what it saw last, for the report in the end.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut(&mut String) -> Result<Option<T>, ClientError>,
) -> Result<T, ClientError> {
    let mut last = "nothing".to_owned();
    let asking = async {
        let mut pause = PAUSE_MIN;
        loop {
            if let Some(found) = probe(&mut last).await? {
                return Ok(found);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    };
    let answer = timeout(limit, asking).await;
    let what = what.to_owned();
    answer.unwrap_or_else(|_| Err(ClientError::InVain { what, after: limit, last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_asks_until_the_answer_comes_or_the_time_is_over() {
        let mut asked = 0;
        let found = until("three", Duration::from_secs(60), async |_: &mut String| {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        })
        .await;
        assert_eq!(found.unwrap(), 3);

        let error = until("never", Duration::from_secs(5), async |last: &mut String| {
            *last = "still no".to_owned();
            Ok(None::<()>)
        })
        .await
        .unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "waited 5 s in vain for never; last seen: still no");
    }
}
