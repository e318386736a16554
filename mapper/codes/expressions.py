"""The codes of expressions: what cannot be read, what cannot be known, and what was hardly meant.

Knows JMESPath's traps. Must not know where an expression stands.
"""

from __future__ import annotations

from mapper.codes.entry import Code

CODES = (
    Code(
        "argument_count",
        "a function is given too few or too many arguments",
        "The function is there, but takes another number of arguments.",
        "`mapper functions NAME` shows how it is called.",
        "fields:\n  email: lower(traits.email, traits.mail)",
        "fields:\n  email: lower(traits.email)",
    ),
    Code(
        "bare_current_node",
        "@ or * at the top of an expression",
        "It means everything at once: the call, the settings, the fields. What the field reads could not be said any"
        " more.",
        "Write the name: traits.email. In clean, write value.",
        "fields:\n  email: {from: traits.email, clean: lower(@)}",
        "fields:\n  email: {from: traits.email, clean: lower(value)}",
    ),
    Code(
        "expression_failed",
        "an expression failed on this event",
        "A standard function was given a value of a kind that it does not take, such as a text where a list is due."
        " The expression counts as not filled; where it decides whether to skip or to require, the event is invalid.",
        "Use a function that is calm about other kinds, such as filled_values or join_filled, or test the value first.",
    ),
    Code(
        "negation",
        "! takes only the first name",
        "!traits.vip is read as (!traits).vip, which is never true.",
        "Put brackets around what is negated: !(traits.vip).",
        "skip:\n  - {when: '!traits.order', because: no order}",
        "skip:\n  - {when: '!(traits.order)', because: no order}",
    ),
    Code(
        "not_null_blank",
        "not_null() takes a blank text for a value",
        "not_null(a, b) gives the first that is not null, and a blank text is not null: nothing would be printed"
        " where b has a value.",
        "Use first_filled(a, b), or a list of expressions.",
        "fields:\n  email: not_null(traits.email, traits.mail)",
        "fields:\n  email: [traits.email, traits.mail]",
    ),
    Code(
        "number_or_text",
        "a number is compared with a text",
        "'2134' is a text and 2134 is a number, and the two are never equal. Some senders write one, some the other.",
        "Compare a field (fields.zip == '02134'): a field of type text is always a text.",
        "skip:\n  - {when: traits.plan == '7', because: plan seven}",
        "skip:\n  - {when: fields.email == 'a', because: test}",
    ),
    Code(
        "or_list",
        "|| between two traits",
        "a || b takes b where a is absent, blank or false, and then nobody can see that a was there. A list does the"
        " same for what is blank, keeps false, and shows in the preview which one won.",
        "Write a list: [traits.a, traits.b].",
        "fields:\n  email: traits.email || traits.mail",
        "fields:\n  email: [traits.email, traits.mail]",
    ),
    Code(
        "over_budget",
        "an expression takes too many steps on this event",
        "Whatever an expression does is a step, and so is each value and every 16 characters that it looks at. It has"
        " 10,000; a usual one takes 25. Some double their work with every sign. This one was stopped before it could"
        " stop everything else.",
        "Make it smaller: fewer lists inside lists.",
    ),
    Code(
        "reads_everything",
        "an expression reads every trait",
        "keys(traits), traits.* and to_string(traits) take all traits at once. What the field was made from can then"
        " not be shown, and a new trait changes it.",
        "Name the traits that are meant.",
        "fields:\n  all: to_string(traits)",
        "fields:\n  all: join_filled(', ', traits.tags)",
    ),
    Code(
        "slice_step",
        "a slice with step 0",
        "A slice such as [0:4:0] would never come to its end.",
        "Leave the step out, or write another number.",
        "fields:\n  tags: {type: list, from: 'traits.tags[::0]'}",
        "fields:\n  tags: {type: list, from: 'traits.tags[::1]'}",
    ),
    Code(
        "syntax",
        "an expression that cannot be read",
        "The expression breaks off, has a sign too many, or has a name with a sign that a plain name cannot have.",
        'Look at the caret. Names with dashes, spaces or accents go in double quotes: traits."first-name".',
        "fields:\n  first_name: traits.first-name",
        'fields:\n  first_name: traits."first-name"',
    ),
    Code(
        "text_or_name",
        "double quotes make a name, not a text",
        'name == "Ada" compares with a trait that is called Ada. A text stands in single quotes.',
        "Write 'Ada' with single quotes; in YAML put the whole expression in double quotes then.",
        "skip:\n  - {when: 'fields.email == \"userId\"', because: test}",
        "skip:\n  - {when: \"fields.email == 'userId'\", because: test}",
    ),
    Code(
        "to_number",
        "to_number() loses zeros",
        "to_number('02134') is 2134, and words such as nan become numbers that are none.",
        "Set type: number at the field, and leave the function out. A ZIP is a text.",
        "fields:\n  zip: to_number(traits.zip)",
        "fields:\n  age: {type: number, from: traits.age}",
    ),
    Code(
        "to_string_null",
        "to_string() prints the word null",
        "to_string of a trait that is absent is the text null, which would be printed.",
        "Leave it out: a text field takes numbers as they are.",
        "fields:\n  zip: to_string(traits.zip)",
        "fields:\n  zip: traits.zip",
    ),
    Code(
        "too_long",
        "an expression is too long",
        "Nobody can read an expression of this length, and it may take very long to evaluate.",
        "Bring a part of it into a field of its own, and read fields.NAME.",
    ),
    Code(
        "unknown_function",
        "there is no function of this name",
        "Functions are a closed list: those of standard JMESPath and those of `mapper functions`.",
        "Correct the spelling.",
        "fields:\n  email: lowr(traits.email)",
        "fields:\n  email: lower(traits.email)",
    ),
    Code(
        "unknown_name",
        "an expression uses a name that is not known there",
        "Every expression starts with one of a few names: traits, userId, context, settings, fields and so on. clean"
        " also knows value. What is sent (url, headers, body) knows no traits, so that nothing goes out unseen.",
        "For a trait write traits.NAME; for a fixed text use const:; for a text inside an expression use single"
        " quotes.",
        "fields:\n  email: email",
        "fields:\n  email: traits.email",
    ),
)
