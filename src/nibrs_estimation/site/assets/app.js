/** The page: reads the address, shows the view that it names, and writes a new address when a control is used. */

import { readRun, readSite, readTable } from './data.js'
import { h } from './dom.js'
import { Problem } from './problem.js'
import { address, parse } from './state.js'

const VIEWS = {
  start: 'Start', table: 'Table', chart: 'Chart', map: 'Map', compare: 'Compare', coverage: 'Coverage',
  definitions: 'Definitions',
}
const main = document.getElementById('main')
const COLUMNS_AT_FIRST = 4

/**
 * What a view is given.
 * @typedef {{site: any, run: any, table: import('./data.js').Table, state: import('./state.js').State,
 *   places: import('./data.js').Place[], go: (change: any) => void, say: (text: string) => void,
 *   link: (change: any) => string}} Context
 */

let shown = 0

/** Show what the address says. A view that was left before it was ready is not shown. */
async function show() {
  const turn = ++shown
  if (location.hash === '#main') return
  main.setAttribute('aria-busy', 'true')
  performance.mark('view-start')
  let content
  try {
    const context = await contextOf(parse(location.hash))
    frame(context)
    const view = await import(`./views/${context.state.view}.js`)
    content = await view.render(context)
    if (turn !== shown) return
    document.title = `${VIEWS[context.state.view]} · Crime estimates from NIBRS, ${context.run.year}`
  } catch (error) {
    if (turn !== shown) return
    content = [problem(error)]
  }
  const focused = document.activeElement?.id
  main.replaceChildren(...[content].flat().filter(Boolean))
  main.removeAttribute('aria-busy')
  // A control that was used keeps the focus, although it is drawn anew.
  if (focused && focused !== 'main') document.getElementById(focused)?.focus({ preventScroll: true })
  performance.mark('view-end')
  main.dataset.view = location.hash || '#start'
}

/** @param {any} error */
function problem(error) {
  if (!(error instanceof Problem)) console.error(error)
  const text = error instanceof Problem ? error.message
    : `This view cannot be shown because of an error of this program (${error?.message ?? error}). Please report it with the address of the page.`
  return h('div', { class: 'problem', role: 'alert' }, h('h2', {}, 'This cannot be shown'), h('p', {}, text),
    h('p', {}, h('a', { href: '#start' }, 'Back to the start')))
}

/**
 * The state with what the address leaves out, and what the view needs of the site.
 * @param {import('./state.js').State} asked
 * @returns {Promise<Context>}
 */
async function contextOf(asked) {
  const state = { ...asked, asked }
  if (!Object.hasOwn(VIEWS, state.view)) {
    throw new Problem(`There is no view ${state.view}. The views are: ${Object.keys(VIEWS).join(', ')}.`)
  }
  const site = await readSite()
  const runs = site.runs.map((one) => one.run)
  if (state.run && !runs.includes(state.run)) {
    throw new Problem(`This site has no run ${state.run}. Its runs are: ${runs.join(', ')}. The address may be of another site.`)
  }
  state.run ||= runs[runs.length - 1]
  const run = await readRun(state.run)
  state.table ||= run.tables.includes('1a') ? '1a' : run.tables[0]
  if (!site.tables.some((one) => one.table === state.table)) {
    throw new Problem(`This site has no table ${state.table}. Its tables are: ${site.tables.map((one) => one.table).join(', ')}.`)
  }
  const table = await readTable(state.table)
  const places = placesOf(run, state.places)
  if (!state.columns.length) {
    const first = [...table.columns].sort((one, other) => (one.rank ?? 1000 + one.column) - (other.rank ?? 1000 + other.column))
    state.columns = first.slice(0, COLUMNS_AT_FIRST).map((one) => one.column).sort((one, other) => one - other)
  }
  state.columns = state.columns.filter((number) => table.columns[number - 1])
  state.rows = state.rows.filter((number) => table.rows.some((row) => row.row === number))
  state.group ||= '0'
  state.show ||= state.view === 'map' || (state.view === 'compare' && (state.by || 'places') === 'places') ? 'rate' : 'count'
  // Shares of known units are numbers of tables only.
  if (state.show === 'known' && state.view !== 'table') state.show = 'percentage'
  if (state.show !== 'known' && !table.n_rows[state.show]) state.show = table.n_rows.count ? 'count' : 'rate'
  const go = (change) => { location.hash = address({ ...asked, run: state.run, ...change }) }
  return { site, run, table, state, places, go, say, link: (change) => address({ run: state.run, ...change }) }
}

/** @param {any} run @param {number[]} numbers */
function placesOf(run, numbers) {
  const wanted = numbers.length ? numbers : [firstPlace(run).number]
  return wanted.map((number) => {
    const found = run.places.find((place) => place.number === number)
    if (found) return found
    const out = run.left_out.find((place) => place.number === number)
    throw new Problem(out ? `${out.name} is not estimated in run ${run.run}: ${out.why}.` : `Run ${run.run} has no place with number ${number}. The address may be of another site.`)
  })
}

/** The state if the run has only one, otherwise the first place: the nation. @param {any} run */
function firstPlace(run) {
  const states = run.places.filter((place) => place.level === 'state' && place.group === null)
  return states.length === 1 ? states[0] : run.places[0]
}

/** @param {string} text */
function say(text) {
  document.getElementById('said').textContent = text
}

/** Names of the views, origin of the numbers, and the footer. @param {Context} context */
function frame({ site, run, state }) {
  document.getElementById('views').replaceChildren(...Object.entries(VIEWS).map(([view, name]) => h('li', {},
    h('a', { href: address({ ...state.asked, run: state.run, view, page: '' }), 'aria-current': view === state.view ? 'page' : null }, name))))
  const identity = document.getElementById('identity')
  identity.className = run.is_synthetic ? 'synthetic' : ''
  identity.textContent = `${run.text.charAt(0).toUpperCase()}${run.text.slice(1)}`
  document.getElementById('footer').replaceChildren(
    h('p', {}, h('button', { type: 'button', id: 'print', click: () => window.print() }, 'Print'), ' ',
      h('button', { type: 'button', id: 'copy-address', click: () => copy(location.href, 'The address of this view is copied.') }, 'Copy the address'), ' ',
      h('button', { type: 'button', id: 'copy-citation', click: () => copy(citation(site, run), 'The citation is copied.') }, 'Copy a citation')),
    h('p', { class: 'cite', id: 'citation' }, citation(site, run)))
}

/** @param {any} site @param {any} run */
function citation(site, run) {
  return `NIBRS Estimation Pipeline ${site.version}: ${run.text}. Published ${usDate(site.made)}. ${location.href}`
}

/** A date as in the United States. @param {string} day such as 2026-11-30 */
function usDate(day) {
  return new Date(`${day}T00:00:00`).toLocaleDateString('en-US', { month: 'long', day: 'numeric', year: 'numeric' })
}

/** @param {string} text @param {string} done */
async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text)
    say(done)
  } catch {
    window.prompt('Copy this text:', text)
  }
}

window.addEventListener('hashchange', show)
show()
