// Segment's engine, one event at a time: the same calls, in the same order and with the same options, as its `Action.execute`
// makes for one event, without the request at the end. It checks the mapping anew for each event: two thirds of its time.

import { MAPPING, finish, read, transform } from './actions_core.mjs'
import { serve } from './harness.mjs'

await serve((line, number) => {
  const event = read(line)
  return finish(transform(MAPPING, event), event, number)
})
