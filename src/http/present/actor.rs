//! The actor tree as JSON, as text for a terminal, and as a graph in the DOT language.

use std::fmt::Write as _;

use crate::api::actor::Actor;
use crate::engine::ActorNode;
use crate::http::present::time;

/// The tree.
pub fn tree(node: ActorNode) -> Actor {
    Actor {
        id: node.id,
        kind: node.kind.to_owned(),
        name: node.name,
        state: node.state,
        mailbox: node.mailbox,
        handled: node.handled,
        restarts: node.restarts,
        since: time(node.since),
        last_error: node.last_error,
        children: node.children.into_iter().map(tree).collect(),
    }
}

/// One line for each actor, indented by its depth.
pub fn text(root: &Actor) -> String {
    let mut out = String::new();
    let mut stack = vec![(root, 0_usize)];
    while let Some((actor, depth)) = stack.pop() {
        let Actor { kind, name, state, handled, restarts, .. } = actor;
        let indent = "  ".repeat(depth);
        let name = one_line(name);
        // Writing to a text cannot fail.
        let _ = write!(out, "{indent}{kind} {name} {state} handled={handled} restarts={restarts}");
        if let Some(error) = &actor.last_error {
            let _ = write!(out, " last-error={}", one_line(error));
        }
        out.push('\n');
        stack.extend(actor.children.iter().rev().map(|child| (child, depth + 1)));
    }
    out
}

/// A graph for Graphviz.
pub fn dot(root: &Actor) -> String {
    let mut out = String::from("digraph actors {\n  rankdir=LR;\n  node [shape=box];\n");
    let mut stack = vec![root];
    while let Some(actor) = stack.pop() {
        let label = quoted(&format!("{} {} ({})", actor.kind, actor.name, actor.state));
        let _ = writeln!(out, "  {} [label={label}];", quoted(&actor.id));
        for child in &actor.children {
            let _ = writeln!(out, "  {} -> {};", quoted(&actor.id), quoted(&child.id));
            stack.push(child);
        }
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('\\', "\\\\").replace('"', "\\\""))
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(id: &str, name: &str, children: Vec<Actor>) -> Actor {
        Actor {
            id: id.to_owned(),
            kind: "job".to_owned(),
            name: name.to_owned(),
            state: "running".to_owned(),
            mailbox: 0,
            handled: 1,
            restarts: 0,
            since: String::new(),
            last_error: None,
            children,
        }
    }

    #[test]
    fn writes_the_tree_in_order_and_escapes_names() {
        let second = actor("3", "c", vec![]);
        let root = actor("1", "a", vec![actor("2", "b\"\n", vec![]), second]);
        let lines = "job a running handled=1 restarts=0\n\
                     \x20 job b\"  running handled=1 restarts=0\n\
                     \x20 job c running handled=1 restarts=0\n";
        assert_eq!(text(&root), lines);
        assert!(dot(&root).contains("\"2\" [label=\"job b\\\"  (running)\"];"), "{}", dot(&root));
        assert!(dot(&root).contains("\"1\" -> \"3\";"));
    }
}
