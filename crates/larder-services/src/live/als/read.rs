//! The one loop over the file: each element is a step by its place, and nodes end with theirs.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::tree::{Attributes, Kind, Node, Tree, Value};
use super::draft::{Draft, Ids};
use super::meter::Meter;
use super::place::{Form, Place, Step, Target, step};
use super::{AlsError, Limits, MASTER, Set};

/// Reads the document.
pub(super) fn document(input: Meter<impl BufRead>, limits: &Limits) -> Result<Set, AlsError> {
    let mut reader = Reader::from_reader(input);
    let mut state = State::new(limits);
    let mut bytes = Vec::new();
    loop {
        let event = match reader.read_event_into(&mut bytes) {
            Ok(event) => event,
            Err(error) => return Err(of_xml(error, position(&reader))),
        };
        let here = |error: AlsError| match error {
            AlsError::Xml { source, .. } => AlsError::Xml {
                at: position(&reader),
                source,
            },
            error => error,
        };
        match event {
            Event::Start(element) => state.open(&element).map_err(here)?,
            Event::Empty(element) => {
                state.open(&element).map_err(here)?;
                state.close();
            }
            Event::End(_) => state.close(),
            Event::DocType(_) => return Err(AlsError::DocumentType),
            Event::Eof => break,
            _ => {}
        }
        bytes.clear();
        let input = reader.get_mut();
        input.token_ended();
        // Texts mean nothing here: all that is kept stands in tags.
        if let Err(error) = input.skip_text() {
            return Err(AlsError::of_input(error, position(&reader)));
        }
    }
    let inflated_bytes = position(&reader);
    if state.open.len() > 1 {
        return Err(AlsError::Truncated(inflated_bytes));
    }
    let tree = state.finish()?;
    Ok(Set {
        tree,
        inflated_bytes,
    })
}

/// Bytes of XML that were read.
fn position(reader: &Reader<Meter<impl BufRead>>) -> u64 {
    reader.buffer_position() + reader.get_ref().skipped()
}

fn of_xml(error: quick_xml::Error, at: u64) -> AlsError {
    use quick_xml::Error::{IllFormed, Io, Syntax};
    use quick_xml::errors::IllFormedError::MissingEndTag;
    match error {
        Io(shared) => match Arc::try_unwrap(shared) {
            Ok(error) => AlsError::of_input(error, at),
            Err(shared) => AlsError::Io(shared.kind().into()),
        },
        // What the parser calls so is a tag that the file's end cuts through.
        Syntax(_) | IllFormed(MissingEndTag(_)) => AlsError::Truncated(at),
        source => AlsError::Xml { at, source },
    }
}

struct State<'a> {
    limits: &'a Limits,
    /// The elements that are open, and which of them are nodes.
    open: Vec<(Place, bool)>,
    /// The nodes that are; the first is the project.
    drafts: Vec<Draft>,
    ids: Ids,
    elements: u64,
    nodes: usize,
    has_live_set: bool,
    has_master: bool,
    /// The names of the open elements of devices, and where each ends.
    names: String,
    name_ends: Vec<usize>,
    parameter_name: String,
    scratch: Vec<u8>,
}

