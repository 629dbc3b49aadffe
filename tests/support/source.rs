//! The crate's own code as trees: its modules, and every path that a module names.
//!
//! Modules are found as the compiler finds them, from the `mod` lines of the root. What is compiled for
//! tests only (`#[cfg(test)]`, on whatever it stands) is left out: tests may name what they like.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Attribute, Item, UseTree,
    punctuated::Punctuated,
    spanned::Spanned,
    visit::{self, Visit},
};

/// The segments of a path. Paths into the crate begin with `crate`; all others lead out of it.
pub(crate) type Segments = Vec<String>;

/// Files by their place below `src`, such as `backend/mod.rs`.
pub(crate) type Files = BTreeMap<String, String>;

/// A crate: its modules by their paths.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Segments, Module>,
    /// The modules of the root, in the order in which they are declared.
    pub(crate) order: Vec<String>,
}

/// A module without the modules in it, and without its tests.
pub(crate) struct Module {
    pub(crate) file: String,
    /// What `use` brings in, by the name that it has here; not yet resolved.
    imported: BTreeMap<String, Segments>,
    items: Vec<Item>,
}

/// A path that a module names, and the line on which it does.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) path: Segments,
    pub(crate) line: usize,
}

/// Every Rust file below a folder.
pub(crate) fn files_below(folder: &Path) -> Files {
    fn collect(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), files);
            } else if Path::new(&name).extension().is_some_and(|kind| kind == "rs") {
                files.insert(name, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let mut files = Files::new();
    collect(folder, "", &mut files);
    files
}

impl Crate {
    /// The crate whose root is this file.
    pub(crate) fn of(files: &Files, root: &str) -> Self {
        let mut found = Self { modules: BTreeMap::new(), order: Vec::new() };
        let tree = syn::parse_file(&files[root]).unwrap();
        found.order = modules_of(&tree.items).map(|module| module.ident.to_string()).collect();
        found.add(files, vec!["crate".into()], root, "", tree.items);
        found
    }

    /// Adds a module and those declared in it, whose files are in `folder`.
    fn add(&mut self, files: &Files, path: Segments, file: &str, folder: &str, items: Vec<Item>) {
        for module in modules_of(&items) {
            let name = module.ident.to_string();
            let mut inner = path.clone();
            inner.push(name.clone());
            let below = format!("{folder}{name}/");
            if let Some((_, items)) = &module.content {
                self.add(files, inner, file, &below, items.clone());
                continue;
            }
            let places = [format!("{folder}{name}.rs"), format!("{below}mod.rs")];
            let place = places.iter().find(|place| files.contains_key(*place));
            let place = place.ok_or_else(|| format!("{file}: `mod {name}` has no file")).unwrap();
            let tree = syn::parse_file(&files[place]).unwrap();
            self.add(files, inner, place, &below, tree.items);
        }
        let mut names = Names::default();
        names.items(&items);
        self.modules.insert(path, Module { file: file.into(), imported: names.imported, items });
    }

    /// Every path that a module names, from the crate's root or from another crate's.
    pub(crate) fn named_by(&self, module: &[String]) -> Vec<Named> {
        let mut names = Names::default();
        names.items(&self.modules[module].items);
        names
            .named
            .into_iter()
            .map(|named| Named { path: self.absolute(module, &named.path, 0), line: named.line })
            .collect()
    }

    /// A path as it is written in a module, from the root of this crate or of another one.
    fn absolute(&self, module: &[String], path: &[String], depth: usize) -> Segments {
        let first = path[0].as_str();
        let rest = &path[1..];
        let base: Segments = match first {
            "crate" => return path.to_vec(),
            "self" => module.to_vec(),
            "super" => module[..module.len() - 1].to_vec(),
            _ if self.modules.contains_key(&joined(module, &path[..1])) => {
                joined(module, &path[..1])
            }
            _ => match self.modules[module].imported.get(first) {
                // An import may begin with another one; one that names itself leads out of the crate.
                Some(import) if depth < 8 && import[0] != first => {
                    self.absolute(module, import, depth + 1)
                }
                Some(import) => import.clone(),
                None => return path.to_vec(),
            },
        };
        match rest.first().map(String::as_str) {
            Some("super") => self.absolute(&base, rest, depth),
            _ => joined(&base, rest),
        }
    }

    /// The module in which a path into the crate ends: imports on the way are followed to the module
    /// that declares the name.
    pub(crate) fn owner(&self, path: &[String]) -> Segments {
        self.owner_within(path, 0)
    }

    fn owner_within(&self, path: &[String], depth: usize) -> Segments {
        let mut end = 1;
        while end < path.len() && self.modules.contains_key(&path[..=end]) {
            end += 1;
        }
        let owner = &path[..end];
        let import = path.get(end).and_then(|name| self.modules.get(owner)?.imported.get(name));
        match import {
            Some(import) if depth < 8 => {
                let target = self.absolute(owner, import, 0);
                if target[0] == "crate" {
                    self.owner_within(&target, depth + 1)
                } else {
                    owner.to_vec()
                }
            }
            _ => owner.to_vec(),
        }
    }

    /// Walks over the code of a module.
    pub(crate) fn visit<'a>(&'a self, module: &[String], visitor: &mut impl Visit<'a>) {
        for item in &self.modules[module].items {
            if !matches!(item, Item::Mod(_)) && !is_test(attributes(item)) {
                visitor.visit_item(item);
            }
        }
    }
}

