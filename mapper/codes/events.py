"""The codes of events: what is wrong with one call, or worth a look before its card is printed.

Knows what a preview and the rejects can say. Must not know the mapping's mistakes.
"""

from __future__ import annotations

from mapper.codes.entry import Code

CODES = (
    Code(
        "all_of",
        "a field that is needed here is missing",
        "An entry of require: names several fields that have to be there together with something else, and this one"
        " is not.",
        "Send the trait that fills it.",
    ),
    Code(
        "any_of",
        "none of several fields is there",
        "An entry of require: asks for at least one of several fields, such as a first name or a last name.",
        "Send one of them.",
    ),
    Code(
        "bad_header",
        "a header cannot carry this value",
        "Headers carry plain ASCII on one line. The value has an accent, a line break or another such character.",
        "Use another value for the header, such as an id.",
    ),
    Code(
        "body_not_object",
        "the body is no object",
        "A secret goes into the body, and the expression under send.body gives something that has no members.",
        "Let send.body build an object: '{records: [payload]}'.",
    ),
    Code(
        "header_empty",
        "a header is empty and is left out",
        "The expression of a header gives nothing for this event.",
        "Check the expression, if the destination needs the header.",
    ),
    Code(
        "missing",
        "a required field has no value",
        "None of the places where the field is looked for has a value. The report lists them. If it was cleared, the"
        " newest call says null or blank, and an older address is not used then.",
        "Send one of these traits, or add your own spelling to the field's from. If the person is known from earlier"
        " calls, give them with --identity.",
    ),
    Code(
        "name_taken",
        "a custom field has the name of a field",
        "A trait that no field takes would become a custom field, and its name belongs to a field of the destination,"
        " to a secret, or to another trait. It is dropped; nothing is ever overwritten.",
        "If it is to be sent, give it a field of its own: another_name: traits.NAME.",
    ),
    Code(
        "not_an_event",
        "this is no Identify call",
        "The line is not JSON, or the JSON is no object, has no type, has neither userId nor anonymousId, or its"
        " traits are no object.",
        "Check what wrote it. Each line of a file has to hold one whole call; jq -c . FILE makes it so.",
    ),
    Code(
        "not_json",
        "the body cannot be written as JSON",
        "A value that came out of an expression is none that JSON knows.",
        "Change the expression, or set the field's type.",
    ),
    Code(
        "not_understood",
        "a value could not be put into the right form",
        "The field's clean or values gave nothing for the value: a state or country that does not exist, or a"
        " spelling that is in no table. It is never guessed.",
        "Mend the trait, add the spelling to values:, or say if_wrong: drop where the field can be missing.",
    ),
    Code(
        "odd_switch",
        "the integrations object says neither true nor false",
        "The call's integrations object has something else for this destination, such as a text. That counts as on.",
        "Write true, false, or an object of options.",
    ),
    Code(
        "setting_missing",
        "a setting has no value",
        "The mapping needs a setting that the environment does not have. It is asked for once, before the first event.",
        "Set the environment variable that the hint names. What is no secret can be given with --setting NAME=VALUE.",
    ),
    Code(
        "setting_wrong",
        "a setting's value is not right",
        "The value is of another type than the setting, or breaks its rules.",
        "Correct the environment variable.",
    ),
    Code(
        "together",
        "fields that go together are incomplete",
        "An entry of require: says that several fields are there all or none.",
        "Send the rest of them, or none.",
    ),
    Code(
        "unprintable",
        "a line break or an invisible character",
        "The text holds a character that cannot be printed. It is sent as it is, and may look odd on paper.",
        "Mend it where it comes from.",
    ),
    Code(
        "url_empty",
        "the address has a hole",
        "A mark in send.url, such as {fields.id}, has no value for this event.",
        "Fill the field, or give it a default.",
    ),
    Code(
        "wrong_type",
        "a value of another kind than the field",
        "The trait is there, and is a list, an object, or true or false where a text is due. It is not guessed what"
        " part of it was meant.",
        "Name the part: traits.address.street. Or set the field's type.",
    ),
    Code(
        "mixed_calls",
        "parts of one thing come from two calls",
        "The mapping says under identity.as_one that these fields belong together. One of them comes from a newer call"
        " than the first: perhaps a ZIP was corrected, perhaps a new city goes out with an old street.",
        "Look at the address. A sender that moves a person has to say the whole address in one call.",
    ),
    Code(
        "zip_restored",
        "a ZIP got its leading zero back",
        "A spreadsheet or a sender had made the number 2134 of 02134. In the US a ZIP has five digits, so the zero"
        " was put back.",
        "Nothing for this card. Mend it where it comes from: other tools will not notice.",
    ),
    Code(
        "zip_state_differs",
        "the ZIP belongs to another state",
        "The first digits of a ZIP say in which state it is, and the address says another one. The card may go astray.",
        "Check the address.",
    ),
)
