// Segment's engine as `Action.executeBatch` calls it for a destination that takes several events in one request: a hundred events
// at a time, and the mapping is checked once for all of them. Ours sends one request for each event, so this is for comparison.

import { MAPPING, finish, read, transformBatch } from './actions_core.mjs'
import { serve } from './harness.mjs'

function answers(lines, first) {
  const events = lines.map(read)
  return transformBatch(MAPPING, events).map((payload, at) => finish(payload, events[at], first + at))
}

await serve(answers, { batch: 100 })