fn joined(base: &[String], rest: &[String]) -> Segments {
    base.iter().chain(rest).cloned().collect()
}

fn modules_of(items: &[Item]) -> impl Iterator<Item = &syn::ItemMod> {
    items.iter().filter_map(|item| match item {
        Item::Mod(module) if !is_test(&module.attrs) => Some(module),
        _ => None,
    })
}

/// What `syn` knows of an item, wherever it keeps it.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::ExternCrate(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::ForeignMod(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::TraitAlias(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Union(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

/// Whether code with these attributes is compiled for tests only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    fn asks_for_tests(condition: &syn::Meta) -> bool {
        match condition {
            syn::Meta::Path(path) => path.is_ident("test"),
            syn::Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated)
                .is_ok_and(|all| all.iter().any(asks_for_tests)),
            _ => false,
        }
    }
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args().is_ok_and(|condition| asks_for_tests(&condition))
    })
}

/// Collects what one module names, as it is written there.
#[derive(Default)]
struct Names {
    imported: BTreeMap<String, Segments>,
    named: Vec<Named>,
}

impl Names {
    fn items(&mut self, items: &[Item]) {
        for item in items.iter().filter(|item| !matches!(item, Item::Mod(_))) {
            self.visit_item(item);
        }
    }

    fn name(&mut self, path: Segments, span: Span) {
        self.named.push(Named { path, line: span.start().line });
    }

    /// The leaves of a `use`: groups, renames and globs.
    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| joined(before, &[ident.to_string()]);
        let (path, alias, span) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before));
            }
            UseTree::Glob(glob) => return self.name(before.to_vec(), glob.span()),
            UseTree::Name(name) if name.ident == "self" => {
                (before.to_vec(), before.last().cloned().unwrap_or_default(), name.span())
            }
            UseTree::Name(name) => (with(&name.ident), name.ident.to_string(), name.span()),
            UseTree::Rename(rename) if rename.ident == "self" => {
                (before.to_vec(), rename.rename.to_string(), rename.span())
            }
            UseTree::Rename(rename) => {
                (with(&rename.ident), rename.rename.to_string(), rename.span())
            }
        };
        self.imported.insert(alias, path.clone());
        self.name(path, span);
    }

    /// The paths in the tokens of a macro, which are not parsed: identifiers with `::` between them.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Segments::new();
        let mut start = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.tokens_end(&mut path, start);
                        start = ident.span();
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.tokens_end(&mut path, start);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.tokens_end(&mut path, start);
    }

    fn tokens_end(&mut self, path: &mut Segments, start: Span) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.name(path, start);
        }
    }

    /// Attributes of serde and others name functions in strings: `with = "crate::a::b"`.
    fn strings(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.strings(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let parsed = syn::parse_str::<syn::LitStr>(&text)
                        .ok()
                        .and_then(|text| text.parse::<syn::Path>().ok());
                    if let Some(path) = parsed.filter(|path| path.segments.len() > 1) {
                        self.name(segments(&path), literal.span());
                    }
                }
                _ => (),
            }
        }
    }
}

fn segments(path: &syn::Path) -> Segments {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_test(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !is_test(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_test(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(segments(path), path.span());
        visit::visit_path(self, path);
    }

    /// `pub(in path)` names nothing that is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.name(segments(&invoked.path), invoked.path.span());
        self.tokens(invoked.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let (syn::Meta::List(list), false) = (&attribute.meta, is_doc(attribute)) {
            self.tokens(list.tokens.clone());
            self.strings(list.tokens.clone());
        }
    }
}

fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

/// The lines of a file that are code: neither blank, nor comments, nor tests.
pub(crate) fn code_lines(text: &str) -> usize {
    let tree = syn::parse_file(text).unwrap();
    let tests = test_lines(&tree.items);
    let is_code = |(at, line): &(usize, &str)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("//") && !tests.contains(&(at + 1))
    };
    text.lines().enumerate().filter(is_code).count()
}

fn test_lines(items: &[Item]) -> BTreeSet<usize> {
    let tests = items.iter().filter(|item| is_test(attributes(item)));
    tests.flat_map(|item| item.span().start().line..=item.span().end().line).collect()
}
