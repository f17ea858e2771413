//! Registered workflows: by name for new jobs, by content hash for jobs that pinned one. A
//! definition that was once registered is kept for ever; registering another one never touches it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use crate::dsl::definition::Definition;
use crate::dsl::{Defect, Format, Rules, from_value, load_folder, parse};
use crate::engine::gates;
use crate::engine::load::LoadError;
use crate::engine::{EngineError, WorkflowView};
use crate::model::audit::{Author, Fact};
use crate::model::id::ContentHash;
use crate::model::time::Timestamp;
use crate::store::{ChangeOutcome, Document, DocumentChange, Store};

/// Documents by content hash.
pub(crate) const DEFINITIONS: &str = "definitions";
/// Which hash a namespace, name and version stand for.
const VERSIONS: &str = "workflow-versions";
/// Definitions read at start, at a time.
const PAGE: usize = 200;

/// namespace, name, version.
type Key = (String, String, String);

#[derive(Clone)]
struct Entry {
    definition: Arc<Definition>,
    source: String,
    registered_at: Timestamp,
}

/// A file that could not be registered.
#[derive(Clone)]
struct Broken {
    name: Option<String>,
    source: String,
    defects: Vec<Defect>,
}

#[derive(Default)]
struct Known {
    by_hash: HashMap<ContentHash, Arc<Definition>>,
    registered: BTreeMap<Key, Entry>,
    broken: Vec<Broken>,
    /// What is compiled in: found by namespace, name and version, and in no list.
    built_in: BTreeMap<Key, Arc<Definition>>,
}

pub(crate) struct Catalog {
    store: Arc<dyn Store>,
    known: RwLock<Known>,
}