impl<'a> State<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            open: vec![(Place::Document, false)],
            drafts: vec![Draft::new(Kind::Project, "project".into())],
            ids: Ids::default(),
            elements: 0,
            nodes: 1,
            has_live_set: false,
            has_master: false,
            names: String::new(),
            name_ends: Vec::new(),
            parameter_name: String::new(),
            scratch: Vec::new(),
        }
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), AlsError> {
        if self.open.len() > self.limits.depth_max {
            return Err(AlsError::TooDeep(self.limits.depth_max));
        }
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return Err(AlsError::TooManyElements(self.limits.elements_max));
        }
        let name = element.name().into_inner();
        let place = self.open.last().map_or(Place::Skipped, |(place, _)| *place);
        let mut next = (Place::Skipped, false);
        match step(place, name) {
            Step::Skip => {}
            Step::Enter(place) => {
                self.enter(place, element)?;
                next.0 = place;
            }
            Step::Begin(kind, place) => {
                self.begin(kind, element, name)?;
                next = (place, true);
            }
            Step::Set(target) => self.set(target, element)?,
            Step::Parameter => self.parameter(element)?,
            Step::ParameterName => {
                self.parameter_name.clear();
                let text = attribute(element, "Value")?.unwrap_or_default();
                self.parameter_name.push_str(&text);
            }
            Step::Send => self.send(element)?,
            Step::Folder => {
                if let (Some(folder), Some(draft)) =
                    (attribute(element, "Dir")?, self.drafts.last_mut())
                {
                    draft.folders.push_str(&folder);
                    draft.folders.push('/');
                }
            }
            Step::Digest(counted) => {
                let is_counted = counted.is_empty() || counted == name;
                let raw = element.attributes_raw();
                if let Some(draft) = self.drafts.last_mut() {
                    draft.digest(name, raw, is_counted);
                }
                next.0 = place;
            }
        }
        self.name(next.0, name);
        self.open.push(next);
        Ok(())
    }

    /// Keeps the name of an element within a device, for the parameters in it.
    fn name(&mut self, place: Place, name: &str) {
        if place == Place::InDevice {
            if !self.names.is_empty() {
                self.names.push('/');
            }
            self.names.push_str(name);
            self.name_ends.push(self.names.len());
        }
    }

    fn enter(&mut self, place: Place, element: &BytesStart<'_>) -> Result<(), AlsError> {
        match place {
            Place::Ableton => {
                let texts = [
                    ("Creator", "creator"),
                    ("MajorVersion", "major_version"),
                    ("MinorVersion", "minor_version"),
                    ("Revision", "revision"),
                ];
                for (from, name) in texts {
                    if let Some(text) = attribute(element, from)? {
                        self.drafts[0].set(name, Form::Text, &text);
                    }
                }
            }
            Place::LiveSet => self.has_live_set = true,
            Place::RelativePath => {
                if let (Some(path), Some(draft)) =
                    (attribute(element, "Value")?, self.drafts.last_mut())
                {
                    draft.set("relative_path", Form::Text, &path);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind, element: &BytesStart<'_>, name: &str) -> Result<(), AlsError> {
        self.count_node()?;
        let is_master = matches!(name, "MasterTrack" | "MainTrack");
        let number = match kind {
            Kind::Track | Kind::Scene | Kind::Device | Kind::ClipSlot | Kind::Clip => {
                attribute(element, "Id")?.and_then(|id| id.parse().ok())
            }
            _ => None,
        };
        let parent = self.drafts.last_mut().expect("the project is never closed");
        let id = if is_master && !self.has_master {
            self.has_master = true;
            MASTER.into()
        } else {
            self.ids.next(parent, kind, number)
        };
        let mut draft = Draft::new(kind, id);
        draft.names_from = self.names.len();
        match kind {
            Kind::Track | Kind::Clip | Kind::Device => {
                let suffix = if kind == Kind::Clip { "Clip" } else { "Track" };
                let word = name.strip_suffix(suffix);
                let word = match (kind, is_master) {
                    (Kind::Device, _) => name.to_owned(),
                    (_, true) => "master".to_owned(),
                    _ => word.unwrap_or(name).to_ascii_lowercase(),
                };
                draft.set("type", Form::Text, &word);
            }
            _ => {}
        }
        if kind == Kind::Clip
            && let Some(time) = attribute(element, "Time")?
        {
            draft.set("time", Form::Float, &time);
        }
        // Live 10 and before.
        if kind == Kind::Scene
            && let Some(name) = attribute(element, "Value")?
        {
            draft.set("name", Form::Text, name.trim());
        }
        self.drafts.push(draft);
        Ok(())
    }

    fn set(&mut self, target: Target, element: &BytesStart<'_>) -> Result<(), AlsError> {
        let Target {
            name,
            form,
            of_project,
        } = target;
        let Some(text) = attribute(element, "Value")? else {
            return Ok(());
        };
        let is_of_master = self.drafts.get(1).is_some_and(|track| &*track.id == MASTER);
        if of_project && is_of_master {
            self.drafts[0].set(name, form, &text);
        } else if !of_project && let Some(draft) = self.drafts.last_mut() {
            draft.set(name, form, &text);
        }
        Ok(())
    }

    fn parameter(&mut self, element: &BytesStart<'_>) -> Result<(), AlsError> {
        let Some(text) = attribute(element, "Value")? else {
            return Ok(());
        };
        let Some(value) = super::draft::value(Form::Bool, &text)
            .or_else(|| super::draft::value(Form::Float, &text))
        else {
            return Ok(());
        };
        let from = self.drafts.last().map_or(0, |device| device.names_from);
        let path = self.names[from..].trim_start_matches('/');
        let is_plugins = path.ends_with("ParameterValue") && !self.parameter_name.is_empty();
        let name = if is_plugins {
            Value::text(self.parameter_name.as_str())
        } else {
            Value::text(path)
        };
        self.parameter_name.clear();
        self.add_parameter(name, value)
    }

    fn send(&mut self, element: &BytesStart<'_>) -> Result<(), AlsError> {
        let value =
            attribute(element, "Value")?.and_then(|text| super::draft::value(Form::Float, &text));
        match value {
            Some(value) => {
                let number = self.drafts.last().map_or(0, |mixer| mixer.children.len());
                self.add_parameter(Value::text(format!("Send {number}")), value)
            }
            None => Ok(()),
        }
    }

    fn add_parameter(&mut self, name: Value, value: Value) -> Result<(), AlsError> {
        self.count_node()?;
        let parent = self.drafts.last_mut().expect("the project is never closed");
        let id = self.ids.next(parent, Kind::Parameter, None);
        let attributes = Attributes::from([("name", name), ("value", value)]);
        let node = Node::new(
            Kind::Parameter,
            id,
            attributes,
            Vec::new(),
            &mut self.scratch,
        );
        parent.children.push(Arc::new(node));
        Ok(())
    }

    fn count_node(&mut self) -> Result<(), AlsError> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes_max {
            return Err(AlsError::TooManyNodes(self.limits.nodes_max));
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some((place, is_node)) = self.open.pop() else {
            return;
        };
        if place == Place::InDevice {
            self.name_ends.pop();
            self.names
                .truncate(self.name_ends.last().copied().unwrap_or(0));
        }
        if is_node && let Some(mut draft) = self.drafts.pop() {
            draft.complete();
            let node = draft.finish(&mut self.scratch);
            if let Some(parent) = self.drafts.last_mut() {
                parent.children.push(Arc::new(node));
            }
        }
    }

    fn finish(mut self) -> Result<Tree, AlsError> {
        if !self.has_live_set {
            return Err(AlsError::Missing("LiveSet"));
        }
        if !self.has_master {
            return Err(AlsError::Missing("MasterTrack or MainTrack"));
        }
        let project = self.drafts.swap_remove(0);
        Ok(Tree::new(project.finish(&mut self.scratch)))
    }
}

/// An attribute's text. Only the entities of XML itself are known.
fn attribute<'e>(
    element: &'e BytesStart<'_>,
    name: &str,
) -> Result<Option<Cow<'e, str>>, AlsError> {
    let mut attributes = element.attributes();
    attributes.with_checks(false);
    for attribute in attributes {
        let attribute = attribute.map_err(|error| bad(error.into()))?;
        if attribute.key.into_inner() == name {
            return match attribute.value {
                Cow::Borrowed(raw) => quick_xml::escape::unescape(raw).map(Some),
                Cow::Owned(raw) => quick_xml::escape::unescape(&raw)
                    .map(|text| Some(Cow::Owned(text.into_owned()))),
            }
            .map_err(|error| bad(error.into()));
        }
    }
    Ok(None)
}

fn bad(source: quick_xml::Error) -> AlsError {
    AlsError::Xml { at: 0, source }
}
