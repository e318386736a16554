// Segment's own engine for destination actions: its mapping as mapping-kit's directives, and its schema check.
//
// The mapping is what its builder stores: nested `@if` for fallbacks, `@path` for each spelling. What it has no directive or
// option for is added as little code, the same as for the other peers: the merge of two layers, trimming, what is no text,
// regular expressions (in the schema that it makes from the fields), custom fields.
// Its build for `import` cannot be loaded by Node 20, so it is required. It needs liquidjs without declaring it.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FIELDS, accepted, addCustomFields, mergedTraits, refused } from './fields.mjs'
import { PATTERNS, SCHEMA } from './rules.mjs'

const require = createRequire(import.meta.url)
const { fieldsToJsonSchema, validateSchema } = require('@segment/actions-core')
export const { transform, transformBatch } = require('@segment/actions-core/mapping-kit')
// Used by its Action, but not exported.
const { removeEmptyValues } = require(join(dirname(require.resolve('@segment/actions-core')), 'remove-empty-values.js'))

const path = (spelling) => ({ '@path': `$.traits.${spelling}` })

// The first of the spellings that is filled. (In `@if`, `blank` holds where the value is neither absent nor blank.)
function firstOf([spelling, ...others]) {
  if (others.length === 0) return path(spelling)
  return { '@if': { blank: path(spelling), then: path(spelling), else: firstOf(others) } }
}

const SPELLINGS = {
  template_id: ['template_id', 'templateId'],
  first_name: ['first_name', 'firstName', 'given_name'],
  last_name: ['last_name', 'lastName', 'family_name'],
  email: ['email', 'emailAddress'],
  phone: ['phone', 'phoneNumber', 'phone_number'],
  company: ['company.name', 'company', 'companyName'],
  address_line_1: ['address_line_1', 'address.street', 'addressLine1', 'street'],
  address_line_2: ['address_line_2', 'address.unit', 'addressLine2'],
  address_city: ['address_city', 'address.city', 'city'],
  address_state: ['address_state', 'address.state', 'state', 'region'],
  address_zip: ['address_zip', 'address.postalCode', 'postalCode', 'zip'],
  address_country: ['address_country', 'address.country', 'country'],
}

export const MAPPING = Object.fromEntries(FIELDS.map((field) => [field, firstOf(SPELLINGS[field])]))

function inputField(name) {
  const { minLength, maxLength, enum: choices } = SCHEMA.properties[name]
  const required = SCHEMA.required.includes(name)
  return { label: name, description: name, type: 'string', required, choices, minimum: minLength, maximum: maxLength }
}

const schema = fieldsToJsonSchema(Object.fromEntries(FIELDS.map((name) => [name, inputField(name)])))
for (const [name, pattern] of Object.entries(PATTERNS)) schema.properties[name].pattern = pattern

const OPTIONS = { schemaKey: 'Postcards:Order', exempt: ['dynamicAuthSettings'] }

// Trims in place. The schema check would take a list of one for its member and true for a text: name such fields before it.
function trimmed(payload) {
  let odd = null
  for (const name of Object.keys(payload)) {
    const value = payload[name]
    if (typeof value === 'string') payload[name] = value.trim()
    else if (typeof value === 'boolean' || (typeof value === 'object' && value !== null)) (odd ??= []).push(name)
  }
  return odd
}

function wrong(number, error) {
  const problems = Array.from(error, ({ message, path }) => ({ field: path, code: 'schema', message }))
  return refused(number, problems)
}

// The event as the mapping reads it: with one layer of traits.
export function read(line) {
  const event = JSON.parse(line)
  event.traits = mergedTraits(event)
  return event
}

// From the payload that the mapping made to the answer: as in `Action`, removal of empty values, then the schema.
// The third argument drops blank texts too. Their `execute` passes it, their `executeBatch` does not; here a blank is no value.
export function finish(resolved, event, number) {
  const odd = trimmed(resolved)
  if (odd !== null) return refused(number, odd.map((field) => ({ field, code: 'type', message: 'should be a text' })))
  const payload = removeEmptyValues(resolved, schema, true)
  try {
    validateSchema(payload, schema, OPTIONS)
  } catch (error) {
    return wrong(number, error)
  }
  return accepted(addCustomFields(payload, event.traits))
}
