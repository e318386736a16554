// The rules of the benchmark's mapping as JSON Schema, compiled once by ajv: for the peers that bring no rules of their own.

import Ajv from 'ajv'

const COUNTRIES =
  'US CA AU NZ GB IE DE AT CH FR BE NL LU IT ES PT DK SE NO FI IS PL CZ SK HU SI EE LV LT'.split(' ')

const text = (rules = {}) => ({ type: 'string', ...rules })
const whole = (pattern) => `^(?:${pattern})$`

export const PATTERNS = {
  email: whole('[^@\\s]+@[^@\\s]+\\.[A-Za-z]{2,}'),
  address_state: whole('[A-Z]{2,3}'),
  address_zip: whole('[A-Z0-9]{3,5}([ -][A-Z0-9]{3,4})?'),
}

export const SCHEMA = {
  type: 'object',
  properties: {
    template_id: text({ maxLength: 40 }),
    first_name: text({ maxLength: 40 }),
    last_name: text({ maxLength: 40 }),
    email: text({ pattern: PATTERNS.email }),
    phone: text({ minLength: 7, maxLength: 20 }),
    company: text({ maxLength: 60 }),
    address_line_1: text({ maxLength: 64 }),
    address_line_2: text({ maxLength: 64 }),
    address_city: text({ maxLength: 50 }),
    address_state: text({ pattern: PATTERNS.address_state }),
    address_zip: text({ pattern: PATTERNS.address_zip }),
    address_country: text({ enum: COUNTRIES }),
  },
  required: [
    'template_id',
    'last_name',
    'address_line_1',
    'address_city',
    'address_state',
    'address_zip',
    'address_country',
  ],
}

const validate = new Ajv({ allErrors: true }).compile(SCHEMA)

// What is wrong with the fields, or null. A member that is undefined counts as absent.
export function problemsOf(fields) {
  if (validate(fields)) return null
  return validate.errors.map(({ instancePath, keyword, message, params }) => ({
    field: params.missingProperty ?? instancePath.slice(1),
    code: keyword,
    message,
  }))
}
