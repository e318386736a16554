// The mapping as a careful engineer writes it in JavaScript, with ajv for the rules: no mapping language at all.

import { accepted, addCustomFields, asText, mergedTraits, refused } from './fields.mjs'
import { serve } from './harness.mjs'
import { problemsOf } from './rules.mjs'

function companyOf({ company, companyName }) {
  if (typeof company === 'object' && company !== null) return company.name || companyName
  return company || companyName
}

function fieldsOf(traits) {
  const address = traits.address
  return {
    template_id: asText(traits.template_id || traits.templateId),
    first_name: asText(traits.first_name || traits.firstName || traits.given_name),
    last_name: asText(traits.last_name || traits.lastName || traits.family_name),
    email: asText(traits.email || traits.emailAddress),
    phone: asText(traits.phone || traits.phoneNumber || traits.phone_number),
    company: asText(companyOf(traits)),
    address_line_1: asText(traits.address_line_1 || address?.street || traits.addressLine1 || traits.street),
    address_line_2: asText(traits.address_line_2 || address?.unit || traits.addressLine2),
    address_city: asText(traits.address_city || address?.city || traits.city),
    address_state: asText(traits.address_state || address?.state || traits.state || traits.region),
    address_zip: asText(traits.address_zip || address?.postalCode || traits.postalCode || traits.zip),
    address_country: asText(traits.address_country || address?.country || traits.country),
  }
}

await serve((line, number) => {
  const traits = mergedTraits(JSON.parse(line))
  const fields = fieldsOf(traits)
  const problems = problemsOf(fields)
  return problems === null ? accepted(addCustomFields(fields, traits)) : refused(number, problems)
})