impl Catalog {
    /// A catalog that knows nothing yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default() }
    }

    fn read<T>(&self, with: impl FnOnce(&Known) -> T) -> T {
        with(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up what was registered before, then the files of the folder. A broken file is named
    /// and left out.
    pub async fn open(&self, folder: Option<&Path>, now: Timestamp) -> Result<(), EngineError> {
        self.open_built_in(now).await?;
        self.read_registered().await?;
        let Some(folder) = folder else { return Ok(()) };
        let files = match load_folder(folder, &Rules::default()) {
            Ok(files) => files,
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "the folder of workflows cannot be read");
                return Ok(());
            }
        };
        for file in files {
            let source = file.path.display().to_string();
            let registered = match file.result {
                Ok(definition) => {
                    self.register(definition, &source, now, Author::system("start")).await?
                }
                Err(defects) => Err(defects),
            };
            if let Err(defects) = registered {
                for defect in &defects {
                    tracing::error!(file = source, %defect, "a workflow is not registered");
                }
                let broken = Broken { name: file.name, source, defects };
                self.write(|known| known.broken.push(broken));
            }
        }
        Ok(())
    }

    /// Puts what is compiled in beside what was registered: a later version of the program reads
    /// from the store what this one had compiled in.
    async fn open_built_in(&self, now: Timestamp) -> Result<(), EngineError> {
        for text in gates::BUILT_IN {
            let parsed = parse(text, Format::Yaml, &Rules::default());
            let definition = parsed.map_err(|defects| EngineError::BrokenWorkflow {
                name: "built-in".to_owned(),
                defects: lines(&defects),
            })?;
            let id = definition.hash.to_string();
            if self.store.document(DEFINITIONS, &id).await?.is_none() {
                let body = serde_json::to_vec(&*definition.document).unwrap_or_default();
                let document = Document { id, version: 0, updated_at: now, body };
                self.store.put_document(DEFINITIONS, document, None).await?;
            }
            self.write(|known| {
                known.by_hash.insert(definition.hash, definition.clone());
                known.built_in.insert(key_of(&definition), definition);
            });
        }
        Ok(())
    }

    async fn read_registered(&self) -> Result<(), EngineError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.documents(VERSIONS, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for row in page {
                let Ok(version) = serde_json::from_slice::<Version>(&row.body) else { continue };
                let definition = match self.by_hash(version.hash).await {
                    Ok(definition) => definition,
                    Err(LoadError::Unavailable(reason)) => {
                        return Err(EngineError::Unavailable(reason));
                    }
                    Err(LoadError::Poisoned(reason)) => {
                        tracing::error!(workflow = row.id, reason, "a workflow is left out");
                        continue;
                    }
                };
                let entry = Entry {
                    definition: definition.clone(),
                    source: version.source,
                    registered_at: row.updated_at,
                };
                self.write(|known| known.registered.insert(key_of(&definition), entry));
            }
        }
    }

    /// Makes a definition the one of its name and version. The inner error says why it is not.
    pub async fn register(
        &self,
        definition: Arc<Definition>,
        source: &str,
        now: Timestamp,
        author: Author,
    ) -> Result<Result<Arc<Definition>, Vec<Defect>>, EngineError> {
        let key = key_of(&definition);
        if gates::is_reserved(&definition.name) {
            return Ok(Err(vec![reserved(&definition)]));
        }
        let other = self.read(|known| known.registered.get(&key).map(|e| e.definition.hash));
        match other {
            Some(hash) if hash == definition.hash => return Ok(Ok(definition)),
            Some(_) => return Ok(Err(vec![taken(&definition)])),
            None => {}
        }
        let version = Version { hash: definition.hash, source: source.to_owned() };
        let id = format!("{}/{}/{}", key.0, key.1, key.2);
        let put = |kind: &str, id: String, body: Vec<u8>, expect_version| DocumentChange::Put {
            kind: kind.to_owned(),
            document: Document { id, version: 0, updated_at: now, body },
            expect_version,
        };
        let document = serde_json::to_vec(&*definition.document).unwrap_or_default();
        let pointer = serde_json::to_vec(&version).unwrap_or_default();
        let changes = vec![
            put(DEFINITIONS, definition.hash.to_string(), document, None),
            put(VERSIONS, id.clone(), pointer, Some(0)),
        ];
        let detail = json!({ "sha256": definition.hash, "source": source });
        let fact = Fact::new(author, "workflow.register", id.as_str()).with(detail);
        // Two registrations at once: the first one on disk wins; one of another content is told so.
        let written = self.store.change_documents(changes, Some(fact), now).await?;
        if matches!(written, ChangeOutcome::Conflict { .. }) {
            let first = self.store.document(VERSIONS, &id).await?;
            let first: Option<Version> =
                first.and_then(|first| serde_json::from_slice(&first.body).ok());
            if first.is_none_or(|first| first.hash != definition.hash) {
                return Ok(Err(vec![taken(&definition)]));
            }
        }
        let entry =
            Entry { definition: definition.clone(), source: source.to_owned(), registered_at: now };
        self.write(|known| {
            known.by_hash.insert(definition.hash, definition.clone());
            known.registered.insert(key, entry);
        });
        Ok(Ok(definition))
    }

    /// The definition that a job pinned.
    pub async fn by_hash(&self, hash: ContentHash) -> Result<Arc<Definition>, LoadError> {
        if let Some(known) = self.read(|known| known.by_hash.get(&hash).cloned()) {
            return Ok(known);
        }
        let found = self.store.document(DEFINITIONS, &hash.to_string()).await?;
        let lost = || LoadError::Poisoned(format!("its workflow {hash} is not in the store"));
        let document = found.ok_or_else(lost)?;
        let value: Value = serde_json::from_slice(&document.body)
            .map_err(|error| LoadError::Poisoned(format!("its workflow {hash}: {error}")))?;
        let definition = from_value(Arc::new(value), &Rules::default()).map_err(|defects| {
            let defects = lines(&defects);
            LoadError::Poisoned(format!("this version cannot read its workflow {hash}: {defects}"))
        })?;
        self.write(|known| known.by_hash.insert(hash, definition.clone()));
        Ok(definition)
    }

    /// The definition that a new job of this name runs: the one with the highest version.
    pub fn current(&self, name: &str) -> Result<Arc<Definition>, EngineError> {
        self.read(|known| {
            let found = known.registered.values().filter(|entry| entry.definition.name == name);
            if let Some(newest) = found.max_by(|a, b| newer(a, b)) {
                return Ok(newest.definition.clone());
            }
            let broken = known.broken.iter().find(|broken| broken.name.as_deref() == Some(name));
            Err(match broken {
                Some(broken) => EngineError::BrokenWorkflow {
                    name: name.to_owned(),
                    defects: format!("{}: {}", broken.source, lines(&broken.defects)),
                },
                None => EngineError::UnknownWorkflow {
                    name: name.to_owned(),
                    known: names(&known.registered),
                },
            })
        })
    }

    /// The definition of a `run: workflow`; `latest` is the highest version.
    pub fn find(
        &self,
        namespace: &str,
        name: &str,
        version: &str,
    ) -> Result<Arc<Definition>, String> {
        self.read(|known| {
            let key = (namespace.to_owned(), name.to_owned(), version.to_owned());
            if let Some(built_in) = known.built_in.get(&key) {
                return Ok(built_in.clone());
            }
            let same = known.registered.values().filter(|entry| {
                let definition = &entry.definition;
                definition.namespace == namespace
                    && definition.name == name
                    && (version == "latest" || definition.version == version)
            });
            let newest = same.max_by(|a, b| newer(a, b)).map(|entry| entry.definition.clone());
            newest.ok_or_else(|| {
                format!("no workflow {namespace}/{name} of version {version} is registered")
            })
        })
    }

    /// Everything registered and everything broken, for people.
    pub fn views(&self) -> Vec<WorkflowView> {
        self.read(|known| {
            let registered = known.registered.values().map(|entry| {
                let name = &entry.definition.name;
                let same = known.registered.values().filter(|other| other.definition.name == *name);
                let current = same.max_by(|a, b| newer(a, b));
                let is_current =
                    current.is_some_and(|newest| newest.definition.hash == entry.definition.hash);
                view(&entry.definition, &entry.source, is_current)
            });
            registered.chain(known.broken.iter().map(broken_view)).collect()
        })
    }
}

