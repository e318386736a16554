"""The codes of a mapping's parts: keys, names, places, settings, the request.

Knows what can be wrong between the lines of a file. Must not know YAML or expressions.
"""

from __future__ import annotations

from mapper.codes.entry import Code

CODES = (
    Code(
        "answers_twice",
        "an answer has two meanings",
        "The same status code stands under two endings, so nobody could say what an answer means.",
        "Keep one of the two.",
        "send:\n  url: https://example.com/\n  answers: {delivered: [200], rejected: [200]}",
        "send:\n  url: https://example.com/\n  answers: {delivered: [200], rejected: [400]}",
    ),
    Code(
        "bad_name",
        "this cannot be a name",
        "A field's name is a place in the request: its steps are joined by dots, and none of them may be empty. The"
        " name of a header has letters, digits and dashes, and some headers are the engine's own.",
        r"Write another name. A dot that belongs to the name itself is written \.",
        "fields:\n  address..city: traits.city",
        "fields:\n  address.city: traits.city",
    ),
    Code(
        "bad_url",
        "this is not an address that is sent to",
        "The address has to start with https:// and name a host. Only settings may choose the host: an event never"
        " decides to whom a person's name and address are sent.",
        "Write https://host/path; marks are {settings.NAME} and, behind the host, {fields.NAME}.",
        "send:\n  url: http://example.com/",
        "send:\n  url: https://example.com/",
    ),
    Code(
        "circle",
        "fields need each other",
        "One field reads another, and that one reads the first: neither can be filled before the other.",
        "Let one of them read the trait instead of the field.",
        "fields:\n  a: fields.b\n  b: fields.a",
        "fields:\n  a: fields.b\n  b: traits.b",
    ),
    Code(
        "contradiction",
        "two lines that cannot both hold",
        "What is written can never be true together: a least length above the greatest, an allowed value that another"
        " rule refuses, a field in two groups.",
        "Keep the one that is meant.",
        "fields:\n  email: {from: traits.email, rules: {minlength: 9, maxlength: 3}}",
        "fields:\n  email: {from: traits.email, rules: {minlength: 3, maxlength: 9}}",
    ),
    Code(
        "empty_value",
        "nothing stands behind the colon",
        "A key has no value, or an empty list. What was meant cannot be guessed.",
        "Write the value, or remove the key.",
        "fields:\n  email:",
        "fields:\n  email: traits.email",
    ),
    Code(
        "fixed_value_breaks_rule",
        "a default or constant breaks the field's own rules",
        "The value that you wrote into the file would be refused by the rules beside it, for every event.",
        "Change the value or the rule.",
        "fields:\n  size: {const: 4x6, rules: {maxlength: 2}}",
        "fields:\n  size: {const: 4x6, rules: {maxlength: 3}}",
    ),
    Code(
        "missing_key",
        "a key is missing",
        "This part of the mapping cannot do without the key.",
        "Add it. The hint says what it holds.",
        "send:\n  method: POST",
        "send:\n  method: POST\n  url: https://example.com/",
    ),
    Code(
        "never_matched",
        "nothing in the sample ever filled this",
        "`mapper check --sample` tried the expression on every event of your sample and it never gave a value. It can"
        " be a slip of the pen, or a spelling that your events do not use.",
        "Compare with the trait that the hint names. A spelling that is only kept for other senders may stay.",
    ),
    Code(
        "no_source",
        "nothing fills this field",
        "A field needs from, const or default. clean and values work on what from has found, so they need it too.",
        "Add from: traits.NAME for a trait, or const: VALUE for a fixed value.",
        "fields:\n  email: {rules: {required: true}}",
        "fields:\n  email: {from: traits.email, rules: {required: true}}",
    ),
    Code(
        "not_a_number",
        "a number is due here",
        "This key takes a whole number, or the field is of type number or whole and its values have to be numbers.",
        "Write the number in digits, without quotes.",
        "fields:\n  email: {from: traits.email, rules: {maxlength: many}}",
        "fields:\n  email: {from: traits.email, rules: {maxlength: 64}}",
    ),
    Code(
        "order_trigger",
        "an order is tested for presence",
        "blank() and filled() ask whether a trait is there. Your sample shows that it is true or false, and false is"
        " there: it would be taken for an order, and each order is a printed card.",
        "Test it for truth: !(traits.send_postcard) in place of blank(traits.send_postcard).",
    ),
    Code(
        "place_taken",
        "two things go to the same place",
        "A field's name is its place in the request. Two fields, a field and a secret, or a field and the custom"
        " fields would stand on the same one.",
        "Rename or remove one of them.",
        "fields:\n  address: traits.address\n  address.city: traits.city",
        "fields:\n  address.line: traits.address\n  address.city: traits.city",
    ),
    Code(
        "refused_key",
        "a key of other tools",
        "The key does not exist here, and there is a reason or another way to write it.",
        "Do what the hint says.",
        "fields:\n  email: {from: traits.email, maxlength: 64}",
        "fields:\n  email: {from: traits.email, rules: {maxlength: 64}}",
    ),
    Code(
        "secret_elsewhere",
        "a secret is used where it would be seen",
        "A secret setting may stand under send.secrets and nowhere else. There it is put into the request at the last"
        " moment, and no preview, log or file ever shows it.",
        "Move it to send.secrets.",
        "settings:\n  key: {env: KEY, secret: true}\nfields:\n  token: settings.key",
        "settings:\n  key: {env: KEY, secret: true}\nsend:\n  url: https://example.com/\n"
        "  secrets: [{in: body, name: token, value: settings.key}]",
    ),
    Code(
        "secret_in_file",
        "a secret stands in the file",
        "Mapping files are shared, copied and kept in version control: whoever reads this one could send in your name.",
        "Remove it, give the setting env: NAME, and set that environment variable. Then have the secret replaced.",
        "settings:\n  key: {env: KEY, secret: true, default: abc}",
        "settings:\n  key: {env: KEY, secret: true}",
    ),
    Code(
        "secret_without_env",
        "a secret that nobody can give",
        "A secret comes from the environment, and this one names no variable. It could be given in code only.",
        "Add env: NAME.",
        "settings:\n  key: {secret: true}",
        "settings:\n  key: {env: KEY, secret: true}",
    ),
    Code(
        "spelled_twice",
        "a spelling stands under two results",
        "In a table of values every spelling leads to one result. Case and spaces around it do not count.",
        "Keep it under one of the two.",
        "fields:\n  title: {from: traits.title, values: {Mr: [mr, m], Mrs: [mrs, M]}}",
        "fields:\n  title: {from: traits.title, values: {Mr: [mr, m], Mrs: [mrs]}}",
    ),
    Code(
        "listed_twice",
        "the same expression is listed twice",
        "The second one can never be reached: the first has given nothing by then.",
        "Remove one. Perhaps another spelling was meant.",
        "fields:\n  email: [traits.email, traits.email]",
        "fields:\n  email: [traits.email, traits.mail]",
    ),
    Code(
        "two_sources",
        "a field is filled twice",
        "A field has a fixed value (const) or a source (from), not both; and a fixed value is not cleaned or looked"
        " up.",
        "Keep const for a fixed value, or from for a trait. A value for want of a trait is default.",
        "fields:\n  country: {from: traits.country, const: US}",
        "fields:\n  country: {from: traits.country, default: US}",
    ),
    Code(
        "unknown_field",
        "there is no field of this name",
        "The name stands nowhere under fields:.",
        "Correct the spelling, or declare the field.",
        "require:\n  - any_of: [emial]",
        "require:\n  - any_of: [email]",
    ),
    Code(
        "unknown_key",
        "there is no key of this name",
        "Keys are a closed list, so that a slip of the pen is found here and not in the mail.",
        "Correct the spelling. The hint has the nearest key, or all of them.",
        "fields:\n  email: {from: traits.email, defualt: x}",
        "fields:\n  email: {from: traits.email, default: x}",
    ),
    Code(
        "unknown_setting",
        "there is no setting of this name",
        "The name stands nowhere under settings:.",
        "Correct the spelling, or declare the setting.",
        "fields:\n  sender: settings.sender",
        "settings:\n  sender: {env: SENDER}\nfields:\n  sender: settings.sender",
    ),
    Code(
        "wrong_shape",
        "a list, a map or a text stands where another is due",
        "The key is known, and what stands behind it is of another form. Often YAML has read brackets or braces of an"
        " expression as a list or a map.",
        "Write it in the form that the message names. An expression goes in single quotes.",
        "fields:\n  email: {from: {a: traits.email}}",
        "fields:\n  email: {from: traits.email}",
    ),
    Code(
        "wrong_word",
        "one of a few words is due here",
        "The key takes only certain words or forms, such as true and false, or 300/minute.",
        "Write one of those that the message lists.",
        "fields:\n  email: {from: traits.email, if_wrong: ignore}",
        "fields:\n  email: {from: traits.email, if_wrong: drop}",
    ),
)
