//! The audit trail and the figures of oversight, as the API shows them.

use crate::api::audit::{AuditEntry, AuditFinding, AuditVerification, Origin};
use crate::api::oversight;
use crate::engine;
use crate::engine::audit::Verification;
use crate::http::present::time;
use crate::model;

/// An entry.
pub fn entry(entry: model::audit::AuditEntry) -> AuditEntry {
    AuditEntry {
        seq: entry.seq,
        at: time(entry.at),
        by: entry.by.to_string(),
        action: entry.action,
        target: entry.target,
        last_event: entry.commit.map(|commit| commit.last_seq),
        digest: entry.digest.to_string(),
        shown: entry.shown.map(|shown| shown.to_string()),
        has_reason: entry.has_reason,
        detail: entry.detail,
        origin: entry.origin.map(|origin| Origin { address: origin.address, via: origin.via }),
        hash: entry.hash.to_string(),
    }
}

/// What a walk along the trail found.
pub fn verification(found: Verification) -> AuditVerification {
    let finding = |finding: engine::audit::Finding| AuditFinding {
        entry: finding.entry,
        kind: finding.kind.to_owned(),
        what: finding.what,
    };
    AuditVerification {
        holds: found.holds(),
        store_id: found.store_id,
        generation: found.generation,
        entries: found.entries,
        commits: found.commits,
        removed: found.removed,
        heads: found.heads,
        key: found.key,
        findings: found.findings.into_iter().map(finding).collect(),
        notes: found.notes,
    }
}

/// The figures of one name.
pub fn oversight_row(row: engine::OversightRow) -> oversight::OversightRow {
    let engine::OpenByAge { total, under1h, under4h, under24h, under3d, older } = row.open;
    let engine::Decisions {
        decided,
        approved,
        rejected,
        sent_back,
        edited,
        votes,
        expired,
        overrides,
        sub_second_approvals,
        approval_rate,
        send_back_rate,
        edit_rate,
        expiry_rate,
        override_rate,
        time_to_decide_p50_ms,
        time_to_decide_p95_ms,
    } = row.decisions;
    oversight::OversightRow {
        name: row.name,
        open: oversight::OpenByAge { total, under1h, under4h, under24h, under3d, older },
        decisions: oversight::Decisions {
            decided,
            approved,
            rejected,
            sent_back,
            edited,
            votes,
            expired,
            overrides,
            sub_second_approvals,
            approval_rate,
            send_back_rate,
            edit_rate,
            expiry_rate,
            override_rate,
            time_to_decide_p50_ms,
            time_to_decide_p95_ms,
        },
    }
}
