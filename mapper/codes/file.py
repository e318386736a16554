"""The codes of reading a file: what YAML does not allow, and what this format leaves out of it.

Knows the first step alone. Must not know keys or expressions.
"""

from __future__ import annotations

from mapper.codes.entry import Code

CODES = (
    Code(
        "alias",
        "an alias such as *name",
        "YAML can repeat a part of a file by naming it. A mapping does not: a reader must see what stands where."
        " Often it is no alias at all, but a value that starts with a star.",
        "Write the text out. If a value starts with *, put it in single quotes.",
        "fields:\n  email: *email",
        "fields:\n  email: traits.email",
    ),
    Code(
        "anchor",
        "an anchor such as &name",
        "An anchor gives a part of a YAML file a name, to be repeated elsewhere. A mapping does not do that. Often it"
        " is no anchor at all, but a value that starts with an ampersand.",
        "Take the anchor out. If a value starts with &, put it in single quotes.",
        "fields:\n  email: &email traits.email",
        "fields:\n  email: traits.email",
    ),
    Code(
        "control_character",
        "a backslash became an invisible character",
        r"Inside double quotes YAML reads a backslash as the start of a special character: \b becomes a"
        r" backspace. A pattern"
        " that holds one never matches anything.",
        "Put the pattern in single quotes: they leave every character as it is.",
        'fields:\n  country: {from: traits.country, rules: {regex: "\\bUS\\b"}}',
        "fields:\n  country: {from: traits.country, rules: {regex: '\\bUS\\b'}}",
    ),
    Code(
        "duplicate_key",
        "a key is given twice",
        "The same name stands twice in one place. Other tools would take the last one and say nothing, so half of"
        " what you wrote would be gone.",
        "Keep one of the two. For several spellings of one field write a list.",
        "fields:\n  email: traits.email\n  email: traits.mail",
        "fields:\n  email: [traits.email, traits.mail]",
    ),
    Code(
        "empty",
        "the file is empty",
        "There is nothing in the file but comments, or nothing at all.",
        "Start with the lines mapping: 1 and destination:, or copy a shipped mapping.",
    ),
    Code(
        "merge_key",
        "a merge key, <<",
        "Some YAML files copy keys from elsewhere with <<. A mapping does not: a reader must see all of it in one"
        " place.",
        "Write the keys out.",
        "fields:\n  <<: {email: traits.email}",
        "fields:\n  email: traits.email",
    ),
    Code(
        "odd_character",
        "a character that looks like another one",
        "Text that was copied from a web page or a word processor holds curly quotes, no-break spaces or characters"
        " that cannot be seen. To a computer they are letters, so a name with one in it is another name.",
        "Delete it and type it again: a plain space, straight quotes.",
        "fields:\n  email: \u201ctraits.email\u201d",
        "fields:\n  email: 'traits.email'",
    ),
    Code(
        "reads_differently",
        "other tools read this as something else",
        "Here every value without quotes is a text, exactly as it is typed: NO, 02134 and 12:30 stay that. Editors"
        " and other tools read NO as false, 02134 as a number without its zero, 12:30 as a number of seconds. Quotes"
        " make all agree.",
        "Put the value in single quotes.",
        "fields:\n  zip: {from: traits.zip, default: 02134}",
        "fields:\n  zip: {from: traits.zip, default: '02134'}",
    ),
    Code(
        "tag",
        "a word that starts with !",
        "YAML reads a word with an exclamation mark in front as the name of a type. An expression may start with ! as"
        " well, so it has to stand in quotes.",
        "Put the whole expression in single quotes.",
        "skip:\n  - {when: !(traits.order), because: no order}",
        "skip:\n  - {when: '!(traits.order)', because: no order}",
    ),
    Code(
        "too_deep",
        "nested too deeply",
        "Lists, maps, brackets or rules stand inside each other more often than anybody can read, or than can be"
        " evaluated safely.",
        "Make it simpler: bring a part into a field of its own, and read fields.NAME.",
    ),
    Code(
        "too_large",
        "the file is too large",
        "A mapping has a few kilobytes. This file has so many that it is surely something else.",
        "Check that this is the mapping, and not a file of events.",
    ),
    Code(
        "too_many",
        "the file has too many parts",
        "A mapping has a few hundred keys and values. This file has so many that it is surely something else.",
        "Check that this is the mapping, and not a file of events.",
    ),
    Code(
        "two_documents",
        "a second document begins",
        "A line of three dashes starts a new document in YAML. A mapping is one document.",
        "Remove the three dashes, or move what follows to a file of its own.",
        "fields:\n  email: traits.email\n---\nmapping: 1",
        "fields:\n  email: traits.email",
    ),
    Code(
        "wrong_key",
        "a list or a map stands where a name is due",
        "Before a colon there has to be a name. Brackets at the start of a line make a list or a map of it.",
        "Write each entry as name: value. Put an expression in single quotes.",
        "fields:\n  [email]: traits.email",
        "fields:\n  email: traits.email",
    ),
    Code(
        "yaml",
        "the file is not YAML",
        "YAML stops reading at this place: a tab at the start of a line, a colon inside a text, a quote or a bracket"
        " that is never closed, a line that is not indented like its neighbours. The place is where YAML noticed; the"
        " mistake can stand shortly before it.",
        "Look at the line and the one above it. Values with special characters go in single quotes.",
        "fields:\n  email: `traits.email`",
        "fields:\n  email: traits.email",
    ),
)
