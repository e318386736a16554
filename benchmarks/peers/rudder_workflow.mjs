// RudderStack's workflow engine: steps in YAML, each a template of its JSON template engine; ajv has the rules.
//
// Written as their own destinations are: the input is checked and mapped in steps, helpers come in as bindings. A wrong event
// is the outcome of a step, not an exception, which is the quicker of the two ways.

import { WorkflowEngineFactory } from '@rudderstack/workflow-engine'
import { accepted, addCustomFields, asText, refused } from './fields.mjs'
import { serve } from './harness.mjs'
import { problemsOf } from './rules.mjs'
import { TEMPLATE } from './template.mjs'

const indented = TEMPLATE.trim().replaceAll('\n', '\n      ')

const WORKFLOW = `
name: postcards
steps:
  - name: mapped
    template: |
      ${indented}
  - name: problems
    template: $.problemsOf($.outputs.mapped.fields)
  - name: body
    condition: $.outputs.problems === null
    template: $.addCustomFields($.outputs.mapped.fields, $.outputs.mapped.traits)
`

const engine = await WorkflowEngineFactory.createFromYaml(WORKFLOW, {
  rootPath: import.meta.dirname,
  creationTimeBindings: { addCustomFields, asText, problemsOf },
  templateType: 'jsontemplate',
})

await serve(async (line, number) => {
  const { outputs } = await engine.execute(JSON.parse(line))
  return outputs.body === undefined ? refused(number, outputs.problems) : accepted(outputs.body)
})
