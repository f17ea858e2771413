//! Every kind of problem that the API answers with, in one table: its code, its status, what it
//! means and
//! what to do. `/problems/{code}` shows a row of it, so a code must never change its meaning.

use axum::http::StatusCode;

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The last segment of `type`.
    pub name: &'static str,
    /// The status code of the answer.
    pub status: StatusCode,
    /// One line for people.
    pub title: &'static str,
    /// When it comes.
    pub meaning: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($(
        $constant:ident = $status:ident, $name:literal, $title:literal,
        $meaning:literal, $remedy:literal;
    )*) => {
        $(
            /// A row of the table:
            #[doc = $meaning]
            pub const $constant: &Code = &Code {
                name: $name,
                status: StatusCode::$status,
                title: $title,
                meaning: $meaning,
                remedy: $remedy,
            };
        )*

        /// Every kind, in the order of the table.
        pub const ALL: &[&Code] = &[$($constant),*];
    };
}

codes! {
    MALFORMED = BAD_REQUEST, "malformed", "The request cannot be read",
        "The body is no JSON, names a member twice, nests too deeply or has too many values, or \
        the query is not percent-encoded text.",
        "Send well-formed JSON (RFC 8259) in UTF-8; `errors` says where reading stopped.";
    NO_LOGIN = UNAUTHORIZED, "no-login", "Sign in first",
        "The request came without a valid session.",
        "POST the email and password to `/api/auth/login` and send the cookie that comes back.";
    LOGIN_FAILED = UNAUTHORIZED, "login-failed", "The login failed",
        "There is no account with this email and password.",
        "Check both. The answer is the same for an unknown email and a wrong password, on purpose.";
    INVALID_TOKEN = UNAUTHORIZED, "invalid-token", "The token is not good",
        "The bearer of the request is no token of this server, or it expired, was revoked, or its \
        person is out of use.",
        "Make a new one: POST /api/auth/tokens, or `holdpoint token create`.";
    PASSWORD_CHANGE_REQUIRED = FORBIDDEN, "password-change-required", "Choose a password first",
        "Somebody else drew the password, so it must be changed before anything else.",
        "POST the current and a new password to `/api/auth/password`.";
    FORBIDDEN = FORBIDDEN, "forbidden", "Not allowed",
        "The caller has no role, or their token no scope, that allows this.",
        "Ask an administrator for the role or scope that `detail` names.";
    NO_SUCH_USER = NOT_FOUND, "no-such-user", "There is no such user",
        "No account has this id or email.",
        "`GET /api/admin/users` lists them.";
    NO_SUCH_TOKEN = NOT_FOUND, "no-such-token", "There is no such token",
        "No token of the caller has this id.",
        "`GET /api/auth/tokens` lists them.";
    USER_EMAIL_TAKEN = CONFLICT, "user-email-taken", "The email has an account",
        "Every account has an email of its own, and one that is out of use keeps it.",
        "Change that account, or use another email.";
    LAST_ADMIN = CONFLICT, "last-admin", "It is the last admin",
        "There must always be an active account with the role admin.",
        "Make another admin first.";
    USER_RETIRED = CONFLICT, "user-retired", "The account is out of use for ever",
        "The account was deleted; only its id stays, because the history names it.",
        "Make a new account with another email.";
    TOO_MANY_TOKENS = CONFLICT, "too-many-tokens", "There are too many tokens",
        "A holder has so many tokens that are good at once.",
        "Revoke those that are not used.";
    CROSS_ORIGIN = FORBIDDEN, "cross-origin", "Refused: it came from another site",
        "A request that changes something carried an Origin or Sec-Fetch-Site header of another \
        site.",
        "Call the API from its own origin. Behind a proxy set `public_url` to the address that \
        people use.";
    WRONG_HOST = MISDIRECTED_REQUEST, "wrong-host", "Wrong host name",
        "A server on loopback was called by a name that is not its own.",
        "Call it as `localhost`, `127.0.0.1` or `[::1]`, or set `public_url` to the name that \
        people use.";
    NO_SUCH_ROUTE = NOT_FOUND, "no-such-route", "There is nothing here",
        "No route has this path.",
        "`/api/docs` lists every route.";
    NO_SUCH_JOB = NOT_FOUND, "no-such-job", "There is no such job",
        "No job of the caller has this id. Jobs of others look the same as jobs that do not exist.",
        "Check the id; `GET /api/jobs` lists your jobs.";
    NO_SUCH_CHECKPOINT = NOT_FOUND, "no-such-checkpoint", "There is no such checkpoint",
        "No checkpoint has this id.",
        "Check the id; `GET /api/admin/agent-checkpoints?status=all` lists every checkpoint.";
    NO_SUCH_WORKFLOW = NOT_FOUND, "no-such-workflow", "There is no such workflow",
        "No workflow with this name is registered.",
        "`GET /api/workflows` lists what is registered.";
    NO_SUCH_AGENT = NOT_FOUND, "no-such-agent", "There is no such agent",
        "No agent has this id or name.",
        "`GET /api/agents` lists them.";
    NO_SUCH_CALLBACK = NOT_FOUND, "no-such-callback", "This is no callback",
        "The token of the URL is not one that this server gave out.",
        "Post the result to the URL of the header `Holdpoint-Callback-Url`, unchanged.";
    NO_SUCH_BATCH = NOT_FOUND, "no-such-batch", "There is no such batch",
        "No batch of the caller has this id.",
        "Check the id; the answer that took the batch names it.";
    NO_SUCH_TEMPLATE = NOT_FOUND, "no-such-template", "There is no such template",
        "No template of the caller, and no shared one, has this id or name.",
        "`GET /api/templates` lists them.";
    TEMPLATE_NAME_TAKEN = CONFLICT, "template-name-taken", "The name is taken",
        "Another template of the same owner has this name.",
        "Give it another name, or change the one that has it.";
    NO_SUCH_BACKUP = NOT_FOUND, "no-such-backup", "There is no such backup",
        "The folder of backups has no whole backup of this name.",
        "`GET /api/admin/backup` lists them.";
    NO_SUCH_GATE = NOT_FOUND, "no-such-gate", "There is no such gate",
        "No gate of the caller has this id. Gates of others look the same as gates that do not \
        exist.",
        "Check the id; `GET /api/gates` lists your gates.";
    GATE_OVER = CONFLICT, "gate-over", "The gate was decided before",
        "A gate that was decided, or that expired, cannot be withdrawn; `currentStatus` says how \
        it stands.",
        "Read the gate; a decision stands.";
    TOO_MANY_WAITERS = TOO_MANY_REQUESTS, "too-many-waiters", "Too many requests wait",
        "Only so many requests may wait for decisions at once.",
        "Wait as long as `Retry-After` says, ask without `wait`, or use a callback.";
    NO_SUCH_LINK = NOT_FOUND, "no-such-link", "There is no such link",
        "No link has this id.",
        "`GET /api/admin/links` lists them.";
    LINK_OVER = CONFLICT, "link-over", "There can be no link",
        "The checkpoint is closed, or it has too many links.",
        "Read the checkpoint; revoke links that nobody needs.";
    NO_SUCH_RULE = NOT_FOUND, "no-such-rule", "There is no such rule",
        "No approval rule has this id.",
        "`GET /api/admin/approval-rules` lists them.";
    RULE_CHANGED = CONFLICT, "rule-changed", "The rule was changed meanwhile",
        "The change is about another version than the one that is there, or the rule was revoked.",
        "Read the rule again and repeat the change on its version.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here",
        "The path exists, but not with this method.",
        "Use one of the methods in the header `Allow`.";
    ILLEGAL_TRANSITION = CONFLICT, "illegal-transition", "The job is not in a state for that",
        "The life cycle of a job has no such step from where it stands; `currentStatus` says \
        where.",
        "Read the job again; `detail` says what can be done instead.";
    ALREADY_CREATED = CONFLICT, "already-created", "The job exists already",
        "A job with this id exists.",
        "Read it.";
    STALE = CONFLICT, "stale", "The job has moved on",
        "The request is about an attempt or a round that is over.",
        "Read the job again.";
    ALREADY_DECIDED = CONFLICT, "already-decided", "The checkpoint was decided before",
        "Somebody decided otherwise, or nobody decided in time; `decision` says who, when and how.",
        "A decision stands. Resubmit the job if it was wrong.";
    WRONG_DIGEST = CONFLICT, "wrong-digest", "The checkpoint shows something else now",
        "The decision names the digest of content that is not what the checkpoint shows.",
        "Read the checkpoint again, look at what it shows, and send its digest.";
    NOT_ASSIGNED = FORBIDDEN, "not-assigned", "The checkpoint is for others",
        "The document names roles, groups and users who may decide, and you are none of them.",
        "`assignees` says for whom it is; one of them can delegate it to you.";
    FOUR_EYES = FORBIDDEN, "four-eyes", "Somebody else has to decide",
        "The owner of the job, who requested it and the last editor of what is shown cannot \
        decide.",
        "Ask another one of those whom `assignees` names. No role makes an exception.";
    NOT_A_PERSON = FORBIDDEN, "not-a-person", "Only a person decides",
        "An agent or a program tried to decide at a checkpoint.",
        "Sign in as a person.";
    WRONG_DOOR = FORBIDDEN, "wrong-door", "This way does not lead to this decision",
        "The checkpoint does not take this decision by a link, or by a rule.",
        "Sign in and decide there; `detail` says why.";
    CLAIMED_BY_OTHER = CONFLICT, "claimed-by-other", "Somebody else is at it",
        "Somebody claimed the checkpoint and keeps others from deciding for a while.",
        "Wait until the claim ends, ask them to release it, or let an admin break it.";
    ALREADY_VOTED = CONFLICT, "already-voted", "You said something else before",
        "Everybody has one vote, and yours was another one.",
        "A vote stands, unless what is shown is edited.";
    STANDING_USED = CONFLICT, "standing-used", "This standing has voted already",
        "Somebody voted on behalf of the same person; one standing counts once.",
        "Let somebody else vote.";
    DIGEST_NEEDED = CONFLICT, "digest-needed", "Say what you saw",
        "This decision must name the digest of what was seen.",
        "Read the checkpoint, look at what it shows, and send its digest.";
    REWORKS_SPENT = CONFLICT, "reworks-spent", "It was sent back as often as it may be",
        "The document limits how often the task is sent back.",
        "Approve it or reject it.";
    CHECKPOINT_CLOSED = CONFLICT, "checkpoint-closed", "The checkpoint is closed",
        "It was decided, expired or was cancelled, so this cannot be done with it any more.",
        "`detail` says what can be done instead.";
    INVALID_FORM = UNPROCESSABLE_ENTITY, "invalid-form", "The input does not fit the form",
        "An approval of this checkpoint brings an input that fits the schema `form`.",
        "`errors` names each violation with a JSON Pointer.";
    NOT_EDITABLE = UNPROCESSABLE_ENTITY, "not-editable", "This must not be edited",
        "The edit changes something that is not at or below one of the pointers in `editable`.",
        "Change nothing else, or send it back with a comment.";
    NOT_DUE = CONFLICT, "not-due", "It is too early for that",
        "There is nothing to do yet.",
        "Try again later.";
    HELD = CONFLICT, "held", "The store is held",
        "It was restored or imported, and nothing may start before an admin says that the original \
        does not run any more.",
        "Stop the original, look around, then `holdpoint release --reason …` or POST \
        /api/admin/release.";
    NOT_HELD = CONFLICT, "not-held", "The store is not held",
        "There is nothing to release.",
        "Nothing is to be done.";
    AGENT_NAME_TAKEN = CONFLICT, "agent-name-taken", "The name belongs to another agent",
        "Names of agents are unique, whatever the case of their letters.",
        "Give it another name, or change the agent that has it.";
    INACTIVE_AGENT = CONFLICT, "inactive-agent", "The agent is inactive",
        "An admin took the agent out of use.",
        "Choose another one, or ask an administrator to activate it.";
    AGENT_CHANGED = CONFLICT, "agent-changed", "The agent was changed meanwhile",
        "The change is about another version than the one that is there.",
        "Read the agent again and repeat the change on its version.";
    TOO_MANY_AGENTS = CONFLICT, "too-many-agents", "There are too many agents",
        "All registered agents are held in memory, and their number is limited.",
        "Change an inactive agent instead of registering another one.";
    CALLBACK_OVER = CONFLICT, "callback-over", "The call has its outcome already",
        "An earlier callback or a poll brought the outcome, or the call expired or was ended.",
        "Nothing is to be done: a token is good for one outcome.";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "too-large", "The request is too large",
        "The body is longer than this route takes; `detail` names the limit.",
        "Send less, or send a reference to the data.";
    WRONG_CONTENT_TYPE = UNSUPPORTED_MEDIA_TYPE, "wrong-content-type", "Wrong content type",
        "The route takes another `Content-Type`; `detail` names those that it takes.",
        "Send the header `Content-Type: application/json`.";
    INVALID_REQUEST = UNPROCESSABLE_ENTITY, "invalid-request", "The request does not fit",
        "A member or query parameter is missing, unknown, of the wrong type or beyond its limits.",
        "`errors` names each with a JSON Pointer into the body, or the name of the query \
        parameter.";
    INVALID_INPUT = UNPROCESSABLE_ENTITY, "invalid-input", "The input does not fit the workflow",
        "`inputData` does not fit the JSON Schema of the workflow.",
        "`errors` names each violation; `GET /api/workflows/{name}` shows the schema.";
    UNKNOWN_WORKFLOW = UNPROCESSABLE_ENTITY, "unknown-workflow", "No workflow has this name",
        "`jobType` names no registered workflow.",
        "`GET /api/workflows` lists what is registered.";
    BROKEN_WORKFLOW = UNPROCESSABLE_ENTITY, "broken-workflow", "The workflow document has defects",
        "The document cannot run; `errors` or `detail` names every defect.",
        "Correct the document and register it again.";
    INVALID_AGENT = UNPROCESSABLE_ENTITY, "invalid-agent", "The agent cannot be registered so",
        "A member is beyond its limits, a schema does not compile, or the endpoint may not be \
        called.",
        "`errors` names each defect with a JSON Pointer into the body.";
    INVALID_INPUTS = UNPROCESSABLE_ENTITY, "invalid-inputs", "The inputs do not fit the agent",
        "`inputs` does not fit the input schema of the agent.",
        "`errors` names each violation; `GET /api/agents/{id}` shows the schema.";
    INVALID_RESULT = UNPROCESSABLE_ENTITY, "invalid-result", "The result has the wrong shape",
        "What the agent brought does not fit its output schema; the call has failed.",
        "`errors` names each violation with a JSON Pointer into the body.";
    BAD_DECISION = UNPROCESSABLE_ENTITY, "bad-decision", "The decision lacks something",
        "A member of the decision is missing or wrong.",
        "`errors` names it.";
    KEY_REUSED = UNPROCESSABLE_ENTITY, "key-reused", "The idempotency key was used before",
        "The same `Idempotency-Key` came with another request within 24 hours.",
        "Use a new key for a new request, or repeat the first request exactly.";
    TOO_MANY_LOGINS = TOO_MANY_REQUESTS, "too-many-logins", "Too many logins",
        "Too many logins for this account, or logins or wrong tokens from this address, failed \
        within a minute.",
        "Wait as long as `Retry-After` says.";
    KEY_IN_USE = CONFLICT, "key-in-use", "The first request is under way",
        "A request with the same `Idempotency-Key` has not been answered yet.",
        "Repeat it after the time that `Retry-After` says; it then gets the same answer.";
    ALREADY_DONE = CONFLICT, "already-done", "It was done, and is not shown again",
        "The same request with the same `Idempotency-Key` was carried out before. Its answer held \
        a secret that is shown once, or was too large to keep.",
        "Read what `detail` names. If the secret is lost, revoke it and make a new one under a \
        new key.";
    TOO_MANY_REQUESTS = TOO_MANY_REQUESTS, "too-many-requests", "Too many requests",
        "The caller made more requests within a minute than the limit for its kind allows.",
        "Wait as long as `Retry-After` says; `RateLimit` says how many are left.";
    URI_TOO_LONG = URI_TOO_LONG, "uri-too-long", "The address is too long",
        "The path and query of the request are longer than the server takes.",
        "Send less in the query; lists have cursors.";
    HEADERS_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large",
        "Too many or too long headers",
        "The headers of the request are more, or longer together, than the server takes.",
        "Send fewer headers and cookies.";
    TIMED_OUT = REQUEST_TIMEOUT, "request-timeout", "The body did not arrive",
        "The body of the request took too long to arrive.",
        "Send it again.";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal", "A fault in the server",
        "Something happened that must not happen; the log of the server has the details.",
        "Report it. Repeating the request with the same `Idempotency-Key` is safe.";
    BACKUP_FAILED = INTERNAL_SERVER_ERROR, "backup-failed", "There is no backup",
        "The backup could not be written or did not pass its verification; what was begun is gone.",
        "`detail` says why. The store itself is as it was; `holdpoint doctor` looks at it.";
    UNREADABLE_JOB = INTERNAL_SERVER_ERROR, "unreadable-job", "The job cannot be loaded",
        "The journal of this job cannot be read by this version of the program.",
        "Look at the log of the server; restore from a backup, or use the version that wrote it.";
    BUSY = SERVICE_UNAVAILABLE, "busy", "Too much at once",
        "The server takes no more of this now.",
        "Wait as long as `Retry-After` says.";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "The store cannot answer now",
        "Reading or writing the store failed; nothing was acknowledged.",
        "Wait as long as `Retry-After` says, and repeat with the same `Idempotency-Key`.";
    SLOW = SERVICE_UNAVAILABLE, "slow", "It took too long",
        "The answer was not ready in time. What was asked for may still happen.",
        "Read the job to see what happened, or repeat with the same `Idempotency-Key`.";
    STOPPING = SERVICE_UNAVAILABLE, "stopping", "The server is stopping",
        "The server finishes what it has begun and takes nothing new.",
        "Try again when it is back.";
    NOT_READY = SERVICE_UNAVAILABLE, "not-ready", "The server is not ready",
        "It is still recovering, or its store takes no writes; `detail` says which.",
        "Wait; look at the log of the server when it stays so.";
    DISK_FULL = INSUFFICIENT_STORAGE, "disk-full", "The disk is full",
        "There is no room for another commit; reads still work, nothing acknowledged is lost.",
        "Free space on the disk of the store; work goes on by itself.";
}

/// The kind with this name.
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.name == name)
}
