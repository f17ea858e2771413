//! The built-in documents: compiled in, pinned by hash like any other, and started by nobody by
//! name. A document that was once shipped stays readable from the store; a changed one needs a new
//! version, and its predecessor stays in this list as long as jobs may run it by version.

/// Namespace, name and version of the document of a gate.
pub(super) const GATE: (&str, &str, &str) = ("holdpoint", "approval-gate", "1.0.0");
/// Namespace, name and version of the document of its callback.
pub(super) const CALLBACK: (&str, &str, &str) = ("holdpoint", "approval-callback", "1.0.0");

/// Every built-in document, as text.
pub(crate) const BUILT_IN: [&str; 2] = [
    include_str!("../../../workflows/built-in/gate.yaml"),
    include_str!("../../../workflows/built-in/gate-callback.yaml"),
];

/// Does this name belong to a built-in document? Then nobody else registers it.
pub(crate) fn is_reserved(name: &str) -> bool {
    [GATE, CALLBACK].iter().any(|(_, built_in, _)| *built_in == name)
}
