// The engine protocol of this benchmark for Node: read the corpus, warm up, say `ready`; then answer `run`, `write PATH` and
// `quit`.
//
// A peer is one function `(line, number) => [valid, text]`: from a line (a decoded string) to the body's JSON text, or to a
// small JSON line that says what is wrong. It may return a promise of that; the loop awaits only where there is one.
// With `batch`, it is `(lines, number of the first) => [[valid, text], ...]` instead, for that many lines at a time.

import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

// V8 optimises in the background: a peer is warm after tens of thousands of events, not after a small corpus once.
const WARM_EVENTS = 20_000

// Each line decoded by itself, as it would arrive: a slice of one long string would be held in two bytes a character.
function linesOf(path) {
  const bytes = readFileSync(path)
  const lines = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(10, start)
    lines.push(bytes.toString('utf8', start, end))
    start = end + 1
  }
  return lines
}

// One pass over the corpus, which keeps what is made only where it is asked for.
async function pass(peer, corpus, made) {
  let ready = 0
  for (let at = 0; at < corpus.length; at += 1) {
    const answer = peer(corpus[at], at + 1)
    const [valid, text] = answer instanceof Promise ? await answer : answer
    if (valid) ready += 1
    made?.push(valid ? text : 'null')
  }
  return ready
}

// The same for a peer that takes batches.
function passInBatches(peer, corpus, made, batch) {
  let ready = 0
  for (let at = 0; at < corpus.length; at += batch) {
    for (const [valid, text] of peer(corpus.slice(at, at + batch), at + 1)) {
      if (valid) ready += 1
      made?.push(valid ? text : 'null')
    }
  }
  return ready
}

// A pass that is not timed goes first: while others had their turn, V8 has given back its young generation.
async function timed(go) {
  await go()
  const start = performance.now()
  const before = process.cpuUsage()
  const ready = await go()
  const { user, system } = process.cpuUsage(before) // of all threads: V8 collects garbage and compiles beside the main one
  const wall = (performance.now() - start) / 1000
  return { cpu: (user + system) / 1e6, wall, ready }
}

async function write(go, path) {
  const made = []
  await go(made)
  writeFileSync(path, `${made.join('\n')}\n`)
}

// Serve one peer until `quit` or the end of stdin.
export async function serve(peer, { batch = 1 } = {}) {
  const corpus = linesOf(process.argv[2])
  const go = (made) => (batch > 1 ? passInBatches(peer, corpus, made, batch) : pass(peer, corpus, made))
  for (let seen = 0; seen < WARM_EVENTS; seen += corpus.length) await go()
  console.log('ready')
  for await (const request of createInterface({ input: process.stdin })) {
    if (request === 'quit') break
    if (request === 'run') {
      console.log(JSON.stringify({ ...(await timed(go)), events: corpus.length }))
    } else {
      await write(go, request.slice('write '.length))
      console.log('written')
    }
  }
  process.exit(0)
}
