// What the peers share, because none of them brings it: the merge of two layers of traits, a value as text, the custom
// fields, and the error line. SEMANTICS.md says what each has to do.
//
// Kinder to the peers than our engine is to itself: texts are not brought into Unicode's NFC form, nothing keeps accounts
// of where a trait went, and the names that are spoken for are written down here instead of being worked out of a mapping.

// The leaves that a spelling names: they never become custom fields. `true` is a leaf, an object says what is inside.
const SPOKEN_FOR = nullPrototype({
  ...leaves('template_id templateId first_name firstName given_name last_name lastName family_name email emailAddress'),
  ...leaves('phone phoneNumber phone_number companyName address_line_1 addressLine1 street address_line_2 addressLine2'),
  ...leaves('address_city city address_state state region address_zip postalCode zip address_country country'),
  company: nullPrototype(leaves('name')),
  address: nullPrototype(leaves('street unit city state postalCode country')),
})

// A plain text is a leaf of `company`, but not of `address`, which no field takes whole.
const LEAF_TOO = 'company'

export const FIELDS = [
  'template_id',
  'first_name',
  'last_name',
  'email',
  'phone',
  'company',
  'address_line_1',
  'address_line_2',
  'address_city',
  'address_state',
  'address_zip',
  'address_country',
]

const RESERVED = new Set(FIELDS)

function leaves(names) {
  return Object.fromEntries(names.split(' ').map((name) => [name, true]))
}

function nullPrototype(members) {
  return Object.assign(Object.create(null), members)
}

// The traits of a call over those that its context remembers.
export function mergedTraits(event) {
  const remembered = event.context?.traits
  return remembered === undefined ? event.traits : { ...remembered, ...event.traits }
}

// A candidate as text: trimmed, a number as its digits, blank as absent. What is no text stays, for the rules to refuse.
export function asText(value) {
  if (typeof value === 'string') return value.trim() || undefined
  if (typeof value === 'number') return String(value)
  return value ?? undefined
}

// Put every leaf that no field reads into the body.
export function addCustomFields(body, traits) {
  for (const name of Object.keys(traits)) {
    const value = traits[name]
    const spoken = SPOKEN_FOR[name]
    if (spoken === undefined) {
      put(body, name, value)
    } else if (spoken !== true) {
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) addMembers(body, name, value, spoken)
      else if (name !== LEAF_TOO) put(body, name, value)
    }
  }
  return body
}

function addMembers(body, prefix, members, spoken) {
  for (const name of Object.keys(members)) {
    if (spoken?.[name] !== true) put(body, `${prefix}_${name}`, members[name], true)
  }
}

function put(body, name, value, nested = false) {
  if (value === null) return
  if (typeof value === 'object') {
    if (!Array.isArray(value)) {
      addMembers(body, name, value)
      return
    }
    if (value.length === 0) return
    value = JSON.stringify(value)
  } else if (typeof value === 'string' && value.trim() === '') return
  // A name at the top that belongs to a field is spoken for, so only a joined one can collide.
  if (nested && RESERVED.has(name)) return
  body[name] = value
}

// The answer to a valid line.
export function accepted(body) {
  return [true, JSON.stringify(body)]
}

// The answer to an invalid line, from `{field, code, message}` of each problem.
export function refused(line, problems) {
  return [false, JSON.stringify({ line, problems })]
}