/// What a namespace, name and version stand for, on disk.
#[derive(serde::Serialize, serde::Deserialize)]
struct Version {
    hash: ContentHash,
    source: String,
}

fn key_of(definition: &Definition) -> Key {
    (definition.namespace.clone(), definition.name.clone(), definition.version.clone())
}

fn newer(a: &Entry, b: &Entry) -> std::cmp::Ordering {
    let by_version = precedence(&a.definition.version).cmp(&precedence(&b.definition.version));
    by_version.then(a.registered_at.cmp(&b.registered_at))
}

/// Order of semantic versions: the numbers, then a release before its pre-releases.
fn precedence(version: &str) -> (Vec<u64>, bool, String) {
    let version = version.split('+').next().unwrap_or_default();
    let (numbers, pre) = version.split_once('-').unwrap_or((version, ""));
    let numbers = numbers.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    (numbers, pre.is_empty(), pre.to_owned())
}

fn taken(definition: &Definition) -> Defect {
    let Definition { namespace, name, version, .. } = definition;
    Defect {
        pointer: "/document/version".to_owned(),
        line: None,
        column: None,
        message: format!(
            "{namespace}/{name} {version} is registered already, with another content"
        ),
        hint: Some("registered documents never change: give it a new version".to_owned()),
    }
}

fn reserved(definition: &Definition) -> Defect {
    Defect {
        pointer: "/document/name".to_owned(),
        line: None,
        column: None,
        message: format!("the name `{}` belongs to a built-in document", definition.name),
        hint: Some("choose another name".to_owned()),
    }
}

pub(crate) fn lines(defects: &[Defect]) -> String {
    defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn names(registered: &BTreeMap<Key, Entry>) -> String {
    let mut names: Vec<&str> = registered.keys().map(|(_, name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

pub(crate) fn view(definition: &Definition, source: &str, current: bool) -> WorkflowView {
    let schema = definition.document.pointer("/input/schema/document").cloned();
    WorkflowView {
        namespace: definition.namespace.clone(),
        name: definition.name.clone(),
        version: definition.version.clone(),
        hash: Some(definition.hash),
        title: definition.title.clone(),
        summary: definition.summary.clone(),
        input_schema: schema.map(Arc::new),
        document: Some(definition.document.clone()),
        source: source.to_owned(),
        current,
        defects: Vec::new(),
    }
}

fn broken_view(broken: &Broken) -> WorkflowView {
    WorkflowView {
        namespace: String::new(),
        name: broken.name.clone().unwrap_or_default(),
        version: String::new(),
        hash: None,
        title: None,
        summary: None,
        input_schema: None,
        document: None,
        source: broken.source.clone(),
        current: false,
        defects: broken.defects.clone(),
    }
}

/// Checks a document without registering it.
pub(crate) fn check(text: &str, format: Format) -> Result<Arc<Definition>, Vec<Defect>> {
    parse(text, format, &Rules::default())
}
