// RudderStack's JSON template engine: the template becomes a JavaScript function once. It brings no rules, so ajv has them.
//
// The quickest of its forms: synchronous, simple paths (plain member access), values by `||`, functions as bindings.

import { JsonTemplateEngine, PathType } from '@rudderstack/json-template-engine'
import { accepted, addCustomFields, asText, refused } from './fields.mjs'
import { serve } from './harness.mjs'
import { problemsOf } from './rules.mjs'
import { TEMPLATE } from './template.mjs'

const engine = JsonTemplateEngine.createAsSync(TEMPLATE, { defaultPathType: PathType.SIMPLE })
const bindings = { asText }

await serve((line, number) => {
  const { traits, fields } = engine.evaluate(JSON.parse(line), bindings)
  const problems = problemsOf(fields)
  return problems === null ? accepted(addCustomFields(fields, traits)) : refused(number, problems)
})
