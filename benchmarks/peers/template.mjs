// The mapping in RudderStack's template language, from the event to the fields. Both of its engines use it.

export const TEMPLATE = `
const traits = .context.traits ? {...(.context.traits), ...(.traits)} : .traits;
const address = traits.address;
const fields = {
  template_id: $.asText(traits.template_id || traits.templateId),
  first_name: $.asText(traits.first_name || traits.firstName || traits.given_name),
  last_name: $.asText(traits.last_name || traits.lastName || traits.family_name),
  email: $.asText(traits.email || traits.emailAddress),
  phone: $.asText(traits.phone || traits.phoneNumber || traits.phone_number),
  company: $.asText(traits.company.name || traits.company || traits.companyName),
  address_line_1: $.asText(traits.address_line_1 || address.street || traits.addressLine1 || traits.street),
  address_line_2: $.asText(traits.address_line_2 || address.unit || traits.addressLine2),
  address_city: $.asText(traits.address_city || address.city || traits.city),
  address_state: $.asText(traits.address_state || address.state || traits.state || traits.region),
  address_zip: $.asText(traits.address_zip || address.postalCode || traits.postalCode || traits.zip),
  address_country: $.asText(traits.address_country || address.country || traits.country)
};
({traits: traits, fields: fields})
`
